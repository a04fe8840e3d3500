"""Drafts that leave nothing to read."""

from __future__ import annotations

import string

from llmi_agent.draft.reader import parse
from llmi_agent.draft.tags import ANY_REASONING

_INVISIBLE = string.whitespace + "\u00a0\u200b\u200c\u200d\u2060\ufeff"


def is_empty(text: str) -> bool:
    """Whether nothing is left of a draft for anybody to read: blanks, or reasoning alone."""
    if not text.strip(_INVISIBLE):
        return True
    if not ANY_REASONING.search(text):
        return False
    draft = parse(text, {})
    return not draft.slots and not draft.text.strip(_INVISIBLE)
