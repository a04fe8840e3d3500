"""What became of each slot of a draft, who is to blame where it has no picture, and what it may earn: the blame table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from llmi_agent.records.events import DraftGiven, ModelStarted, Restarted, SlotTurned, Step
from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.rewards.draft_facts import Strictly
from llmi_agent.rewards.likeness import params_form
from llmi_agent.rewards.prose import says_something
from llmi_agent.traces.parts import Blame, TracedSlot, blame
from llmi_agent.traces.trace import Trace

Earns: TypeAlias = Literal["earned", "minimum", "missing"]
"""What the scores of a slot's picture are: the judge's, 0, or none."""


@dataclass(frozen=True, kw_only=True)
class SlotFacts:
    """A slot, and what it may earn."""

    slot: int
    kind: str
    """As the draft has it; empty if it cannot be read."""
    described: bool
    """Its description says something."""
    fault: Blame | None
    """Whose fault it is that it has no picture of its own; None if it has one."""
    why: str
    """Why it has none, does not count, or does not earn."""
    repairs: int = 0
    """How often the policy was asked to repair it by its own fault."""
    picture: bool = False
    """The document shows a picture for it."""
    kind_kept: bool = True
    """No repair asks for another kind than the draft does."""
    placeholder: bool = False
    fallback: bool = False
    """Another kind stands in for the one that was asked for."""
    unchanged: bool = False
    """An edit that changed nothing."""
    duplicate_of: int | None = None
    """The earlier slot that it repeats."""
    valid: bool | None = None
    """By the strict reader; None if that cannot be told."""
    counts: bool | None = None
    """As a picture, and as one of its kind; None if that cannot be told."""
    earns: Earns = "missing"


def slot_facts(
    trace: Trace, read: Mapping[int, Strictly], turns: Mapping[int, Sequence[SlotTurned]]
) -> tuple[SlotFacts, ...]:
    """Each slot of the draft, in its order, which matters: the first of several equal ones is the one that counts.

    turns: `turns_of` the trace.
    """
    found: dict[int, SlotFacts] = {}
    seen: dict[str, int] = {}
    for each in trace.slots:
        strictly = read[each.slot]
        facts = _of_source(
            _what_became(each, turns.get(each.slot, [])), strictly, found, len(trace.inputs)
        )
        marks = _marks(each, strictly, facts)
        same = next((seen[mark] for mark in marks if mark in seen), None)
        facts = found[each.slot] = _earning(replace(facts, duplicate_of=same), strictly)
        if facts.counts:
            for mark in marks:
                seen.setdefault(mark, each.slot)
    return tuple(found.values())


def turns_of(trace: Trace) -> dict[int, list[SlotTurned]]:
    """What was done about failures, for the draft that holds; what was done again in a later life is there once. One
    failure may lead to several things: another kind stands in where the policy was asked for a repair and had none."""
    turns: dict[int, dict[tuple[int, Step], SlotTurned]] = {}
    for _, event in trace.events:
        match event:
            case ModelStarted(purpose="draft") | Restarted() | DraftGiven():
                turns.clear()
            case SlotTurned():
                turns.setdefault(event.slot, {})[event.attempt, event.step] = event
    return {slot: list(each.values()) for slot, each in turns.items()}


def _what_became(slot: TracedSlot, turns: Sequence[SlotTurned]) -> SlotFacts:
    """Its picture, or whose fault it is that it has none of its own."""
    kept = slot.verdict if isinstance(slot.verdict, Kept) else None
    fault, why = _fault(slot, kept, turns)
    return SlotFacts(
        slot=slot.slot,
        kind=slot.kind,
        described=says_something(slot.description),
        kind_kept=_asked_last(slot, kept, turns) == slot.kind,
        repairs=sum(
            each.step == "repairing" and _blame_of(slot, each) == "policy" for each in turns
        ),
        picture=kept is not None,
        placeholder=kept is not None and kept.provenance.placeholder,
        fallback=kept is not None and fault is not None,
        unchanged=kept is not None and _unchanged(slot, kept),
        fault=fault,
        why=why,
    )


def _asked_last(slot: TracedSlot, kept: Kept | None, turns: Sequence[SlotTurned]) -> str:
    """The kind that the draft or the last repair asks for; not the one that stands in for it."""
    if kept is not None:
        return kept.kind
    fell = any(each.step == "falling back" for each in turns)
    return slot.kind if fell or not slot.attempts else slot.attempts[-1].kind


def _fault(
    slot: TracedSlot, kept: Kept | None, turns: Sequence[SlotTurned]
) -> tuple[Blame | None, str]:
    """A picture of another kind that stands in is none: the failure that led to it is what counts."""
    fell = next((each for each in turns if each.step == "falling back"), None)
    if fell and (kept is None or _stands_in(slot, kept)):
        return _blame_of(slot, fell), f"{fell.reason}: {fell.message}"
    if isinstance(slot.verdict, Dropped):
        made = bool(slot.attempts) and slot.attempts[-1].executes_code
        return blame(slot.verdict.reason, made), f"{slot.verdict.reason}: {slot.verdict.message}"
    if kept is None:
        return "infrastructure", "the run ended before there was a picture"
    return None, ""


def _stands_in(slot: TracedSlot, kept: Kept) -> bool:
    """Whether the picture is by another kind's tool; a repair may have asked anew for what that tool does."""
    return bool(slot.attempts) and slot.attempts[-1].kind != kept.kind


