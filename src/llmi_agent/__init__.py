"""LLMI: an agent that writes illustrated documents."""
