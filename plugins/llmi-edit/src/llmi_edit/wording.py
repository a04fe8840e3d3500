# ruff: noqa: RUF001 - typographic marks are what this module reads
"""From an instruction as people write it to plain clauses: quotes set aside, one spelling, split."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

MAX_LETTERS = 2_000
NUMBER = r"(\d{1,5}(?:\.\d{1,4})?)"

_CLOSING = {
    '"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»", "「": "」", "『": "』", "＂": "＂", "＇": "＇",
}  # fmt: skip
_NUMBERS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
}  # fmt: skip
_POINT = (
    r"\(?\s*(\d{1,5}(?:\.\d{1,4})?\s*(?:%|px)?)\s*,\s*(\d{1,5}(?:\.\d{1,4})?\s*(?:%|px)?)\s*\)?"
)
_SPELLINGS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"[’`´]", "'"),
    (r"[–—]", " , "),
    (r"\bb ?[/&] ?w\b", "greyscale"),
    (r"\s*&\s*", " and "),
    (r"×", "x"),
    (r":(?!\d)", " : "),
    (r"\bper ?cent\b", "%"),
    (r"\s+%", "%"),
    (r"\bpixels?\b", "px"),
    (r"(?<=\d)\s*-?\s*px\b", "px"),
    (r"(?<=\d)\s*-?\s*(?:degrees?|deg|°)(?!\w)", "deg"),
    (r"°", "deg"),
    (r"(?<=[^\W\d])-(?=[^\W\d])|(?<=\d)-(?=[^\W\d])", " "),
    (r"\b(?:gray ?scale|grey scale)\b", "greyscale"),
    (r"\bgray(ish)?\b", r"grey\1"),
    (r"\bcolor", "colour"),
    (r"\bcent(?:er|re)(?:ed|d)\b", "centred"),
    (r"\b(?:center|middle|central|mid)\b", "centre"),
    (r"\bupper\b", "top"),
    (r"\b(?:lower|lowest|bottommost)(?= (?:left|right|half|third|quarter|2|3|edge|side|part|corner))", "bottom"),
    (r"\b(left|right) hand\b", r"\1"),
    (r"\b(?:leftmost|rightmost|topmost)\b", lambda m: m[0][:-4]),
    (r"\b(?:anti|counter) clockwise\b|\banticlockwise\b|\bccw\b", "counterclockwise"),
    (r"\bcw\b", "clockwise"),
    (r"\bblack and white\b|\bgreyscaled\b", "greyscale"),
    (r"\ban? half\b", "half"),
)  # fmt: skip
_PICTURES = "picture|image|photo|photograph|pic|figure|fig|chart|plot|graph|illustration|drawing|screenshot|slot|map"
_ORDINALS = "first|second|third|fourth|last|previous|earlier|original|input|attached|uploaded|above"
_THE_PICTURE = re.compile(
    rf"\b(?:{_PICTURES})\.? ?(?:#|no\. ?|number )?\d{{1,3}}(?![\w%:.])"
    rf"|\b(?:the|this) (?:{_PICTURES}) of (?:the |an? )?[^\W\d]+(?: [^\W\d]+){{0,3}}?(?= (?:to|into|in|by|so)\b)"
    rf"|\b(?:the )?(?:{_ORDINALS}) (?:{_PICTURES}|one)\b"
    rf"|\b(?:the|this) (?:whole |entire |full )?(?:{_PICTURES})\b"
)
_BREAK = re.compile(
    r"\s*(?:[;\n!?]|,(?!\d)|\.(?=\s|$)|\band then\b|\bthen\b|\bfollowed by\b|\bas well as\b|\bplus\b|\balso\b"
    r"|\bbut\b|\bfinally\b|\blastly\b|\band\b)\s*"
)
_WITH = re.compile(r"\bwith (?=an? [^\"]{0,40}\b(?:border|frame|caption|title)\b)")


class NotUnderstood(ValueError):  # noqa: N818 - reads as what happened
    """A part of the instruction that cannot be read. The message names the part and the reason."""


@dataclass(frozen=True)
class Wording:
    """An instruction in plain clauses. A quote stands in them as `"0"`, its number in `quotes`."""

    clauses: tuple[str, ...]
    quotes: tuple[str, ...]

    def shown(self, clause: str) -> str:
        """A clause with its quotes put back, for a message."""
        return re.sub(r'"(\d+)"', lambda found: f"'{self.quotes[int(found[1])]}'", clause)


def word(instruction: str) -> Wording:
    """Raises NotUnderstood if the instruction is too long or leaves a quotation open."""
    if len(instruction) > MAX_LETTERS:
        raise NotUnderstood(
            f"the instruction has {len(instruction)} letters, at most {MAX_LETTERS} are read"
        )
    text, quotes = _set_quotes_aside(instruction)
    parts = (part for piece in _BREAK.split(_one_spelling(text)) for part in _without_with(piece))
    return Wording(tuple(part.strip(" :,") for part in parts if part.strip(" :,")), quotes)


def _without_with(clause: str) -> list[str]:
    """ "Sepia with a white border" is two wishes; a caption with a border is one (and refused)."""
    found = _WITH.search(clause)
    if not found or '"' in clause[: found.start()]:
        return [clause]
    return [clause[: found.start()], clause[found.end() :]]


def _set_quotes_aside(text: str) -> tuple[str, tuple[str, ...]]:
    plain: list[str] = []
    quotes: list[str] = []
    at = 0
    while at < len(text):
        if not _opens(text, at):
            plain.append(text[at])
            at += 1
            continue
        end = _end_of_quote(text, at)
        quotes.append(_unescaped(text[at + 1 : end]))
        # A comma or full stop inside the quotation marks (as in print) still ends the clause.
        plain.append(f' "{len(quotes) - 1}" ')
        at = end + 1
    return "".join(plain), tuple(quotes)


def _opens(text: str, at: int) -> bool:
    """Whether a quotation starts here: an apostrophe inside or after a word starts none."""
    mark = text[at]
    if mark not in _CLOSING:
        return False
    return mark not in "'`‘" or at == 0 or not text[at - 1].isalnum()


def _end_of_quote(text: str, start: int) -> int:
    closing = _CLOSING[text[start]]
    for at in range(start + 1, len(text)):
        inside_word = at + 1 < len(text) and text[at + 1].isalnum() and closing in "'’`"
        if text[at] == closing and text[at - 1] != "\\" and not inside_word:
            return at
    raise NotUnderstood(f"the quotation that opens with {text[start : start + 20]!r} is not closed")


def _unescaped(quote: str) -> str:
    text = re.sub(r"\\(n|.)", lambda found: "\n" if found[1] == "n" else found[1], quote)
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()


def _one_spelling(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub(r"[^\W\d_]+", lambda found: _NUMBERS.get(found[0], found[0]), text)
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text)
    text = re.sub(rf"{_POINT}\s*(?:to|and|-|x)\s*{_POINT}", r" [\1 \2 \3 \4] ", text)
    text = re.sub(r"[^\S\n]+", " ", re.sub(r"[()]", " ", text))
    return _THE_PICTURE.sub("the picture", text)
