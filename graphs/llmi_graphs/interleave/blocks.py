"""The blocks of a draft as the state has them: read once, by the plan, and plain JSON from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llmi_agent.draft import BadSlot, Block, Draft, Slot, Text

_TYPES: dict[str, type[Block]] = {"text": Text, "slot": Slot, "bad": BadSlot}
_NAMES = {each: name for name, each in _TYPES.items()}


def plain(block: Block) -> dict[str, Any]:
    """A block as JSON."""
    return {"type": _NAMES[type(block)], **vars(block)}


def block_of(data: dict[str, Any]) -> Block:
    """The block that `plain` made so."""
    fields = {name: value for name, value in data.items() if name != "type"}
    if "span" in fields:
        fields["span"] = tuple(fields["span"])
    if "spans" in fields:
        fields["spans"] = tuple(tuple(each) for each in fields["spans"])
    return _TYPES[data["type"]](**fields)


def draft_of(blocks: Iterable[dict[str, Any]]) -> Draft:
    """The draft of these blocks."""
    return Draft(tuple(map(block_of, blocks)))
