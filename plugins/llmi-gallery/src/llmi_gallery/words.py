"""Words: of file names, of captions, of queries; and how they become a query that SQLite takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MOST_TERMS = 24
"""Terms of one query that are searched for; each costs a look-up."""

# Scripts written without spaces, and Hangul, whose words carry endings: matched by pairs of characters.
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
_RUN = re.compile(rf"[{_DENSE}]+")
_WORD = re.compile(rf"[{_DENSE}]+|[^\W_{_DENSE}]+")
_CAMEL = re.compile(
    r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)"
)

_STOP_WORDS = """
a an and any are as at be by for from has have in into is it its no not of on or over show showing some that the
their this to under up view was were what when where which who with
photo photos photograph photography picture pictures image images illustration shot
der die das ein eine und mit im am le la les un une des et du de el los las y en con
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def from_name(name: str) -> str:
    """The words of a file or folder name: `IMG_redSquare2019` gives `IMG red Square 2019`."""
    return " ".join(word for part in _WORD.findall(name) for word in _CAMEL.split(part))


def spaced(text: str) -> str:
    """Text as it is indexed: characters of dense scripts become words of their own."""
    normal = unicodedata.normalize("NFKC", text)
    return _RUN.sub(lambda run: f" {' '.join(run[0])} ", normal)


def terms(query: str) -> list[str]:
    """The distinct terms of a query, as quoted FTS5 phrases: no text can break out of them."""
    normal = unicodedata.normalize("NFKC", query).lower()
    found = list(dict.fromkeys(_pieces(_WORD.findall(normal))))
    telling = [word for word in found if word not in STOP_WORDS]
    return [f'"{spaced(word).strip()}"' for word in (telling or found)[:MOST_TERMS]]


def _pieces(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if _RUN.fullmatch(word) and len(word) > 2:
            yield from (word[place : place + 2] for place in range(len(word) - 1))
        else:
            yield word
