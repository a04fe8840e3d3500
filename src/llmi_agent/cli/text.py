"""Words as the command line writes them."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """ "1 figure", "2 figures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
