"""Making prompts: one model writes requests to a stated mix, another checks them, and nothing is paid for twice."""
