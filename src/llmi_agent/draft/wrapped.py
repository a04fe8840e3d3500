"""Answers that are a JSON object which holds the document: models asked for JSON, or made to write it, write so.

Only what is unmistakable is taken out: one string under a key that says that it is the text, and a title before it. An
object that says anything else in words stays as it is, for nothing is to be lost.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmi_agent.draft import syntax
from llmi_agent.draft.types import Block, Span, Text

_TEXTS = frozenset(
    "content document markdown text body answer response article report draft output result "
    "final_answer final message".split()
)
_TITLES = frozenset(("title", "heading", "headline"))
_LABELS = frozenset("role type format language lang model id status name author date".split())
_START = re.compile(r"\s*(?:(?:`{3,}|~{3,})[ \t]*[A-Za-z0-9]*\s*)?\{")
_FENCED = re.compile(r"\s*(?:(`{3,}|~{3,})[^\n]*\n)?\s*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_GAP = re.compile(r"[\s,:]*")
_STRING = json.JSONDecoder().raw_decode
_PIECE = re.compile(
    r"[^\\]+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.",
    re.DOTALL,
)


@dataclass(frozen=True)
class Inner:
    """The document in an object, and where each of its characters, and its end, stands in the source."""

    text: str
    places: tuple[int, ...]

    def moved(self, block: Block) -> Block:
        """A block of this text with its spans in the source."""
        if isinstance(block, Text):
            return replace(block, spans=tuple(map(self._outside, block.spans)))
        return replace(block, span=self._outside(block.span))

    def words(self, start: int, end: int) -> str:
        """What a span of the source says."""
        return self.text[bisect_left(self.places, start) : bisect_left(self.places, end)]

    def _outside(self, span: Span) -> Span:
        return self.places[span[0]], self.places[span[1]]


def may_be_wrapped(beginning: str) -> bool:
    """Whether a text that begins so may be an object as a whole."""
    return bool(_START.match(beginning))


def inner(source: str, start: int, end: int) -> Inner | None:
    """The document in the object that is all of this part of the source, in a fence or not."""
    fence = _FENCED.match(source, start, end)
    first = fence.end() if fence else start
    part = source[first:end].rstrip()
    part = part.removesuffix(fence[1]).rstrip() if fence and fence[1] else part
    try:
        pairs = list(_strings(part))
    except ValueError:
        return None
    named = {key for key, _ in pairs}
    texts = [at for key, at in pairs if key in _TEXTS]
    if len(texts) != 1 or len(named) < len(pairs) or not named <= _TEXTS | _TITLES | _LABELS:
        return None
    titles = [at for key, at in pairs if key in _TITLES and at < texts[0]]
    return _document(part, first, texts[0], titles[0] if titles else None)


def _strings(part: str) -> Iterator[tuple[str, int]]:
    """The keys of an object that hold words, and where these begin. Raises ValueError for any other text."""
    if part[:1] != "{" or syntax.object_end(part, 0) != len(part):
        raise ValueError("more than an object")
    at = 1
    while part[at := _after_gap(part, at)] != "}":
        key, at = _STRING(part, at)
        at = _after_gap(part, at)
        end = syntax.object_end(part, at)
        if part[at] == '"':
            yield key.casefold(), at + 1
        elif part[at] in "{[":
            raise ValueError("it holds more than words")
        at = end


def _after_gap(part: str, at: int) -> int:
    found = _GAP.match(part, at)
    return found.end() if found else at


def _document(part: str, offset: int, text: int, title: int | None) -> Inner | None:
    written, places, end = _decoded(part, text, offset)
    if not written.strip() or _SURROGATE.search(written):
        return None
    if title is not None and not written.lstrip().startswith("#"):
        head, spots, stop = _decoded(part, title, offset)
        if head.strip() and "\n" not in head:
            written, places = (
                f"# {head}\n\n{written}",
                [*[spots[0] if spots else stop] * 2, *spots, stop, stop, *places],
            )
    return Inner(written, (*places, end))


def _decoded(part: str, at: int, offset: int) -> tuple[str, list[int], int]:
    """A JSON string's characters, where each stands, and where its closing quote does."""
    _, end = _STRING(part, at - 1)
    pieces: list[str] = []
    places: list[int] = []
    for found in _PIECE.finditer(part, at, end - 1):
        start = found.start() + offset
        escaped = found[0][0] == "\\"
        pieces.append(_STRING(f'"{found[0]}"', 0)[0] if escaped else found[0])
        places += [start] if escaped else range(start, found.end() + offset)
    return "".join(pieces), places, end - 1 + offset
