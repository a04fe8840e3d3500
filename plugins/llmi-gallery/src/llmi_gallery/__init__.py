"""See plugins/llmi-gallery/README.md."""
