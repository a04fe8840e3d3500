"""A draft's blocks from a stream, or from what is on record of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from llmi_agent.draft.types import BadSlot, Block, Slot, Span, Text, Void
from llmi_agent.draft.wrapped import inner


def joined(stream: Iterable[Block | Void]) -> tuple[Block, ...]:
    """The blocks that a stream of them comes to: what is void is left out, adjacent texts are one."""
    blocks: list[Block] = []
    for block in stream:
        if isinstance(block, Void):
            blocks.clear()
        else:
            blocks.append(block)
    return tuple(_merged(blocks))


def blocks_of(
    source: str,
    slots: Iterable[Slot | BadSlot],
    texts: Iterable[Span],
    wrapper: Span | None = None,
) -> tuple[Block, ...]:
    """The blocks that the reader gave, from the source and what `Draft` tells: its slots, `text_spans` and `wrapper`.

    No slot is read anew: it needs no kinds, and gives the same whatever the reader of its day takes for a slot.
    """
    wrapped = inner(source, *wrapper) if wrapper else None
    pieces = []
    for start, end in texts:
        inside = wrapped and wrapper and wrapper[0] <= start
        written = wrapped.words(start, end) if wrapped and inside else source[start:end]
        pieces.append(Text(written or " ", ((start, end),)))
    blocks: list[Block] = sorted([*pieces, *slots], key=place)
    return joined(blocks)


def place(block: Block) -> Span:
    """Where a block stands, all of it."""
    if isinstance(block, Text):
        return block.spans[0][0], block.spans[-1][1]
    return block.span


def _merged(blocks: Iterable[Block]) -> Iterable[Block]:
    for is_text, group in groupby(blocks, key=lambda block: isinstance(block, Text)):
        if is_text:
            texts = [block for block in group if isinstance(block, Text)]
            spans = _contiguous(span for text in texts for span in text.spans)
            yield Text("".join(text.text for text in texts), tuple(spans))
        else:
            yield from group


def _contiguous(spans: Iterable[Span]) -> list[Span]:
    """The same pieces, with those that follow on another in one; one without a length stays."""
    found: list[Span] = []
    for start, end in spans:
        if found and found[-1][0] < found[-1][1] == start < end:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found
