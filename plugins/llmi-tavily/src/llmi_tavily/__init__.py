"""See plugins/llmi-tavily/README.md."""
