"""Which values are too ordinary to be erased: text would lose its words, and gain nothing in secrecy."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

SHORTEST = 8
"""Characters below which a value is taken for a word, whatever it is."""
_LONGEST_WORD = 15
"""Letters; passwords made by machines (Google's have 16) are longer."""
_LONGEST_NUMBER = 15
_SWITCHES = frozenset(
    "true false yes no on off none null enabled disabled required optional".split()
)

_WORDS = re.compile(r"([^\W\d_]+)(?:\d{1,4}[!.]?|[-_ .]([^\W\d_]+))?")
_NUMBER = re.compile(r"[\d.,:/+ -]+")
_PLACE = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.@ -]+)+[/\\]?")
_HOST = re.compile(
    r"(?:localhost|[a-z][a-z-]*(?:\.[a-z][a-z-]*)+|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?"
)
_THRICE = re.compile(r"(.)\1\1")
_VOWEL = re.compile(r"[aeiouy]|[^\x00-\x7f]", re.IGNORECASE)
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}", re.IGNORECASE)


def is_ordinary(value: str) -> bool:
    """Whether `value` may stand in any text by chance: short, a word or two, a number, a path, an address."""
    value = value.strip()
    return len(value) < SHORTEST or _is_number(value) or _is_words(value) or is_plain(value)


def is_plain(value: str) -> bool:
    """Whether `value` is none that anybody would keep secret: a switch, a path, an address without credentials."""
    value = value.strip()
    return value.lower() in _SWITCHES or _is_path(value) or _is_address(value)


def _is_number(value: str) -> bool:
    return len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value) is not None


def _is_words(value: str) -> bool:
    """`postgres`, `changeme`, `Password123`, `created_at`, `wind power`; but not `xkqzvbnm`."""
    found = _WORDS.fullmatch(value)
    if found is None:
        return False
    words = [each for each in found.groups() if each]
    return sum(map(len, words)) <= _LONGEST_WORD and all(map(_is_word, words))


def _is_word(letters: str) -> bool:
    """Whether people could say it, and it is written in one case."""
    one_case = letters[1:] == letters[1:].lower() or letters == letters.upper()
    said = _VOWEL.search(letters) and not _CONSONANTS.search(letters)
    return bool(one_case and said and not _THRICE.search(letters))


def _is_path(value: str) -> bool:
    return _PLACE.fullmatch(value) is not None and not _is_random(value)


def _is_address(value: str) -> bool:
    if _HOST.fullmatch(value):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    written = parts.scheme and parts.netloc and not (parts.query or parts.fragment)
    return bool(written) and "@" not in parts.netloc and not _is_random(parts.path)


def _is_random(path: str) -> bool:
    """Whether a part of `path` looks like a key: letters of both cases and digits, many of them."""
    return any(
        len(part) >= SHORTEST
        and re.search("[a-z]", part)
        and re.search("[A-Z]", part)
        and re.search(r"\d", part)
        for part in re.split(r"[/\\. -]", path)
    )
