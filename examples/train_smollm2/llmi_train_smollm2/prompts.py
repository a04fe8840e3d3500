"""What is asked: a real request with a wish for pictures, split so that no request that is tested was ever trained on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmi_agent.contract import Demand
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.writing import write as write_file
from llmi_train_smollm2.requests import Request, requests

COUNTS: Mapping[int, str] = {1: "one", 2: "two", 3: "three"}
KINDS: Mapping[str, tuple[str, ...]] = {
    "search": ("photograph", "photo"),
    "diffusion": ("drawing", "illustration"),
    "code": ("chart", "plot"),
}
"""What each kind is called; an s makes the plural."""
WISHES = (
    "Keep it to a short page with {count} {noun}.",
    "Illustrate it with {count} {noun}, in a page at most.",
    "A few sentences will do, with {count} {noun}.",
)


@dataclass(frozen=True)
class Wish:
    """A request with the pictures that it asks for."""

    request: Request
    kind: str
    count: int
    text: str

    def as_prompt(self, number: int) -> TrainingPrompt:
        """As `llmi-train collect` reads it."""
        return TrainingPrompt(
            self.text,
            demand=Demand(self.count, (self.kind,)),
            split=self.request.split,
            language="en",
            id=f"{self.request.split}-{number:04}",
        )


def wishes(split: str, each: int, seed: int) -> list[Wish]:
    """So many of each request of the split, of other kinds and numbers; the first of all requests come first."""
    chance = random.Random(f"{split} {seed}")
    own = [request for request in requests() if request.split == split]
    drawn = {request.id: _drawn(request, each, chance) for request in own}
    return [drawn[request.id][place] for place in range(each) for request in own]


def write(path: Path, chosen: Sequence[Wish]) -> None:
    """As JSON lines, in this order."""
    write_file([each.as_prompt(number) for number, each in enumerate(chosen)], path)


def _drawn(request: Request, count: int, chance: random.Random) -> list[Wish]:
    pairs = [(kind, number) for kind in KINDS for number in COUNTS]
    return [_wish(request, *pair, chance) for pair in chance.sample(pairs, count)]


def _wish(request: Request, kind: str, count: int, chance: random.Random) -> Wish:
    noun = chance.choice(KINDS[kind]) + ("s" if count > 1 else "")
    wish = chance.choice(WISHES).format(count=COUNTS[count], noun=noun)
    return Wish(request, kind, count, f"{request.prompt}\n\n{wish}")
