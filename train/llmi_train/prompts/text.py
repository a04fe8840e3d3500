"""When two texts count as the same: normalised, and its digest."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
UNSPACED = f"[{_UNSPACED}]"
"""A character, as of a pattern, of scripts that put no space between words: Chinese and Japanese."""
UNSPACED_RE = re.compile(UNSPACED)

_KEPT = frozenset("#%&@")
"""Punctuation by Unicode's reckoning that says something: C# is not C, and 5% is not 5."""
_HELD = "\x00"
"""Stands for a point within a number while punctuation goes."""
_POINT = re.compile(r"(?<=\d)[.,](?=\d)")
_INNER = re.compile(rf"(?<={UNSPACED}) | (?={UNSPACED})")


def normalised(text: str) -> str:
    """The text without what makes no difference: width and case of letters, punctuation, invisible characters, how
    much space there is, and in Chinese and Japanese whether there is any.

    Unicode's NFKC, folded; a point or comma within a number stays.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = folded.replace(_HELD, " ")
    words = " ".join(_POINT.sub(_HELD, folded).translate(_TABLE).split())
    return _INNER.sub("", unicodedata.normalize("NFKC", words))


class _Kept(dict[int, str]):
    """What is left of a character, by its number: itself, a space, or nothing. For `str.translate`."""

    def __missing__(self, number: int) -> str:
        self[number] = _kept(chr(number))
        return self[number]


def _kept(character: str) -> str:
    if character == _HELD:
        return "."
    category = unicodedata.category(character)
    if category in ("Cf", "Cs") or "\ufe00" <= character <= "\ufe0f" or character in "'\u2019":
        return ""
    if character in _KEPT or (category[0] not in "PZ" and category != "Cc"):
        return character
    return " "


_TABLE = _Kept()


def digest_of(text: str) -> str:
    """The SHA-256 of the normalised text: the same on every machine, and of every text that counts as the same."""
    return hashlib.sha256(normalised(text).encode("utf-8", "replace")).hexdigest()
