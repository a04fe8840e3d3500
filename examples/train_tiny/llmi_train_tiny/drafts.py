"""Drafts to warm up on, of which many are wrong on purpose: what a policy that has seen few good ones would write."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llmi_agent.draft import Slot, format_slot
from llmi_train_tiny.language import COUNTS, KINDS, RAMBLING, REMARKS, TOPICS, VIEWS
from llmi_train_tiny.prompts import Wish


@dataclass(frozen=True)
class Slips:
    """How often a draft goes wrong, each on its own. None at all is a draft that does what was asked."""

    topic: float = 0.4
    """It is about another topic, drawn anew, so that it may be the right one; so with the number and the kinds."""
    count: float = 0.6
    kind: float = 0.6
    """Of each slot on its own."""
    key: float = 0.1
    """A slot has the parameter of another kind."""
    torn: float = 0.12
    """It ends inside its last slot."""
    endless: float = 0.01
    """It finds no end."""


NO_SLIPS = Slips(topic=0, count=0, kind=0, key=0, torn=0, endless=0)
SLIPS = Slips()
RAMBLES = 300
"""Characters that a draft without an end goes on for, which is beyond what a run lets it write."""


def draft(wish: Wish, chance: random.Random, slips: Slips) -> str:
    """A draft for this prompt."""
    topic = chance.choice(TOPICS) if chance.random() < slips.topic else wish.topic
    count = chance.choice(list(COUNTS)) if chance.random() < slips.count else wish.count
    parts = [f"# The {topic}"]
    for view in VIEWS[:count]:
        kind = chance.choice(list(KINDS)) if chance.random() < slips.kind else wish.kind
        noun = wish.noun if kind == wish.kind else chance.choice(KINDS[kind].nouns)
        remark = chance.choice(REMARKS).format(noun=noun, topic=topic, view=view)
        parts.append(f"{remark}\n\n{_slot(topic, kind, view, chance, slips.key)}")
    text = "\n\n".join(parts)
    if chance.random() < slips.torn:
        return text[: text.rindex('", "params"')]
    if chance.random() < slips.endless:
        more = RAMBLING.format(topic=topic)
        return f"{text}\n\n{(more * (RAMBLES // len(more))).strip()}"
    return text


def examples(
    wishes: Sequence[Wish], count: int, seed: int, slips: Slips = SLIPS
) -> Iterator[dict[str, Any]]:
    """So many of them in TRL's conversational form, prompts drawn by chance."""
    chance = random.Random(seed)
    for _ in range(count):
        wish = chance.choice(wishes)
        text = draft(wish, chance, slips)
        yield {
            "prompt": [{"role": "user", "content": wish.text}],
            "completion": [{"role": "assistant", "content": text}],
        }


def _slot(topic: str, kind: str, view: str, chance: random.Random, slip: float) -> str:
    words = KINDS[kind]
    key = words.key
    if chance.random() < slip:
        key = chance.choice([each.key for each in KINDS.values() if each.key != key])
    content = words.contents[VIEWS.index(view)].format(f"{topic} {view}")
    return format_slot(Slot(0, kind, f"The {topic} {view}", {key: content}))
