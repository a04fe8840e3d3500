"""What a document is worth: 0 unless its draft parses and ends; then what fits its prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmi_agent.contract import WELL_KNOWN, Demand, Score
from llmi_agent.draft import Slot, parse
from llmi_agent.rewards import Facts, facts_of
from llmi_agent.traces import Trace
from llmi_train.rewards.paper import count_score
from llmi_train_smollm2.drafts import KEYS
from llmi_train_smollm2.requests import keys_of, requests

NAME = "smollm2"
WEIGHTS: Mapping[str, float] = {
    "kind": 0.3, "count": 0.25, "topic": 0.2, "prose": 0.15, "made": 0.1,
}  # fmt: skip
"""What each part weighs in the whole."""
_NAMED, _WORDS = 3, 40
"""So many words of the request, and so many words at all, are enough for prose."""


@dataclass(frozen=True)
class Written:
    """A draft as its parts see it: the strict reading of it."""

    prose: str
    slots: Sequence[Slot]
    made: int
    """Slots that repeat no other, and whose chart or drawing was made. The gallery has a dozen photographs: that one is not
    among them is not the policy's fault."""
    repetition: float
    """The share of the prose that stands there before."""


def scores(trace: Trace) -> Iterable[Score]:
    """`smollm2`, from 0 to 1, and its parts beside it. Missing where the infrastructure lost the draft."""
    facts = facts_of(trace)
    if facts.draft.lost:
        return [Score(component=NAME, value=None, error=facts.draft.lost)]
    written = _written(trace, facts)
    if written is None:
        why = facts.draft.why or facts.draft.cut_why or "a slot cannot be read strictly"
        return [Score(component=NAME, value=0.0, reason=why)]
    parts = parts_of(written, trace.opened.demand or Demand(), keys_asked(trace.prompt))
    own = [Score(component=f"{NAME}.{name}", value=value) for name, value in parts.items()]
    return [*own, Score(component=NAME, value=weighed(parts))]


def parts_of(written: Written, demand: Demand, keys: frozenset[str]) -> dict[str, float]:
    """How well each part fits, from 0 to 1. keys: the words that tell what the request is about."""
    slots = written.slots
    named = min(1.0, len(keys & keys_of(written.prose)) / min(_NAMED, max(1, len(keys))))
    length = min(1.0, len(written.prose.split()) / _WORDS)
    return {
        "kind": _share(each.kind in demand.kinds for each in slots),
        "count": count_score(len(slots), demand.pictures, exact=True),
        "topic": _share(bool(keys & keys_of(_asked(each))) for each in slots),
        "prose": named * length * (1 - written.repetition),
        "made": written.made / len(slots) if slots else 0.0,
    }


def weighed(parts: Mapping[str, float]) -> float:
    """The sum of the parts by their weights."""
    return sum(WEIGHTS[name] * value for name, value in parts.items())


def keys_asked(prompt: str) -> frozenset[str]:
    """The words of the request that a prompt begins with; none if it is none of ours."""
    asked = " ".join(prompt.split())
    return next((each.keys for each in requests() if asked.startswith(each.prompt)), frozenset())


def _written(trace: Trace, facts: Facts) -> Written | None:
    """None if the draft is not whole: not there, cut, without prose, or with a slot that is none to the strict reader."""
    text, draft = trace.draft, facts.draft
    if text is None or draft.cut or not draft.prose or not all(e.valid for e in facts.slots):
        return None
    read = parse(text, {name: kind.params for name, kind in WELL_KNOWN.items()}, reader="strict")
    slots = [each for each in read.slots if isinstance(each, Slot)]
    if {len(facts.slots), text.count("<imgen>"), text.count("</imgen>")} != {len(slots)}:
        return None
    made = sum(
        each.duplicate_of is None and (each.kind == "search" or each.fault != "policy")
        for each in facts.slots
    )
    return Written(read.text, slots, made, draft.repetition)


def _asked(slot: Slot) -> str:
    """What the slot asks its tool for."""
    return str(slot.params.get(KEYS.get(slot.kind, ""), ""))


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
