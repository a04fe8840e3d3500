"""What happens to the slots of a draft: the calls of tools, what they cost, and the verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from llmi_agent.contract.tool import Failed, Reason
from llmi_agent.records.costs import Charge
from llmi_agent.records.events.base import Durable
from llmi_agent.records.outcome import Dropped, Finished, Kept

By: TypeAlias = Literal["tool", "cache", "hook", "nobody"]
"""Who answers a call."""
Step: TypeAlias = Literal["retrying", "repairing", "falling back"]
"""What is done about an attempt that failed."""


@dataclass(frozen=True, kw_only=True)
class SlotPlanned(Durable):
    """A slot of the draft, or a tag that cannot be read as one."""

    type: ClassVar[str] = "slot_planned"
    slot: int
    origin: str
    """A digest of the slot: a verdict holds for the same slot only."""
    span: tuple[int, int]
    """Where it stands in the draft, in characters."""
    kind: str = ""
    """Empty if it cannot be read."""
    description: str = ""
    reason: str = ""
    """Why it cannot be read."""

    @property
    def key(self) -> str:
        return str(self.slot)


@dataclass(frozen=True, kw_only=True)
class DraftGiven(Durable):
    """The draft is none that a model wrote in this run: of a fork, that of the run it was forked from."""

    type: ClassVar[str] = "draft_given"
    text: str
    model: str = ""
    """Who wrote it; empty if that is not known."""
    language_model: bool = True
    cut: str = ""
    """Why it ends early, if it does."""
    messages: tuple[str, ...] = ()
    """What it answers, as digests of `Message`s."""


@dataclass(frozen=True, kw_only=True)
class DraftRead(Durable):
    """The draft has been read to its end: with the spans of its slots, all that a document is made of."""

    type: ClassVar[str] = "draft_read"
    texts: tuple[tuple[int, int], ...]
    """The pieces of the draft that are prose, in characters; one without a length is a space put between."""
    wrapper: tuple[int, int] | None = None
    """Where the JSON object stands that the document was a string of, if it was one."""


@dataclass(frozen=True, kw_only=True)
class CallStarted(Durable):
    """A tool is called, or its result is found on record."""

    type: ClassVar[str] = "call_started"
    repeats: ClassVar[bool] = True
    call: str
    """`ToolCall.key`."""
    slot: int
    attempt: int
    kind: str
    tool: str
    version: str = ""
    """The distribution that brings the tool, and its version."""
    description: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    """Digests of the pictures that it starts from."""
    seed: int | None = None
    cached: bool = False
    """Its result is on record: nothing is called."""
    executes_code: bool | None = None
    """What goes wrong inside is the policy's code. None: earlier versions did not say."""

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, kw_only=True)
class CallJob(Durable):
    """The vendor's id of a call that is under way: a run that goes on picks it up."""

    type: ClassVar[str] = "call_job"
    call: str
    job: str

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, kw_only=True)
class CallEnded(Durable):
    """A call has come to its picture or its failure. Pictures are in the store before."""

    type: ClassVar[str] = "call_ended"
    call: str
    slot: int
    attempt: int
    tool: str
    outcome: Finished | Failed
    by: By = "tool"
    """Who answered; nobody if it was stopped, or there was no money for it: it may be made again."""
    reuse: str | None = None
    """What later runs find the result by."""

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, kw_only=True)
class Charged(Durable):
    """What a call of a model or a tool may cost, said before it starts; and what it did cost, after."""

    type: ClassVar[str] = "charged"
    call: str
    charge: Charge | None
    """None: it was no charge after all."""
    reserved: float = 0.0
    """US dollars that the budget counts until the cost is known."""
    settled: bool = False

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, kw_only=True)
class SlotTurned(Durable):
    """A slot's attempt has failed, and this is done about it."""

    type: ClassVar[str] = "slot_turned"
    slot: int
    attempt: int
    step: Step
    reason: Reason
    message: str

    @property
    def key(self) -> str:
        return f"{self.slot}:{self.attempt}"


@dataclass(frozen=True, kw_only=True)
class SlotSettled(Durable):
    """What became of a slot in the end."""

    type: ClassVar[str] = "slot_settled"
    slot: int
    origin: str
    verdict: Kept | Dropped

    @property
    def key(self) -> str:
        return str(self.slot)
