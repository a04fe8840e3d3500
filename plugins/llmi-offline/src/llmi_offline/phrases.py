"""How the report writes names, numbers, dates and lists. Everything untrusted passes through here."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

MINUS = "\N{MINUS SIGN}"
_MARKDOWN = re.compile(r"([\\`*_\[\]|#~$!])")
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_HARMLESS = str.maketrans("<>`|", "\u2039\u203a'/")
_FIRST_LETTER = re.compile(r"^((?:&#?\w+;|[^\w&]|_)*)([^\W\d_])")
_LONGEST = 60


def clean(value: object, longest: int = _LONGEST) -> str:
    """The value as one line of printable text: no controls, no direction overrides, at most `longest`."""
    text = str(value)[: longest * 8]
    kept = (" " if c in "\t\r\n" else c for c in text)
    shown = "".join(
        c for c in kept if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def markdown(value: object) -> str:
    """The value for the prose: nothing in it is markup any more."""
    text = _MARKDOWN.sub(r"\\\1", clean(value).replace("&", "&amp;"))
    return text.replace("<", "&#60;").replace(">", "&#62;")  # `&lt;imgen&gt;{` reads as a slot


def plain(value: object) -> str:
    """The value for captions and chart titles, which are not Markdown but meet it on their way."""
    return clean(value).translate(_HARMLESS)


def label(column: object) -> str:
    """A column's name for people: `temp_max` and `tempMax` are both `temp max`."""
    spaced = re.sub(r"(?<=[a-z0-9])([A-Z])(?=[a-z])", lambda m: " " + m[1].lower(), clean(column))
    return " ".join(spaced.replace("_", " ").split()) or clean(column)


def named(column: object) -> str:
    """A column's name in the prose."""
    return f"*{markdown(label(column))}*"


def quoted(value: object) -> str:
    """A cell's value in the prose."""
    return f"“{markdown(value)}”"


def capital(text: str) -> str:
    """The text with its first letter raised, as at the start of a sentence."""
    return re.sub(_FIRST_LETTER, lambda m: m[1] + m[2].upper(), text)


def listed(parts: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def count(number: int, noun: str = "", plural: str = "") -> str:
    """`1,461 days`; the noun follows the number."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def spelled(number: int, noun: str = "", plural: str = "") -> str:
    """As `count`, with numbers up to ten in letters."""
    figure = _SMALL[number] if 0 <= number < len(_SMALL) else f"{number:,}"
    if not noun:
        return figure
    return f"{figure} {noun if number == 1 else plural or noun + 's'}"


def rounded(value: float) -> str:
    """A computed number: three significant figures, whole from 100 on, with thousands separators."""
    size = abs(value)
    if not math.isfinite(value):
        return "not a number"
    if size >= 1e15 or 0 < size < 1e-4:
        return _signed(f"{value:.2e}")
    if not size:
        return "0"
    magnitude = math.floor(math.log10(float(f"{size:.2e}")))
    places = max(0, 2 - magnitude)
    return _signed(f"{value:,.{places}f}")


def exact(value: float) -> str:
    """A number as the file has it, up to seven significant figures."""
    size = abs(value)
    if not math.isfinite(value):
        return "not a number"
    if size >= 1e15 or 0 < size < 1e-5:
        return _signed(f"{value:.6g}")
    places = max(0, 6 - math.floor(math.log10(size))) if size else 0
    text = f"{value:,.{min(places, 10)}f}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text)


def correlation(r: float) -> str:
    """Pearson's r or Cramér's V, with two decimals, four where two would make it 1."""
    size = abs(r)
    return _signed(f"{r:.4f}" if 0.995 <= size < 1 else f"{r:.2f}")


def share(part: float, whole: float) -> str:
    """A percentage with one decimal; never 0% of something or 100% of not all."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.05:
        return "under 0.1%"
    if 99.95 <= percent < 100:
        return "over 99.9%"
    return f"{percent:.1f}".removesuffix(".0") + "%"


def others(number: int, noun: str) -> str:
    """` and two other months`, to follow the one that is named; nothing if there are none."""
    return f" and {spelled(number, 'other ' + noun)}" if number else ""


def told_cut(cut: tuple[object, object], bucket: str) -> str:
    """A sentence that says which periods are left out for being incomplete, or nothing."""
    ends = [word for word, side in zip(("first", "last"), cut, strict=True) if side]
    verb = "are" if len(ends) > 1 else "is"
    return (
        f" The {listed(ends)} {bucket}, not complete in the data, {verb} left out." if ends else ""
    )


def moment(when: datetime, grain: str) -> str:
    """A date, as fine as the table's own grain."""
    if grain == "year":
        return f"{when.year}"
    if grain == "quarter":
        return f"Q{(when.month + 2) // 3} {when.year}"
    if grain == "month":
        return f"{when:%B} {when.year}"
    day = f"{when.day} {when:%B} {when.year}"
    return day if grain in ("day", "week") else f"{day}, {when:%H:%M}"


def _signed(text: str) -> str:
    if not text.strip("-0.,"):
        return text.lstrip("-")
    return text.replace("-", MINUS)
