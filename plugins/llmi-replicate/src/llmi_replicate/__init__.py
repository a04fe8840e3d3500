"""See plugins/llmi-replicate/README.md."""
