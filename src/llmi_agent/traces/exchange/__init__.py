"""Traces for others, and from others: exported files, and what is imported from them."""
