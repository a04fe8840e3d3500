"""See plugins/llmi-openverse/README.md."""
