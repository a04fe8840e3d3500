"""llmi-litellm: the models of every vendor that LiteLLM knows, as policies."""
