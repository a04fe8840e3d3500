"""The finished document: its blocks, its messages, its files."""
