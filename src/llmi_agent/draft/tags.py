"""The four tags, and how text is looked through for them."""

from __future__ import annotations

import re
from typing import Final

OPEN: Final = "<imgen>"
CLOSE: Final = "</imgen>"
THINK: Final = "<think>"
THOUGHT: Final = "</think>"
TAGS: Final = (OPEN, CLOSE, THINK, THOUGHT)
LONGEST: Final = max(map(len, TAGS))

SLOT_EDGE: Final = re.compile("</?imgen>")
TAG_START: Final = re.compile("<(?=/?(?:imgen|think)>)")


def unfinished(text: str, start: int = 0) -> int:
    """Find the beginning of a tag at the end of `text` that more text could finish.

    Looks no further back than `start`; returns `len(text)` when no tag is under way.
    """
    at = text.rfind("<", max(start, len(text) - LONGEST + 1))
    if at >= 0 and any(tag.startswith(text[at:]) for tag in TAGS):
        return at
    return len(text)
