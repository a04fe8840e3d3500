"""What a policy could earn that does not read its prompt: the best single draft for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

from llmi_agent.contract import Demand
from llmi_agent.draft import Slot
from llmi_agent.rewards import Whole, weighed
from llmi_train_tiny.language import COUNTS, KINDS, REMARKS, TOPICS, VIEWS
from llmi_train_tiny.prompts import Wish
from llmi_train_tiny.reward import WEIGHTS, parts_of


@dataclass(frozen=True)
class Ceiling:
    """The best one."""

    reward: float
    kind_accuracy: float
    draft: str
    """It, in words."""


def prompt_blind(wishes: Sequence[Wish]) -> Ceiling:
    """Of all constant drafts, with any kind in any slot, without a fault."""
    found = [
        _worth(topic, kinds, wishes)
        for topic in TOPICS
        for count in COUNTS
        for kinds in product(KINDS, repeat=count)
    ]
    return max(found, key=lambda each: each.reward)


def _worth(topic: str, kinds: Sequence[str], wishes: Sequence[Wish]) -> Ceiling:
    slots = [
        Slot(number, kind, "", {KINDS[kind].key: f"{topic} {VIEWS[number]}"})
        for number, kind in enumerate(kinds)
    ]
    prose = REMARKS[0].format(noun="", topic=topic, view="")
    whole, sound = Whole(prose, slots), len(slots)
    worth = [
        weighed(parts_of(whole, sound, Demand(each.count, (each.kind,)), each.topic), WEIGHTS)
        for each in wishes
    ]
    right = fmean(set(kinds) == {each.kind} for each in wishes)
    return Ceiling(fmean(worth), right, f"always {', '.join(kinds)} of the {topic}")
