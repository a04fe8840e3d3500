"""How a run begins and ends, and what is shown of it on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.records.events.base import Durable, Shown


@dataclass(frozen=True)
class Input:
    """A picture that the run starts with: an attachment, or a figure of an earlier document."""

    digest: str
    media_type: str
    label: str
    """What the policy is told it is."""
    provenance: Provenance = field(default_factory=lambda: Provenance("the user"))


@dataclass(frozen=True, kw_only=True)
class Opened(Durable):
    """The run begins. It is the episode's first record."""

    type: ClassVar[str] = "opened"
    prompt: str
    message: str | None = None
    """The id of the human message that holds it."""
    seed: int = 0
    attachments: tuple[Attachment, ...] = ()
    inputs: tuple[Input, ...] = ()
    earlier: tuple[str, ...] = ()
    """What was said in the thread before, as digests of `Message`s."""
    model: str = ""
    """The one that is asked first."""
    bindings: dict[str, str] = field(default_factory=dict)
    """The tool of each kind."""
    options: dict[str, Any] = field(default_factory=dict)
    """All that hold for the run."""
    asked: dict[str, Any] = field(default_factory=dict)
    """The options that came with the request itself."""
    group: str = ""
    """Episodes of one prompt that are compared have the same."""
    member: int | None = None
    """Which one of its group it is, from 0."""
    parent: str = ""
    """The episode that this one goes on from, or was forked from."""
    split: str = ""
    """What the prompt is for: `train`, `test`, ..."""
    demand: Demand | None = None
    """What it asks for, as a rule can check it; None if nobody said."""
    graph: str = ""
    setup: str = ""
    """A digest of the graph, its bindings with their versions, its models and its options, but for money, pace and how much
    is kept: episodes with the same one were made by the same machine."""
    llmi: str = ""
    """The version of llmi-agent."""

    @property
    def key(self) -> str:
        return self.group


@dataclass(frozen=True, kw_only=True)
class Resumed(Durable):
    """Another life of the run begins. What it does may be done by another machine."""

    type: ClassVar[str] = "resumed"
    repeats: ClassVar[bool] = True
    model: str = ""
    bindings: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    setup: str = ""
    llmi: str = ""


@dataclass(frozen=True, kw_only=True)
class Ordered(Durable):
    """What only who runs the graph knows of a run: where its files go, and in which form."""

    type: ClassVar[str] = "ordered"
    order: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Composed(Durable):
    """The document is there."""

    type: ClassVar[str] = "composed"
    title: str
    created: float | None = None
    """When the document says that it was made, in seconds since the epoch. None: earlier versions did not record it."""


@dataclass(frozen=True, kw_only=True)
class Halted(Durable):
    """This life of the run has ended without a document. One that was cut with its process has no such record."""

    type: ClassVar[str] = "halted"
    repeats: ClassVar[bool] = True
    message: str
    """Why."""


@dataclass(frozen=True, kw_only=True)
class Text(Shown):
    """The next piece of the document's text, without slots and reasoning."""

    type: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, kw_only=True)
class Restarted(Durable):
    """The draft so far is void: it is written anew, by the same model or the next one, or only begins here."""

    type: ClassVar[str] = "restarted"
    repeats: ClassVar[bool] = True
    model: str
    """Who writes now."""
    message: str
    """What happened, and what is done about it."""


@dataclass(frozen=True, kw_only=True)
class Progressed(Shown):
    """A tool has a line to show."""

    type: ClassVar[str] = "progressed"
    slot: int
    message: str


@dataclass(frozen=True, kw_only=True)
class Unsampled(Shown):
    """What a model samples is to be kept, and is not, or not all of it. Said once of each model."""

    type: ClassVar[str] = "unsampled"
    model: str
    message: str
    """That, and why."""


@dataclass(frozen=True, kw_only=True)
class Noted(Shown):
    """A sentence on the document's text."""

    type: ClassVar[str] = "noted"
    message: str
