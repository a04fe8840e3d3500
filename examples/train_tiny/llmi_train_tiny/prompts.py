"""The prompts: topic, kind and count in several wordings, split so that what is tested is a combination never trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmi_agent.contract import Demand
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.writing import write as write_file
from llmi_train_tiny.language import COUNTS, KINDS, REQUESTS, TOPICS

TRAIN, TEST = "train", "test"
"""The splits."""


@dataclass(frozen=True)
class Wish:
    """A prompt with what it asks for."""

    topic: str
    kind: str
    count: int
    noun: str
    """What it calls the kind, in the singular."""
    text: str

    @property
    def held_out(self) -> bool:
        """Its topic and kind never come together where the policy is trained."""
        return held_out(self.topic, self.kind)

    def as_prompt(self, number: int) -> TrainingPrompt:
        """As `llmi-train collect` reads it."""
        split = TEST if self.held_out else TRAIN
        demand = Demand(self.count, (self.kind,))
        return TrainingPrompt(
            self.text, demand=demand, split=split, language="en", id=f"{split}-{number:04}"
        )


def held_out(topic: str, kind: str) -> bool:
    """One kind of each topic, every kind as often: the policy sees all topics and all kinds, and two thirds of the pairs."""
    kinds = list(KINDS)
    return kinds[TOPICS.index(topic) % len(kinds)] == kind


def wishes(split: str) -> list[Wish]:
    """All that can be asked for in this split."""
    return [each for each in _all() if each.held_out == (split == TEST)]


def drawn(split: str, count: int, seed: int) -> list[Wish]:
    """So many different ones, by chance. Raises ValueError if there are not that many."""
    return random.Random(seed).sample(wishes(split), count)


def write(path: Path, chosen: Sequence[Wish]) -> None:
    """As JSON lines, in this order."""
    write_file([each.as_prompt(number) for number, each in enumerate(chosen)], path)


def _all() -> Iterator[Wish]:
    for topic in TOPICS:
        for kind, words in KINDS.items():
            for count, word in COUNTS.items():
                for noun in words.nouns:
                    for request in REQUESTS:
                        plural = noun + ("s" if count > 1 else "")
                        text = request.format(topic=topic, count=word, noun=plural)
                        yield Wish(topic, kind, count, noun, text)
