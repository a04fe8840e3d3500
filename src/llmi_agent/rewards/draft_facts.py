"""The draft that is rewarded: the first that was accepted, as its policy wrote it; or whose fault it is that there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llmi_agent.draft import BadSlot, Dialect, Draft, Kinds, Slot, parse
from llmi_agent.models.ending import meant
from llmi_agent.records.events import ModelStarted, Opened, Resumed, SlotPlanned
from llmi_agent.rewards.prose import repeated, says_something, shown
from llmi_agent.traces.parts import Blame, ModelCall
from llmi_agent.traces.trace import Trace

GIVEN = "no model wrote this draft in the run: it was forked from another one, or put there by hand, and written down anew"
UNFINISHED = "the run is going on, or was cut with its process, before its draft was complete"


@dataclass(frozen=True, kw_only=True)
class Strictly:
    """A slot as the strict reader has it."""

    params: dict[str, Any] | None
    """None: it is none to the strict reader."""
    reason: str = ""
    """Why not."""
    unknown: bool = False
    """The parameters of its kind are not known here, so that it cannot be told."""


@dataclass(frozen=True, kw_only=True)
class DraftFacts:
    """How the draft stands."""

    blame: Blame | None = None
    """Whose fault it is that there is none to be scored; None if there is one."""
    why: str = ""
    writer: str = ""
    """The model that wrote it: perhaps not the one that was asked first."""
    cut: Blame | None = None
    """Whose fault it is that it ends early; None if it does not."""
    cut_why: str = ""
    prose: bool = False
    """There are words beside its slots."""
    repetition: float = 0.0
    """The share of its prose that stands there before."""
    read: dict[int, Strictly] = field(default_factory=dict, repr=False)
    """Its slots by their number, as the strict reader has them."""

    @property
    def lost(self) -> str:
        """Why the infrastructure is to blame that there is none, or not all of it; empty if it is not."""
        if self.blame == "infrastructure":
            return self.why
        return self.cut_why if self.cut == "infrastructure" else ""


def draft_facts(trace: Trace, kinds: Kinds) -> DraftFacts:
    """The accepted draft, with every slot of it looked up in the strict reading of it."""
    known, text = trace.known, trace.draft
    if known.given is not None:
        return DraftFacts(blame="infrastructure", why=GIVEN)
    if text is None:
        return _none(trace)
    call = next(each for each in trace.calls if each.call == known.answer("draft"))
    prose = shown(_prose(text, trace, kinds))
    cut, why = _cut(call)
    return DraftFacts(
        writer=call.model,
        cut=cut,
        cut_why=why,
        prose=says_something(prose),
        repetition=repeated(prose),
        read=_read(text, trace, kinds),
    )


def _none(trace: Trace) -> DraftFacts:
    """A model that came to an end of its own without a draft is to blame, whatever else went wrong beside it."""
    asked = [each for each in trace.calls if each.purpose == "draft"]
    if trace.state == "open":
        return DraftFacts(blame="infrastructure", why=UNFINISHED)
    for each in asked:
        if each.error and meant(each.finish_reason):
            return DraftFacts(blame="policy", why=f"the model gave no draft: {each.error}")
    return DraftFacts(
        blame="infrastructure", why=f"there is no draft: {trace.halted or 'nobody was asked'}"
    )


def _cut(call: ModelCall) -> tuple[Blame | None, str]:
    """A limit on length is the document's; money and a broken connection are not."""
    if not call.cut:
        return None, ""
    for_money = any(flag in call.cut for flag in ("--budget", "--group-budget"))
    own = meant(call.finish_reason) and not for_money
    return "policy" if own else "infrastructure", call.cut


def _prose(text: str, trace: Trace, kinds: Kinds) -> str:
    """What the document's text is made of."""
    read = trace.known.read
    if read is None:  # an earlier LLMI, or a run that ended first
        return _strict(text, trace, kinds).text
    return "".join(text[slice(*span)] for span in read.texts)


def _strict(text: str, trace: Trace, kinds: Kinds) -> Draft:
    inputs, dialect = len(trace.inputs), _dialect(trace)
    return parse(text, kinds, inputs=inputs, dialect=dialect, reader="strict")


def _dialect(trace: Trace) -> Dialect:
    """The one that its writer was told of, in that life of the run."""
    told: Dialect = "json"
    now = told
    for _, event in trace.events:
        match event:
            case Opened() | Resumed():
                now = event.options.get("dialect", now)
            case ModelStarted(purpose="draft"):
                told = now
    return told


def _read(text: str, trace: Trace, kinds: Kinds) -> dict[int, Strictly]:
    """The run's slots, each as the strict reader has it at the same place."""
    there = {each.span: each for each in _strict(text, trace, kinds).slots}
    return {
        number: _one(planned, there.get(planned.span), kinds)
        for number, planned in trace.known.planned.items()
    }


def _one(planned: SlotPlanned, found: Slot | BadSlot | None, kinds: Kinds) -> Strictly:
    if planned.reason:
        return Strictly(params=None, reason=planned.reason)
    if planned.kind not in kinds:
        unknown = f"nothing here knows the parameters of the kind {planned.kind!r}"
        return Strictly(params=None, reason=unknown, unknown=True)
    if not isinstance(found, Slot) or found.kind != planned.kind:
        said = f": {found.reason}" if isinstance(found, BadSlot) else ""
        return Strictly(params=None, reason=f"only the lenient reader takes it{said}")
    return Strictly(params=dict(found.params))
