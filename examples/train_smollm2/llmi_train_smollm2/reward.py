"""What a document is worth: 0 unless its draft parses and ends; then what fits its prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmi_agent.contract import Demand, Score
from llmi_agent.draft import Slot
from llmi_agent.rewards import Facts, Whole, scored_by_parts
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


def scores(trace: Trace) -> Iterable[Score]:
    """`smollm2`, from 0 to 1, and its parts beside it. Missing where the infrastructure lost the draft."""

    def parts(whole: Whole, facts: Facts) -> Mapping[str, float]:
        made = sum(
            each.duplicate_of is None and (each.kind == "search" or each.fault != "policy")
            for each in facts.slots
        )
        demand, keys = trace.opened.demand or Demand(), keys_asked(trace.prompt)
        return parts_of(whole, made, facts.draft.repetition, demand, keys)

    return scored_by_parts(trace, NAME, WEIGHTS, parts)


def parts_of(
    whole: Whole, made: int, repetition: float, demand: Demand, keys: frozenset[str]
) -> dict[str, float]:
    """How well each part fits, from 0 to 1.

    made: slots that repeat no other, and whose chart or drawing was made. The gallery has a dozen photographs: that one is
    not among them is not the policy's fault. repetition: the share of the prose that stands there before. keys: the words
    that tell what the request is about.
    """
    slots = whole.slots
    named = min(1.0, len(keys & keys_of(whole.prose)) / min(_NAMED, max(1, len(keys))))
    length = min(1.0, len(whole.prose.split()) / _WORDS)
    return {
        "kind": _share(each.kind in demand.kinds for each in slots),
        "count": count_score(len(slots), demand.pictures, exact=True),
        "topic": _share(bool(keys & keys_of(_asked(each))) for each in slots),
        "prose": named * length * (1 - repetition),
        "made": made / len(slots) if slots else 0.0,
    }


def keys_asked(prompt: str) -> frozenset[str]:
    """The words of the request that a prompt begins with; none if it is none of ours."""
    asked = " ".join(prompt.split())
    return next((each.keys for each in requests() if asked.startswith(each.prompt)), frozenset())


def _asked(slot: Slot) -> str:
    """What the slot asks its tool for."""
    return str(slot.params.get(KEYS.get(slot.kind, ""), ""))


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
