"""Tables with slots among their cells: a table can hold no figure, and is not to come apart for one."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from llmi_agent.document.render.parser import block_parser
from llmi_agent.draft import BadSlot, Block, Slot, Text

_Name = Callable[[Slot | BadSlot], str]
_Line = list[str | Slot | BadSlot]
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BELOW_HEADER = re.compile(r"^[ \t>|:-]*-[ \t>|:-]*\r?$", re.MULTILINE)


@dataclass(frozen=True)
class _Place:
    """Where a slot stands in the text that names it."""

    start: int
    end: int
    slot: Slot | BadSlot


def whole_tables(blocks: Sequence[Block], name: _Name) -> tuple[Block, ...]:
    """The blocks, with the slots that stand in a table after it; a cell holds the slot's `name` instead.

    A slot on a line of its own between two rows leaves nothing there.
    """
    prose = "".join(block.text for block in blocks if isinstance(block, Text))
    if "|" not in prose or not _BELOW_HEADER.search(prose):
        return tuple(blocks)
    text, places = _named(_lines(blocks), name)
    tables = _tables(text)
    settled = [_outside(place, tables) for place in places]
    return tuple(blocks) if settled == places else tuple(_cut(text, settled))


def _lines(blocks: Sequence[Block]) -> list[_Line]:
    lines: list[_Line] = [[]]
    for block in blocks:
        for part in _LINES.findall(block.text) if isinstance(block, Text) else [block]:
            lines[-1].append(part)
            if isinstance(part, str) and part.endswith(("\n", "\r")):
                lines.append([])
    return lines


def _named(lines: list[_Line], name: _Name) -> tuple[str, list[_Place]]:
    """The text with the slots' names in it. A line of slots alone has none; between rows, there is no such line."""
    text, places = "", []
    for line, following in pairwise([*lines, []]):
        alone = not _words(line).strip(" \t>\r\n")
        between = alone and "|" in _words(following) and len(line) > 1
        for part in line:
            if isinstance(part, str):
                text += "" if between else part
                continue
            written = "" if alone else name(part)
            places.append(_Place(len(text), len(text) + len(written), part))
            text += written
    return text, places


def _words(line: _Line) -> str:
    return "".join(part for part in line if isinstance(part, str))


def _tables(text: str) -> list[range]:
    """The characters of each table of a Markdown text."""
    starts = [0, *accumulate(map(len, _LINES.findall(text)))]
    tokens = block_parser().parse(text)
    maps = [token.map for token in tokens if token.type == "table_open" and token.map]
    return [range(starts[first], starts[min(last, len(starts) - 1)]) for first, last in maps]


def _outside(place: _Place, tables: list[range]) -> _Place:
    before = bisect_right(tables, place.start, key=lambda table: table.start)
    table = tables[before - 1] if before else range(0)
    if place.start in table and (place.start > table.start or place.end > place.start):
        return _Place(table.stop, table.stop, place.slot)
    return place


def _cut(text: str, places: Sequence[_Place]) -> Iterator[Block]:
    position = 0
    for place in sorted(places, key=lambda place: place.start):
        if place.start > position:
            yield Text(text[position : place.start])
        yield place.slot
        position = place.end
    if position < len(text):
        yield Text(text[position:])
