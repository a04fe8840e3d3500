"""For components of plugins: a sum of parts that only a whole draft earns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llmi_agent.contract import WELL_KNOWN, Score
from llmi_agent.draft import Slot, parse
from llmi_agent.rewards.facts import Facts, facts_of
from llmi_agent.traces.trace import Trace


@dataclass(frozen=True)
class Whole:
    """A draft that ended, has prose, and of which the strict reader reads each slot."""

    prose: str
    slots: Sequence[Slot]


Parts = Callable[[Whole, Facts], Mapping[str, float]]
"""What a draft is worth in each respect, from 0 to 1, by the respect's name."""


def scored_by_parts(
    trace: Trace, name: str, weights: Mapping[str, float], parts: Parts
) -> Iterator[Score]:
    """The component `name`, the sum of its parts by their weights, and before it `name.PART` for each of these.

    A draft that is not whole is worth 0, and has no parts. Missing where the infrastructure lost the draft.
    """
    facts = facts_of(trace)
    if facts.draft.lost:
        yield Score(component=name, value=None, error=facts.draft.lost)
        return
    whole = whole_of(trace, facts)
    if whole is None:
        why = facts.draft.why or facts.draft.cut_why or "a slot cannot be read strictly"
        yield Score(component=name, value=0.0, reason=why)
        return
    found = parts(whole, facts)
    for part, value in found.items():
        yield Score(component=f"{name}.{part}", value=value)
    yield Score(component=name, value=weighed(found, weights))


def weighed(parts: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The sum of the parts by their weights."""
    return sum(weights[name] * value for name, value in parts.items())


def whole_of(trace: Trace, facts: Facts) -> Whole | None:
    """None if the draft is not whole: not there, cut, without prose, or with a slot, or a tag of one, that is none to the
    strict reader.
    """
    text, draft = trace.draft, facts.draft
    if text is None or draft.cut or not draft.prose or not all(e.valid for e in facts.slots):
        return None
    read = parse(text, {name: kind.params for name, kind in WELL_KNOWN.items()}, reader="strict")
    slots = [each for each in read.slots if isinstance(each, Slot)]
    if {len(facts.slots), text.count("<imgen>"), text.count("</imgen>")} != {len(slots)}:
        return None
    return Whole(read.text, slots)
