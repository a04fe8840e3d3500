"""The prose of a draft as its reader sees it: whether there is any, and how much of it stands there before."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import unescape

from llmi_agent.base.seen import UNSEEN

HIDDEN = re.compile(f"[{UNSEEN}]+")
"""Characters that nobody sees."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
)
"""Characters of scripts that put no blanks between words."""
_CLOSES = {
    begin: re.compile(end, re.IGNORECASE)
    for begin, end in (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))
}
"""What begins that is not shown, and where it ends."""
_BEGINS = re.compile("|".join(_CLOSES), re.IGNORECASE)
_DEFINITION = re.compile(
    r"""^[ >]*\[[^\[\]\n]+\]:[ \t]*\n?[ \t]*(?:<[^<>\n]*>|[^\s<]\S*+)
        (?:[ \t]*\n?[ \t]*(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$""",
    re.MULTILINE | re.VERBOSE,
)
_TAG = re.compile(r"</?[A-Za-z][\w-]*(?:[\s/][^<>]*)?>|<[!?][^<>]*>")
_ADDRESS = re.compile(r"!\[[^\[\]\n]*\]\([^()\n]*\)|(?<=\])\([^()\n]*\)")
"""A picture from elsewhere, which is not shown, and the address of a link."""
WINDOW = 10
"""How much must be the same in a row to be repeated: a word weighs 2, a character of a script without blanks 1."""


def shown(markdown: str) -> str:
    """What a reader sees of Markdown: without comments, tags, addresses of links, and characters that nobody sees."""
    text = _DEFINITION.sub("", _uncommented(markdown))
    return HIDDEN.sub("", unescape(_TAG.sub("", _ADDRESS.sub("", text))))


def _uncommented(text: str) -> str:
    parts, done = [], 0
    while begun := _BEGINS.search(text, done):
        end = _CLOSES[begun[0].lower()].search(text, begun.end())
        if end is None:
            break
        parts.append(text[done : begun.start()])
        done = end.end()
    return "".join((*parts, text[done:]))


def says_something(text: str) -> bool:
    """Whether there is a letter or a digit in it that can be seen."""
    return any(character.isalnum() for character in HIDDEN.sub("", text))


def words(text: str) -> list[str]:
    """The words of a text, folded; of scripts without blanks each character by itself."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [part for word in folded.translate(_LETTERS).split() for part in _parts(word)]


class _Letters(dict[int, str]):
    """What is left of a character, by its number: itself where it is part of a word, else a blank or nothing."""

    def __missing__(self, number: int) -> str:
        character = chr(number)
        own = unicodedata.category(character)[0] in "LMN"
        self[number] = "" if HIDDEN.match(character) else character if own else " "
        return self[number]


_LETTERS = _Letters()


def _parts(word: str) -> Iterator[str]:
    start = 0
    for found in _UNSPACED.finditer(word):
        if found.start() > start:
            yield word[start : found.start()]
        yield found[0]
        start = found.end()
    if start < len(word):
        yield word[start:]


def repeated(text: str) -> float:
    """The share of a text, by words, that stands in it before: in runs of `WINDOW` and more, whatever is around them.

    A changed word saves itself, and what it leaves in shorter runs. The time is linear.
    """
    said = words(text)
    sizes = [1 if _UNSPACED.fullmatch(each) else 2 for each in said]
    again = [False] * len(said)
    first: dict[tuple[str, ...], int] = {}
    for start, end in _windows(sizes):
        run = tuple(said[start:end])
        if first.setdefault(run, start) <= start - len(run):
            again[start:end] = [True] * len(run)
    whole = sum(sizes)
    return (
        sum(size for size, seen in zip(sizes, again, strict=True) if seen) / whole if whole else 0.0
    )


def _windows(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where each run that is just long enough starts and ends."""
    end, weight = 0, 0
    for start, size in enumerate(sizes):
        while weight < WINDOW and end < len(sizes):
            weight += sizes[end]
            end += 1
        if weight < WINDOW:
            return
        yield start, end
        weight -= size
