"""The canonical wire form of slots and drafts."""

from __future__ import annotations

import json

from llmi_agent.draft.tags import CLOSE, OPEN, TAG_START
from llmi_agent.draft.types import Block, Dialect, Draft, Slot, Text


def format_slot(slot: Slot, *, dialect: Dialect = "json") -> str:
    """Write a slot as one tag on one line.

    A tag's name inside its strings is written with an escape for `<`, so that the first closing tag
    is the slot's own.
    """
    payload = {"source": slot.kind, "description": slot.description, "params": dict(slot.params)}
    if dialect == "json":
        written, less_than = json.dumps(payload, ensure_ascii=False), r"\u003c"
    else:
        written, less_than = repr(payload), r"\x3c"
    return OPEN + TAG_START.sub(lambda _: less_than, written) + CLOSE


def format(draft: Draft, *, dialect: Dialect = "json") -> str:  # noqa: A001 - read as draft.format
    """Write a draft in canonical form: slots as `format_slot` does, all else as it was.

    With the same kinds, inputs, dialect and reader, `parse(format(d)) == d` holds for every draft that
    came from `parse`, and for those made by hand whose slots' params are as their models dump them and
    whose texts are neither empty nor adjacent and hold no tags, no backticks and no fences. Hence
    `format` after `parse` is idempotent.
    """
    return "".join(_written(block, dialect) for block in draft.blocks)


def _written(block: Block, dialect: Dialect) -> str:
    if isinstance(block, Text):
        return block.text
    return format_slot(block, dialect=dialect) if isinstance(block, Slot) else block.raw
