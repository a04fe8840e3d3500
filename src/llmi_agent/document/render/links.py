"""Which addresses a document may point at."""

from __future__ import annotations

import re

_SAFE = re.compile(r"(?:https?://|mailto:)[^\s<>\"'`\\\x00-\x20\x7f]+", re.IGNORECASE)


def safe_url(address: str | None) -> str | None:
    """`address` if it is a plain web or mail address, else None."""
    if address is None:
        return None
    stripped = address.strip()
    return stripped if _SAFE.fullmatch(stripped) else None


def is_fragment(address: str) -> bool:
    """Whether `address` points into the page itself."""
    return address.startswith("#") and len(address) > 1
