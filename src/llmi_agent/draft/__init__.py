"""The draft: the policy's text with slots, read strictly, leniently, or as it streams.

In its canonical form a slot is one tag that holds a JSON object with exactly three keys:
`<imgen>{"source": "search", "description": "title", "params": {"query": "..."}}</imgen>`.
"""

from llmi_agent.draft.blank import is_empty
from llmi_agent.draft.blocks import blocks_of, joined
from llmi_agent.draft.digest import slot_digest
from llmi_agent.draft.reader import DraftReader, parse
from llmi_agent.draft.single import Choice, is_valid_payload, slot_in
from llmi_agent.draft.syntax import MAX_PAYLOAD
from llmi_agent.draft.types import (
    BadSlot,
    Block,
    Dialect,
    Draft,
    Kinds,
    Slot,
    Span,
    Strictness,
    Text,
    Void,
)
from llmi_agent.draft.wire import format, format_slot  # noqa: A004 - read as draft.format

__all__ = [
    "MAX_PAYLOAD",
    "BadSlot",
    "Block",
    "Choice",
    "Dialect",
    "Draft",
    "DraftReader",
    "Kinds",
    "Slot",
    "Span",
    "Strictness",
    "Text",
    "Void",
    "blocks_of",
    "format",
    "format_slot",
    "is_empty",
    "is_valid_payload",
    "joined",
    "parse",
    "slot_digest",
    "slot_in",
]
