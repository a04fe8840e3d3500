"""See plugins/llmi-litellm-images/README.md."""
