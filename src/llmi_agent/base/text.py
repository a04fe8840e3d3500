"""Words of others, made fit to be kept."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text that can be written as UTF-8: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
