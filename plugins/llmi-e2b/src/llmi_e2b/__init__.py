"""See plugins/llmi-e2b/README.md."""
