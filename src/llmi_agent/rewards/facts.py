"""What a reward is computed from: the first draft, read strictly, and what became of each of its slots, from records alone.

Pictures' bytes are not looked at, so that the facts of a trace are the same wherever it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from llmi_agent.contract.judging import Demand
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import Kinds
from llmi_agent.models.ending import meant
from llmi_agent.records.events import SlotTurned
from llmi_agent.rewards.draft_facts import DraftFacts, draft_facts
from llmi_agent.rewards.slot_facts import SlotFacts, slot_facts, turns_of
from llmi_agent.traces.parts import Attempt, ModelCall, TracedSlot
from llmi_agent.traces.trace import Trace


@dataclass(frozen=True, kw_only=True)
class CallFacts:
    """A call of a tool, or of the model for a repair."""

    call: str
    repair: bool
    """The model was asked for it."""
    worked: bool | None
    """None: the infrastructure kept it from it."""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of an episode that a rule can score."""

    episode: str
    demand: Demand | None
    """What its prompt asks for; None if nobody said."""
    draft: DraftFacts
    slots: tuple[SlotFacts, ...] = ()
    """Of the draft, in its order; none if there is no draft to read."""
    calls: tuple[CallFacts, ...] = ()

    @property
    def counted(self) -> int | None:
        """How many slots count as pictures; None if that cannot be told of one of them."""
        counts = [each.counts for each in self.slots]
        return None if None in counts else sum(map(bool, counts))

    @property
    def realised(self) -> int:
        """How many strictly valid slots have a picture of their own, duplicates and placeholders among them."""
        return sum(each.valid is True and each.picture and not each.fallback for each in self.slots)

    @property
    def shown(self) -> int:
        """How many pictures the document shows, those aside that only hold a place."""
        return sum(each.picture and not each.placeholder for each in self.slots)


def facts_of(trace: Trace, kinds: Mapping[str, type[BaseModel]] | None = None) -> Facts:
    """What can be scored of an episode by its records alone.

    kinds: the parameters of the kinds that installed tools bring (`Bindings.params`), beside the well-known ones. A slot
    of a kind that the run knew and that is not among them can be neither valid nor invalid. Raises InputError if the
    records cannot be read.
    """
    known: Kinds = {name: kind.params for name, kind in WELL_KNOWN.items()} | dict(kinds or {})
    opened = trace.opened
    draft = draft_facts(trace, known)
    if draft.blame is not None:
        return Facts(episode=trace.episode, demand=opened.demand, draft=draft)
    turns = turns_of(trace)
    slots = _uncut(slot_facts(trace, draft.read, turns), draft)
    return Facts(
        episode=trace.episode,
        demand=opened.demand,
        draft=draft,
        slots=slots,
        calls=_calls(trace, turns),
    )


def _uncut(slots: tuple[SlotFacts, ...], draft: DraftFacts) -> tuple[SlotFacts, ...]:
    """A slot in which the connection broke is nobody's fault who wrote it."""
    if draft.cut != "infrastructure" or not slots or slots[-1].valid is not False:
        return slots
    lost = replace(slots[-1], valid=None, counts=None, earns="missing", why=draft.cut_why)
    return (*slots[:-1], lost)


def _calls(trace: Trace, turns: Mapping[int, Sequence[SlotTurned]]) -> tuple[CallFacts, ...]:
    """Those that were made for the draft that holds; one that was stopped and made again, as it ended last."""
    tools = [_tool_call(each) for slot in trace.slots for each in slot.attempts]
    slots = {each.slot: each for each in trace.slots}
    repairs = [
        _repair(each, _led(each, slots.get(each.slot), turns.get(each.slot, ())))
        for each in trace.calls
        if each.purpose == "repair" and each.slot is not None
    ]
    return tuple({each.call: each for each in (*tools, *repairs)}.values())


def _tool_call(attempt: Attempt) -> CallFacts:
    failure, blame = attempt.failure, attempt.blame
    if blame is None:
        drawn = any(not each.blank for each in attempt.pictures)
        own = drawn or attempt.executes_code
        return CallFacts(
            call=attempt.call,
            repair=False,
            worked=drawn if own else None,
            why="" if drawn else "the picture is blank",
        )
    why = f"{failure.reason}: {failure.message}" if failure else "it was cut with its process"
    worked = False if blame == "policy" else None
    return CallFacts(call=attempt.call, repair=False, worked=worked, why=why)


def _led(call: ModelCall, slot: TracedSlot | None, turns: Sequence[SlotTurned]) -> Attempt | None:
    """The attempt that a repair has led to, which is not that of another kind that stands in for want of one."""
    if any(each.attempt == call.attempt and each.step == "falling back" for each in turns):
        return None
    attempts = slot.attempts if slot else ()
    return next((e for e in reversed(attempts) if e.attempt == call.attempt + 1), None)


def _repair(call: ModelCall, led: Attempt | None) -> CallFacts:
    """A repair has worked if the attempt that it led to has; a model that ends without an answer has refused it."""
    if not call.accepted:
        why = call.error or call.cut or "no answer"
        ended = bool(call.error) and meant(call.finish_reason)
        return CallFacts(call=call.call, repair=True, worked=False if ended else None, why=why)
    if led is None:
        why = "no slot could be read in its answer"
        return CallFacts(call=call.call, repair=True, worked=False, why=why)
    tool = _tool_call(led)
    return CallFacts(call=call.call, repair=True, worked=tool.worked, why=tool.why)


__all__ = ("CallFacts", "DraftFacts", "Facts", "SlotFacts", "facts_of")
