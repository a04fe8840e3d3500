"""What happened in a run, durable, and what it cost."""
