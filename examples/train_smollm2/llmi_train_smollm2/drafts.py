"""Drafts to warm up on: what the model itself writes of a request, with slots that a program puts in, of which many are wrong."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmi_agent.draft import Slot, format_slot
from llmi_train_smollm2.prompts import COUNTS, KINDS, Wish

KEYS: Mapping[str, str] = {"search": "query", "diffusion": "prompt", "code": "code"}
"""The one parameter of a kind's slots."""
_PARAGRAPHS, _WORDS, _LEAST = 2, 45, 12
_CHARTS = (
    "plt.bar(['now', 'soon', 'later'], {numbers}); plt.title('{title}')",
    "plt.plot([1, 2, 3], {numbers}); plt.title('{title}')",
    "plt.pie({numbers}); plt.title('{title}')",
)
_SCENES = ("a clear drawing of {}", "{}, drawn in ink", "a friendly illustration of {}")
_CAPTIONS: Mapping[str, tuple[str, ...]] = {
    "search": ("A photograph of {}", "What {} looks like"),
    "diffusion": ("A drawing of {}", "{}, as an illustration"),
    "code": ("An illustrative chart of {}", "{} at a glance, with invented numbers"),
}


@dataclass(frozen=True)
class Slips:
    """How often a draft goes wrong, each on its own."""

    topic: float = 0.3
    """Of each slot: what it asks for is of another request."""
    count: float = 0.5
    """The number is drawn anew, so that it may be the right one; so with the kinds."""
    kind: float = 0.5
    key: float = 0.08
    """A slot has the parameter of another kind."""
    torn: float = 0.08
    """It ends inside its last slot."""


SLIPS = Slips()
NO_SLIPS = Slips(topic=0, count=0, kind=0, key=0, torn=0)


def paragraphs(text: str) -> list[str]:
    """The first paragraphs of what the model wrote, without marks, shortened to whole sentences; none if there is not enough."""
    plain = [
        " ".join(each.replace("*", "").split())
        for each in re.split(r"\n\s*\n", re.sub(r"<[^<>]*>|[{}]", " ", text))
        if not each.lstrip().startswith(("#", "-", "1.", "|", "```"))
    ]
    found = [short for each in plain if len((short := _shortened(each)).split()) >= _LEAST]
    return found[:_PARAGRAPHS]


def draft(
    wish: Wish, prose: Sequence[str], others: Sequence[str], chance: random.Random, slips: Slips
) -> str:
    """A page for this wish: a title, the prose, and slots between and after it.

    prose: paragraphs. others: what slots ask for where they go wrong.
    """
    count = chance.choice(list(COUNTS)) if chance.random() < slips.count else wish.count
    phrases = [*wish.request.phrases[:6]]
    title = phrases[0][:1].upper() + phrases[0][1:]
    slots = []
    for number in range(count):
        kind = chance.choice(list(KINDS)) if chance.random() < slips.kind else wish.kind
        own = phrases[number % len(phrases)]
        phrase = chance.choice(others) if chance.random() < slips.topic else own
        slots.append(_slot(number, kind, phrase, chance, slips.key))
    parts = [f"# {title}"]
    for place in range(max(len(prose), len(slots))):
        parts += [*prose[place : place + 1], *slots[place : place + 1]]
    text = "\n\n".join(parts)
    if slots and chance.random() < slips.torn:
        return text[: text.rindex('", "params"')]
    return text


def examples(
    wishes: Sequence[Wish],
    prose: Mapping[str, Sequence[Sequence[str]]],
    seed: int,
    slips: Slips = SLIPS,
) -> Iterator[dict[str, Any]]:
    """One for each wish in TRL's conversational form.

    prose: of each request's text, what the model wrote of it, in paragraphs.
    """
    chance = random.Random(seed)
    others = sorted({each for wish in wishes for each in wish.request.phrases[:3]})
    for wish in wishes:
        own = prose.get(wish.request.prompt) or ()
        if own:
            text = draft(wish, chance.choice(own), others, chance, slips)
            yield {
                "prompt": [{"role": "user", "content": wish.text}],
                "completion": [{"role": "assistant", "content": text}],
            }


def _shortened(text: str) -> str:
    """As many whole sentences as `_WORDS` words hold; empty if the first is longer."""
    kept: list[str] = []
    for sentence in re.findall(r".+?[.!?](?=\s|$)", text):
        if len(" ".join([*kept, sentence]).split()) > _WORDS:
            break
        kept.append(sentence.strip())
    return " ".join(kept)


def _slot(number: int, kind: str, phrase: str, chance: random.Random, slip: float) -> str:
    phrase = phrase.replace("'", "")
    key = KEYS[kind]
    if chance.random() < slip:
        key = chance.choice([each for each in KEYS.values() if each != key])
    caption = chance.choice(_CAPTIONS[kind]).format(phrase)
    return format_slot(
        Slot(number, kind, caption[:1].upper() + caption[1:], {key: _content(kind, phrase, chance)})
    )


def _content(kind: str, phrase: str, chance: random.Random) -> str:
    match kind:
        case "search":
            return phrase
        case "diffusion":
            return chance.choice(_SCENES).format(phrase)
    numbers = [chance.randint(1, 9) for _ in range(3)]
    return chance.choice(_CHARTS).format(numbers=numbers, title=f"{phrase} (illustrative)")
