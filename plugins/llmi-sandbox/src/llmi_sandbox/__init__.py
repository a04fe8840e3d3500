"""See plugins/llmi-sandbox/README.md."""
