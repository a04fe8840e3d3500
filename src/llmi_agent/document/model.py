"""The document: what a run hands over. Ordered blocks of text, figures, and figures that are missing.

A document is data without bytes: a figure names its picture by digest. It reads back from its own JSON
to an equal document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from llmi_agent.base.errors import InputError
from llmi_agent.base.invalid import first_fault
from llmi_agent.contract.tool import Attachment, Reason
from llmi_agent.records.costs import Costs
from llmi_agent.records.outcome import Filled


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextBlock(_Value):
    """Markdown as the policy wrote it. Untrusted: renderers sanitise it."""

    type: Literal["text"] = "text"
    markdown: str


class Figure(Filled):
    """A picture with its number, its caption and where it comes from."""

    type: Literal["figure"] = "figure"
    number: int
    """From 1, in reading order, counting pictures only."""
    slot: int
    """The slot it fills, from 0."""
    edited_from: int | None = None
    """For an edit: the number of the figure it was made from, if that is a figure of this document."""
    usd: float | None = None
    """What the calls for it cost, repairs and fallbacks included; None is unknown."""


class Missing(_Value):
    """A slot that was never filled, said in the document."""

    type: Literal["missing"] = "missing"
    slot: int
    kind: str
    """Empty if the slot could not be read."""
    caption: str
    reason: Reason
    message: str
    attempts: int = 0


Block = Annotated[TextBlock | Figure | Missing, Field(discriminator="type")]


class Document(_Value):
    """An illustrated document."""

    schema_version: Literal[1] = 1
    title: str
    prompt: str
    policy: str
    """The model that wrote it."""
    language_model: bool = True
    """False: a program wrote it."""
    episode: str
    created: str
    """ISO 8601, UTC."""
    attachments: tuple[Attachment, ...] = ()
    bindings: dict[str, str] = {}
    """Which tool served which kind."""
    costs: Costs = Costs()
    """What every call of a model or a tool cost."""
    cut: str = ""
    """Why the text ends early; empty if it does not."""
    notes: tuple[str, ...] = ()
    """What else the reader must know of the text: sentences, such as that it has no place for a picture."""
    blocks: tuple[Block, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_before_it_was_said(cls, data: Any) -> Any:
        """Documents did not always say `language_model`: there was one program that wrote them."""
        if isinstance(data, dict) and "language_model" not in data:
            return {**data, "language_model": data.get("policy") != "offline"}
        return data

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Figure))

    @property
    def missing(self) -> tuple[Missing, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Missing))


def read_document(text: str) -> Document:
    """The document that `Document.model_dump_json` wrote. Raises InputError with one sentence."""
    try:
        return Document.model_validate_json(text)
    except ValueError as error:
        raise InputError(f"this is not a document that llmi wrote: {_reason(error)}") from None


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    return first_fault(error)


_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)


def headings(markdown: str) -> list[tuple[int, str]]:
    """(level, words) of each ATX heading outside fenced code."""
    return [
        (len(match[1]), match[2])
        for part in _outside_fences(markdown)
        for match in _HEADING.finditer(part)
    ]


def title_of(texts: Iterable[str], prompt: str) -> str:
    """The first heading of the document, else the prompt's first line, shortened."""
    for text in texts:
        for _, words in headings(text):
            return words
    first = next((line.strip() for line in prompt.splitlines() if line.strip()), "Untitled")
    return first if len(first) <= 80 else first[:79].rstrip() + "…"


def _outside_fences(markdown: str) -> list[str]:
    parts, fence = [], ""
    for line in markdown.splitlines():
        mark = line.lstrip()[:3]
        if fence:
            fence = "" if mark == fence else fence
        elif mark in ("```", "~~~"):
            fence = mark
        else:
            parts.append(line)
    return parts