def _blame_of(slot: TracedSlot, turned: SlotTurned) -> Blame:
    made = [each for each in slot.attempts if each.attempt == turned.attempt]
    return blame(turned.reason, bool(made) and made[-1].executes_code)


def _unchanged(slot: TracedSlot, kept: Kept) -> bool:
    return bool(slot.attempts) and kept.digest in slot.attempts[-1].inputs


def _of_source(
    facts: SlotFacts, strictly: Strictly, earlier: Mapping[int, SlotFacts], inputs: int
) -> SlotFacts:
    """An edit of a picture that is missing by the policy's fault is missing by it, too: its tool is not even called."""
    index = (strictly.params or {}).get("img_index")
    source = earlier.get(index - inputs) if isinstance(index, int) else None
    if source is None or facts.picture or source.picture or source.fault != "policy":
        return facts
    return replace(facts, fault="policy", why=f"{facts.why} (by the fault of slot {source.slot})")


def _marks(slot: TracedSlot, strictly: Strictly, facts: SlotFacts) -> tuple[str, ...]:
    """By what another slot is told to be the same: what it asks for, and the picture that it got."""
    if strictly.params is None:
        return ()
    asked = params_form(slot.kind, strictly.params)
    if not isinstance(slot.verdict, Kept) or facts.placeholder or facts.fallback or facts.unchanged:
        return (asked,)
    return asked, f"picture {slot.verdict.digest}"


def _earning(facts: SlotFacts, strictly: Strictly) -> SlotFacts:
    """The blame table."""
    valid = None if strictly.unknown else strictly.params is not None
    facts = replace(facts, valid=valid)
    if valid is None:
        return replace(facts, counts=None, earns="missing", why=strictly.reason)
    nothing = _nothing(facts, strictly)
    if nothing:
        return replace(facts, counts=False, earns="minimum", why=nothing)
    if facts.fault:
        return replace(facts, counts=True, earns="missing")
    if facts.placeholder:
        return replace(facts, counts=True, earns="missing", why="a placeholder holds its place")
    return replace(facts, counts=True, earns="earned")


def _nothing(facts: SlotFacts, strictly: Strictly) -> str:
    """Why it earns nothing by the policy's fault; empty if it may."""
    if not facts.valid:
        return strictly.reason
    if facts.duplicate_of is not None:
        return f"it repeats slot {facts.duplicate_of}"
    if facts.unchanged:
        return "it is the picture that it was made from"
    return facts.why if facts.fault == "policy" else ""
