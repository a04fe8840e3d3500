"""Words of others, made fit to be kept, to be shown on a terminal, or to name a folder."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    r"""(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]            # CSI: colours, cursor movements
      | (?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?  # OSC and other strings
      | \x1b.?""",
    re.VERBOSE | re.DOTALL,
)
_KEPT = "\u200c\u200d"
"""Joiners that scripts and emoji need."""


def printable(text: str) -> str:
    """Text that can be written as UTF-8: two halves of a character become one, and a lone one a question mark."""
    return paired(text).encode("utf-8", "replace").decode("utf-8")


def paired(text: str) -> str:
    """The same text with two halves of a character, as UTF-16 has them, put together."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


def one_line(text: str, most: int = 2_000) -> str:
    """`text` as a single printable line of at most `most` characters."""
    bare = text
    if not text.isprintable():  # most are, which is told many times faster
        bare = "".join(c if c.isprintable() or c in _KEPT else " " for c in _ESCAPES.sub("", text))
    line = " ".join(bare.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def slug(text: str, most: int = 48) -> str:
    """Words of `text` as a folder's name: letters and digits of any script, joined by hyphens."""
    folded = unicodedata.normalize("NFKC", one_line(text)).lower()
    words = "".join(c if c.isalnum() else " " for c in folded).split()
    name = ""
    for word in words:
        if name and len(name) + len(word) >= most:
            break
        name = f"{name}-{word}" if name else word[:most]
    return name or "document"
