"""Text as a reader sees it: escapes undone, and without the marks that nobody sees, with the way back to its places."""

from __future__ import annotations

import re
from bisect import bisect_right
from html.entities import html5
from typing import Final
from urllib.parse import unquote

UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""Characters that nobody sees."""
_EMPHASIS = "*_~`"
"""What Markdown may take for the marks of emphasis, of struck out words and of code."""
_TAGS = re.compile(r"[<\[\]◁&\\%]")
_MARKS = re.compile(rf"[\\&%<\[\]◁{_EMPHASIS}{UNSEEN}]")
_REASONING = (
    "(?i:think|thinking|thoughts?|reasoning|reflection|reason|analysis|scratchpad|antthinking|"
    "inner_monologue|seed:think)"
)
"""Tags that the reader of drafts takes away with all that stands between them."""
_THINK = rf"[<\[◁]{_REASONING}[>\]▷]"
_THINKING = rf"{_THINK}[^<\[◁]*(?:[<\[◁](?!/?{_REASONING}[>\]▷])[^<\[◁]*)*"
_TAG = r"<[A-Za-z/!|\uff5c][^<>]{0,200}"
_LINK = r"\]\([^()\[\]]{0,400}"
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = rf"""(?P<backslash> \\u[dD][89abAB][0-9a-fA-F]{{2}}{_LOW} | \\u[0-9a-fA-F]{{4}} | \\x[0-9a-fA-F]{{2}} )
      | (?P<number> &\#(?: [xX][0-9a-fA-F]{{1,64}} | [0-9]{{1,64}} );? )
      | (?P<name> &[A-Za-z][A-Za-z0-9]{{1,31}}; )
      | (?P<byte> %[0-7][0-9a-fA-F] | %[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){{1,3}} )
      | \\+(?!u[0-9a-fA-F]{{4}}|x[0-9a-fA-F]{{2}})"""
_SHOWN = rf"{_ESCAPES} | [{_EMPHASIS}{UNSEEN}]+"
_TAGS_TOO = rf"{_THINKING}[<\[◁]/{_REASONING}[>\]▷] | {_TAG}>"
_LINKS_TOO = rf"{_LINK}\) | \[+ | \]"
VIEWS: Final = {
    view: re.compile(pattern, re.VERBOSE)
    for view, pattern in (
        ("source", _SHOWN),
        ("tagless", rf"{_TAGS_TOO} | {_SHOWN}"),
        ("linkless", rf"{_LINKS_TOO} | {_SHOWN}"),
        ("page", rf"{_TAGS_TOO} | {_LINKS_TOO} | {_SHOWN}"),
    )
}
"""What is taken out of sight: escapes and marks; tags and a model's reasoning, too; links, too; all of it. What is in
a tag or in a link's address can be read as well, so none of them stands for the others."""
_BEGUN = re.compile(
    r"""(?: (?:\\(?:[ux][0-9a-fA-F]{0,4})?){1,2}
          | &(?: \#(?: [xX][0-9a-fA-F]{0,64} | [0-9]{0,64} ) | [A-Za-z][A-Za-z0-9]{0,31} )?
          | (?:%[0-9a-fA-F]{0,2}){1,4} )\Z""",
    re.VERBOSE,
)
_OPEN = [re.compile(rf"(?:{each})\Z") for each in (_THINKING, rf"<|{_TAG}", rf"\]|{_LINK}")]
_LONGEST = 80
"""Characters that an escape may have."""
_DEEPEST = 5
"""How often escapes are undone: what stands in JSON in a page in an address has been escaped three times."""


def views(text: str) -> tuple[str, ...]:
    """The names of the views in which `text` may look different."""
    if not _MARKS.search(text):
        return ()
    return (*VIEWS,) if _TAGS.search(text) else ("source",)


def unclosed(text: str) -> list[int]:
    """Where tags and links begin that `text` ends in: what comes next may take all from there out of sight."""
    return [found.start() for each in _OPEN if (found := each.search(text))]


class Seen:
    """`text` as it is seen: `depths` are what it is with its escapes undone not at all, once, twice and so on.

    Takes time in proportion to the text's length.

    view: one of `VIEWS`.
    whole: more of the text is not to come, so that an escape that it ends in is none; else that is left out.
    """

    def __init__(self, text: str, view: str, *, whole: bool = True) -> None:
        self.depths: list[str] = []
        self._layers: list[_Layer] = []
        for _ in range(_DEEPEST):
            self.depths.append(text if whole else _without_begun(text))
            layer = _Layer(self.depths[-1], VIEWS[view])
            if not layer.starts:
                return
            self._layers.append(layer)
            text = layer.text
        self.depths.append(text if whole else _without_begun(text))

    def start(self, depth: int, place: int) -> int:
        """Where in the text begins what stands at `place`; at the end: where what is left out begins."""
        for layer in reversed(self._layers[:depth]):
            place = layer.start(place)
        return place

    def end(self, depth: int, place: int) -> int:
        """Where in the text ends what stands before `place`, which is not 0."""
        for layer in reversed(self._layers[:depth]):
            place = layer.end(place)
        return place


class _Layer:
    """A text with its escapes undone once; for each of them its places in the text before and after."""

    def __init__(self, text: str, escapes: re.Pattern[str]) -> None:
        self.starts: list[int] = []
        self._ends: list[int] = []
        self._begins: list[int] = []
        self._stops: list[int] = []
        pieces: list[str] = []
        done = length = 0
        for found in escapes.finditer(text):
            said = _meaning(found)
            if said is None:
                continue
            start, end = found.span()
            begin = length + start - done
            length, done = begin + len(said), end
            pieces += text[self._ends[-1] if self._ends else 0 : start], said
            self.starts.append(start)
            self._ends.append(end)
            self._begins.append(begin)
            self._stops.append(length)
        self.text = "".join((*pieces, text[done:]))

    def start(self, place: int) -> int:
        last = bisect_right(self._begins, place) - 1
        if last < 0:
            return place
        if place < self._stops[last]:
            return self.starts[last]
        return self._ends[last] + place - self._stops[last]

    def end(self, place: int) -> int:
        last = bisect_right(self._begins, place - 1) - 1
        if last < 0:
            return place
        return self._ends[last] + max(place - self._stops[last], 0)


def _meaning(found: re.Match[str]) -> str | None:
    """What an escape stands for; None if for nothing."""
    said = found[0]
    match found.lastgroup:
        case "backslash":
            codes = [int(each, 16) for each in re.split(r"\\[ux]", said)[1:]]
            if len(codes) == 1:
                return chr(codes[0])
            return chr(0x10000 + ((codes[0] - 0xD800) << 10) + codes[1] - 0xDC00)
        case "number":
            digits = said[2:].rstrip(";")
            code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
            return chr(code) if code <= 0x10FFFF else None
        case "name":
            return html5.get(said[1:])
        case "byte":
            return unquote(said)
    return ""


def _without_begun(text: str) -> str:
    tail = max(len(text) - _LONGEST, 0)
    found = _BEGUN.search(text, tail)
    return text[: found.start()] if found else text
