"""Reads an object that is nearly JSON or nearly a Python literal, as language models write them.

Beyond both dialects it takes smart quotes around strings, raw line breaks and tabs inside them,
trailing commas, and closing brackets that are missing at the very end. It never guesses at the end of
a string: a request that was cut in the middle of a sentence is not the request that was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_DEEPEST = 50
_OPENER = re.compile(r"""\{(?=\s*+["'“”„‘’}])""")  # noqa: RUF001 - the quotes meant
_SPACE = re.compile(r"\s*")
_BODY = {
    '"': re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL),
    "'": re.compile(r"[^'\\]*+(?:\\.[^'\\]*+)*+", re.DOTALL),
}
# A smart quote may also stand inside the string, as an apostrophe does: it ends the string
# only where a value may end.
_SMART = {
    "“": re.compile(r"[“”](?=\s*(?:[,:}\]]|\Z))"),
    "‘": re.compile(r"[‘’](?=\s*(?:[,:}\]]|\Z))"),  # noqa: RUF001 - the quotes meant
}
_SMART_OPENERS = {"“": "“", "”": "“", "„": "“", "‘": "‘", "’": "‘"}  # noqa: RUF001 - the quotes meant
_WORD = re.compile(r"[A-Za-z]+|-?\d[\d.eE+-]*")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_PLAIN_ESCAPES = {
    **{"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""},
    **{mark: mark for mark in "\\/\"'"},
}


def loads(text: str) -> Any:
    """Read one value that is all of `text`.

    Raises ValueError with the place and what was expected there.
    """
    cursor = _Cursor(text)
    value = cursor.value(0)
    if cursor.peek():
        raise cursor.error("the end")
    return value


def objects(text: str, most: int) -> Iterator[dict[str, Any]]:
    """Every object in the text that is in no other one, whatever stands around them; one that has a key twice is none.

    most: how many beginnings are tried, since each may lead to the end of the text.
    """
    opener = _OPENER.search(text)
    for _ in range(most):
        if opener is None:
            return
        cursor = _Cursor(text, opener.start(), unique=True)
        try:
            yield cursor.value(0)
            after = cursor.at
        except ValueError:
            after = opener.end()
        opener = _OPENER.search(text, after)


class _Cursor:
    def __init__(self, text: str, at: int = 0, *, unique: bool = False) -> None:
        self._text = text
        self._at = at
        self._unique = unique

    @property
    def at(self) -> int:
        """Where it stands in the text."""
        return self._at

    def peek(self) -> str:
        """The next character that is no blank, or an empty string at the end."""
        blank = _SPACE.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def error(self, expected: str) -> ValueError:
        found = self._text[self._at : self._at + 12]
        return ValueError(
            f"expected {expected} at character {self._at}, found {found!r}"
            if found
            else f"expected {expected}, but the payload ends"
        )

    def value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} levels deep")
        mark = self.peek()
        if mark == "{":
            return self._object(depth)
        if mark == "[":
            return self._array(depth)
        if mark in _BODY or mark in _SMART_OPENERS:
            return self._string()
        return self._word()

    def _object(self, depth: int) -> dict[str, Any]:
        self._at += 1
        found: dict[str, Any] = {}
        while self._more("}"):
            key = self._string()
            if self.peek() != ":":
                raise self.error("':'")
            self._at += 1
            if self._unique and key in found:
                raise ValueError(f"the key {key!r} is there twice")
            found[key] = self.value(depth + 1)
            self._separator("}")
        return found

    def _array(self, depth: int) -> list[Any]:
        self._at += 1
        found: list[Any] = []
        while self._more("]"):
            found.append(self.value(depth + 1))
            self._separator("]")
        return found

    def _more(self, closer: str) -> bool:
        """Whether a member follows; steps over the closer, which may be missing at the end."""
        mark = self.peek()
        if mark == closer:
            self._at += 1
        return mark not in ("", closer)

    def _separator(self, closer: str) -> None:
        mark = self.peek()
        if mark == ",":
            self._at += 1
        elif mark not in ("", closer):
            raise self.error(f"',' or '{closer}'")

    def _string(self) -> str:
        mark = self.peek()
        start = self._at + 1
        if mark in _BODY:
            body = _BODY[mark].match(self._text, start)
            end = body.end() if body else start
            found = end < len(self._text)
        elif mark in _SMART_OPENERS:
            closer = _SMART[_SMART_OPENERS[mark]].search(self._text, start)
            end = closer.start() if closer else start
            found = closer is not None
        else:
            raise self.error("a string in quotes")
        if not found:
            raise ValueError(f"the string that starts at character {self._at} is not closed")
        self._at = end + 1
        return _unescape(self._text[start:end])

    def _word(self) -> Any:
        found = _WORD.match(self._text, self._at)
        word = found[0] if found else ""
        if word in _WORDS:
            self._at += len(word)
            return _WORDS[word]
        if not word or word[0].isalpha():
            raise self.error("a value")
        number = _number(word)
        self._at += len(word)
        return number


def _number(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)


def _unescape(body: str) -> str:
    """Resolve the escapes of both dialects. An unknown one stays, with its backslash."""
    if "\\" not in body:
        return body
    return _ESCAPE.sub(_escaped, body).encode("utf-16", "surrogatepass").decode("utf-16")


def _escaped(found: re.Match[str]) -> str:
    name = found[1]
    if len(name) > 1:
        return chr(int(name[1:], 16))
    return _PLAIN_ESCAPES.get(name, found[0])
