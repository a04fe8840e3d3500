"""What a document of the tiny policy is worth: 0 unless its draft parses and ends; then what fits its prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmi_agent.contract import Demand, Score
from llmi_agent.draft import Slot
from llmi_agent.rewards import Facts, Whole, scored_by_parts
from llmi_agent.traces import Trace
from llmi_train.rewards.paper import count_score
from llmi_train_tiny.language import KINDS, TOPICS, topic_of

NAME = "tiny"
WEIGHTS: Mapping[str, float] = {"kind": 0.4, "count": 0.25, "topic": 0.25, "validity": 0.1}
"""What each part weighs in the whole."""


def scores(trace: Trace) -> Iterable[Score]:
    """`tiny`, from 0 to 1, and its parts beside it. Missing where the infrastructure lost the draft."""

    def parts(whole: Whole, facts: Facts) -> Mapping[str, float]:
        sound = sum(bool(each.counts) for each in facts.slots)
        return parts_of(whole, sound, trace.opened.demand or Demand(), topic_of(trace.prompt))

    return scored_by_parts(trace, NAME, WEIGHTS, parts)


def parts_of(whole: Whole, sound: int, demand: Demand, topic: str | None) -> dict[str, float]:
    """How well each part fits, from 0 to 1. Without a slot there is nothing to fit but the topic of the prose.

    sound: slots that repeat no other and whose picture the policy did not spoil.
    """
    slots = whole.slots
    return {
        "kind": _share(each.kind in demand.kinds for each in slots),
        "count": count_score(len(slots), demand.pictures, exact=True),
        "topic": (_about(whole.prose, topic) + _share(_about(_content(e), topic) for e in slots))
        / 2,
        "validity": sound / len(slots) if slots else 0.0,
    }


def _content(slot: Slot) -> str:
    """What the slot asks its tool for."""
    words = KINDS.get(slot.kind)
    return str(slot.params.get(words.key, "")) if words else ""


def _about(text: str, topic: str | None) -> float:
    """1 if the text names the topic, and no other of this language."""
    words = {each.strip(".,;'()#").lower() for each in text.replace("'", " ").split()}
    return float(topic is not None and words & set(TOPICS) == {topic})


def _share(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
