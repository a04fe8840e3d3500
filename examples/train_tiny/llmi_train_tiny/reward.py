"""What a document of the tiny policy is worth: 0 unless its draft parses and ends; then what fits its prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmi_agent.contract import WELL_KNOWN, Demand, Score
from llmi_agent.draft import Slot, parse
from llmi_agent.rewards import Facts, facts_of
from llmi_agent.traces import Trace
from llmi_train.rewards.paper import count_score
from llmi_train_tiny.language import KINDS, TOPICS, topic_of

NAME = "tiny"
WEIGHTS: Mapping[str, float] = {"kind": 0.4, "count": 0.25, "topic": 0.25, "validity": 0.1}
"""What each part weighs in the whole."""


@dataclass(frozen=True)
class Written:
    """A draft as its parts see it: the strict reading of it, and how many of its slots may keep a picture."""

    prose: str
    slots: Sequence[Slot]
    sound: int
    """Slots that are valid, repeat no other, and whose picture the policy did not spoil."""


def scores(trace: Trace) -> Iterable[Score]:
    """`tiny`, from 0 to 1, and its parts beside it. Missing where the infrastructure lost the draft."""
    facts = facts_of(trace)
    if facts.draft.lost:
        return [Score(component=NAME, value=None, error=facts.draft.lost)]
    written = _written(trace, facts)
    if written is None:
        why = facts.draft.why or facts.draft.cut_why or "a slot cannot be read strictly"
        return [Score(component=NAME, value=0.0, reason=why)]
    parts = parts_of(written, trace.opened.demand or Demand(), topic_of(trace.prompt))
    own = [Score(component=f"{NAME}.{name}", value=value) for name, value in parts.items()]
    return [*own, Score(component=NAME, value=weighed(parts))]


def parts_of(written: Written, demand: Demand, topic: str | None) -> dict[str, float]:
    """How well each part fits, from 0 to 1. Without a slot there is nothing to fit but the topic of the prose."""
    slots = written.slots
    return {
        "kind": _share(each.kind in demand.kinds for each in slots),
        "count": count_score(len(slots), demand.pictures, exact=True),
        "topic": (_about(written.prose, topic) + _share(_about(_content(e), topic) for e in slots))
        / 2,
        "validity": written.sound / len(slots) if slots else 0.0,
    }


def weighed(parts: Mapping[str, float]) -> float:
    """The sum of the parts by their weights."""
    return sum(WEIGHTS[name] * value for name, value in parts.items())


def _written(trace: Trace, facts: Facts) -> Written | None:
    """None if the draft is not whole: not there, cut, without prose, or with a slot that is none to the strict reader."""
    text, draft = trace.draft, facts.draft
    if text is None or draft.cut or not draft.prose or not all(e.valid for e in facts.slots):
        return None
    read = parse(text, {name: kind.params for name, kind in WELL_KNOWN.items()}, reader="strict")
    slots = [each for each in read.slots if isinstance(each, Slot)]
    if len(slots) != len(facts.slots) or "<imgen" in read.text:
        return None
    return Written(read.text, slots, sum(bool(each.counts) for each in facts.slots))


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
