"""What rules say of a document: the same whenever and wherever it is read, without a judge."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from llmi_agent.contract.judging import NO_PICTURE, Demand, Score
from llmi_agent.rewards import paper
from llmi_agent.rewards.facts import CallFacts, Facts
from llmi_agent.rewards.profile import Profile
from llmi_agent.rewards.slot_facts import SlotFacts


def rule_scores(facts: Facts, profile: Profile) -> tuple[Score, ...]:
    """The scores by rule: of the document `count`, `validity`, `kinds`, `made`, `whole` and `repetition`, of each slot `validity` and
    `earned`, of each call of a tool `worked`, and of each repair `repaired`.

    What does not apply is left out: `count` and `kinds` where nothing is demanded, `validity` where there is no slot and none
    was to be. A score that the infrastructure is to blame for has no value, and says why.
    """
    scores = [*_of_document(facts, profile)]
    for each in facts.slots:
        scores += _of_slot(each, profile)
    return (*scores, *map(_of_call, facts.calls))


def slot_validity(slot: SlotFacts, profile: Profile) -> float | None:
    """What its form is worth, from 0 to 1; None if that cannot be told. A duplicate is worth nothing."""
    if slot.valid is None:
        return None
    if not slot.valid or slot.duplicate_of is not None:
        return 0.0
    repaired = max(0.0, 1 - profile.repair_cost * slot.repairs)
    return repaired * (1.0 if slot.described else profile.undescribed)


def _of_document(facts: Facts, profile: Profile) -> Iterator[Score]:
    draft = facts.draft
    if draft.blame == "policy" or draft.lost:
        yield from _without_draft(facts)
        return
    if facts.demand is not None:
        yield _count(facts, facts.demand, profile)
    if facts.slots or wants_pictures(facts.demand):
        yield _validity(facts, profile)
    if facts.demand is not None and facts.demand.kinds:
        yield _kinds(facts, facts.demand.kinds, profile)
    yield from _made(facts)
    yield Score(component="whole", value=float(not draft.cut), reason=draft.cut_why)
    yield Score(
        component="repetition",
        value=draft.repetition,
        reason="the share of the prose that stands there before; what it costs is taken off `writing`",
    )


def _without_draft(facts: Facts) -> Iterator[Score]:
    """What would apply: missing, or at the minimum if the policy is to blame."""
    demand, draft = facts.demand, facts.draft
    applies = {
        "count": demand is not None,
        "validity": wants_pictures(demand),
        "kinds": demand is not None and bool(demand.kinds),
        "made": wants_pictures(demand),
        "whole": True,
    }
    for component in (name for name, does in applies.items() if does):
        if draft.lost:
            yield Score(component=component, value=None, error=draft.lost)
        else:
            yield Score(component=component, value=0.0, reason=draft.why)


def wants_pictures(demand: Demand | None) -> bool:
    """Whether a document without a picture fails what is demanded."""
    return demand is not None and (demand.pictures > 0 or bool(demand.kinds))


def _count(facts: Facts, demand: Demand, profile: Profile) -> Score:
    made = facts.realised if profile.form == "paper" else facts.counted
    if profile.form != "paper" and demand.pictures == NO_PICTURE:
        made = len(facts.slots)  # what was not asked for is better in no form
    if made is None:
        return Score(component="count", value=None, error=_unknown(facts))
    value = paper.graded(made, demand.pictures, profile.extra_picture, exact=profile.exact_count)
    return Score(component="count", value=value, reason=f"{made} of {_wanted(demand)}")


def _wanted(demand: Demand) -> str:
    said = {-1: "none", 0: "any number", 99: "at least one"}
    return said.get(demand.pictures, str(demand.pictures))


def _unknown(facts: Facts) -> str:
    return next(each.why for each in facts.slots if each.valid is None)


def _validity(facts: Facts, profile: Profile) -> Score:
    values = [slot_validity(each, profile) for each in facts.slots]
    known = [each for each in values if each is not None]
    if len(known) < len(values):
        return Score(component="validity", value=None, error=_unknown(facts))
    said = "; ".join(
        (f"{sum(each == 1 for each in known)} of {len(known)} slots in full", *_faults(facts))
    )
    return Score(component="validity", value=fmean(known) if known else 0.0, reason=said)


def _faults(facts: Facts) -> Iterator[str]:
    """What lowers the validity of slots, and of how many of them."""
    invalid = sum(not each.valid for each in facts.slots)
    valid = [each for each in facts.slots if each.valid]
    found = {
        "not valid": invalid,
        "repeated": sum(each.duplicate_of is not None for each in valid),
        "sent back for repair": sum(each.repairs > 0 for each in valid),
        "without a description": sum(not each.described for each in valid),
    }
    yield from (f"{number} {fault}" for fault, number in found.items() if number)


def _kinds(facts: Facts, required: tuple[str, ...], profile: Profile) -> Score:
    if profile.form == "paper":
        valid = [each for each in facts.slots if each.valid]
        made = {each.kind for each in valid if each.picture and not each.fallback}
        value = paper.r_tool(required, {each.kind for each in valid}, made)
        return Score(component="kinds", value=value, reason="r_tool")
    there = {each.kind for each in facts.slots if each.counts and each.kind_kept}
    lacking = [each for each in required if each not in there]
    if lacking and facts.counted is None:
        return Score(component="kinds", value=None, error=_unknown(facts))
    said = f"{', '.join(lacking)} is lacking" if lacking else "all are there"
    return Score(component="kinds", value=1 - len(lacking) / len(required), reason=said)


def _made(facts: Facts) -> Iterator[Score]:
    """The share of slots whose picture may earn, those aside that the infrastructure has taken."""
    known = [each.earns == "earned" for each in facts.slots if each.earns != "missing"]
    if known:
        said = f"{sum(known)} of {len(known)} slots"
        yield Score(component="made", value=fmean(known), reason=said)
    elif not facts.slots and wants_pictures(facts.demand):
        yield Score(component="made", value=0.0, reason="there is no slot")


def _of_slot(slot: SlotFacts, profile: Profile) -> Iterator[Score]:
    validity = slot_validity(slot, profile)
    if validity is None:
        yield Score(component="validity", value=None, slot=slot.slot, error=slot.why)
    else:
        why = slot.why if validity == 0 else _flaws(slot)
        yield Score(component="validity", value=validity, slot=slot.slot, reason=why)
    if slot.earns == "missing":
        yield Score(component="earned", value=None, slot=slot.slot, error=slot.why)
    else:
        value = float(slot.earns == "earned")
        yield Score(component="earned", value=value, slot=slot.slot, reason=slot.why)


def _flaws(slot: SlotFacts) -> str:
    repaired = f"repairs: {slot.repairs}" if slot.repairs else ""
    return ", ".join(filter(None, (repaired, "" if slot.described else "without a description")))


def _of_call(call: CallFacts) -> Score:
    component = "repaired" if call.repair else "worked"
    if call.worked is None:
        return Score(component=component, value=None, call=call.call, error=call.why)
    return Score(component=component, value=float(call.worked), call=call.call, reason=call.why)
