"""What a draft is made of: prose, slots, and tags that could not be read as slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

Dialect: TypeAlias = Literal["json", "python"]
"""How a payload is written: a JSON object (canonical), or the published LLM-I Python literal."""

Strictness: TypeAlias = Literal["strict", "lenient"]
"""`strict` is what training rewards; `lenient` is what inference uses."""

Kinds: TypeAlias = Mapping[str, type[BaseModel]]
"""The params model of every kind. Models forbid extra keys, and validate what they dump."""

Span: TypeAlias = tuple[int, int]
"""Where something starts and ends in the source: the whole text that the reader was fed, in characters."""


@dataclass(frozen=True)
class Text:
    """Prose between tags, exactly as written, never empty in a draft that was parsed."""

    text: str
    spans: tuple[Span, ...] = field(default=(), compare=False)
    """The pieces of the source that it is made of, in order; one without a length is a space put between."""


@dataclass(frozen=True)
class Slot:
    """A request for one picture."""

    index: int
    """Number of the slot in the draft, from 0. Bad slots are counted too."""
    kind: str
    """What the policy picked; `source` on the wire."""
    description: str
    """The picture's title; it may be empty."""
    params: Mapping[str, Any]
    """Validated by the kind's model, then dumped to plain JSON values."""
    span: Span = field(default=(0, 0), compare=False)
    """What was taken as the slot: from its opening tag to the end of its closing one, where it has one; all of a
    fence that holds an object without a tag."""


@dataclass(frozen=True)
class BadSlot:
    """A tag that is no slot, but keeps its number."""

    index: int
    raw: str
    """The source text from its opening tag on, verbatim, with its closing tag where it has one."""
    reason: str
    """What is wrong, what exists, what to write: for a person and for the policy."""
    span: Span = field(default=(0, 0), compare=False)
    """As a slot's: where `raw` stands."""


@dataclass(frozen=True)
class Void:
    """In a stream only: all blocks before this one turned out to be none of the draft."""


Block: TypeAlias = Text | Slot | BadSlot

TextTaker: TypeAlias = Callable[[str, int, int], None]
"""Takes prose, and where it starts and ends in the source; a space that was put between has no length there."""
SlotReader: TypeAlias = Callable[[str, str, str, int], int]
"""Takes a slot's opener, content and closer, and where the opener starts in the source; returns how much of the
content is the slot's."""


@dataclass(frozen=True)
class Draft:
    """The policy's text in order."""

    blocks: tuple[Block, ...]
    wrapper: Span | None = field(default=None, compare=False)
    """Where the JSON object stands that the document was a string of, if it was one."""

    @property
    def slots(self) -> tuple[Slot | BadSlot, ...]:
        """Every tag in order: `slots[i].index == i`."""
        return tuple(block for block in self.blocks if not isinstance(block, Text))

    @property
    def text(self) -> str:
        """The prose without the tags."""
        return "".join(block.text for block in self.blocks if isinstance(block, Text))

    @property
    def text_spans(self) -> tuple[Span, ...]:
        """The pieces of the source that the prose is made of: with the source and the slots, all of the draft."""
        texts = (block for block in self.blocks if isinstance(block, Text))
        return tuple(span for text in texts for span in text.spans)
