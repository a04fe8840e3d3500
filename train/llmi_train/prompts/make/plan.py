"""The plan: all that is to be made, drawn from the seed before anything is asked, so that the counts are those of the mix."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from llmi_agent.base.errors import ConfigError
from llmi_agent.contract import Demand
from llmi_agent.contract.judging import ANY_PICTURES, MOST_PICTURES, NO_PICTURE
from llmi_train.prompts.make.mix import Data, Mix, together

CHANGED_ONLY = ("edit",)
PICTURE = "A picture that is attached"
"""The topic of those that ask for nothing but changes of it."""

T = TypeVar("T", bound=Hashable)
_DRAWINGS = 2**31


@dataclass(frozen=True)
class Item:
    """A prompt that is to be made."""

    number: int
    """From 0, in the order of the file."""
    demand: Demand
    language: str
    topic: str
    subject: str
    """A part of the topic; empty where it is a picture."""
    audience: str
    """Who asks for it."""
    genre: str
    data: Data = "none"
    picture: int | None = None
    """The number of the drawing (`drawing.drawn`) that goes along, to be changed; the request is about it then."""


def apportioned(count: int, shares: Mapping[T, float]) -> dict[T, int]:
    """So many things by these shares: largest remainders, and at least one of each that has a share, if they suffice."""
    wanted = {name: share for name, share in shares.items() if share > 0}
    total = math.fsum(wanted.values())
    quotas = {name: count * share / total for name, share in wanted.items()}
    counts = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(wanted, key=lambda name: counts[name] - quotas[name])
    for name in by_remainder[: count - sum(counts.values())]:
        counts[name] += 1
    while (
        count >= len(counts)
        and (absent := next((n for n, c in counts.items() if not c), None)) is not None
    ):
        counts[max(counts, key=counts.__getitem__)] -= 1
        counts[absent] = 1
    return counts


def plan(mix: Mix, count: int, seed: int) -> list[Item]:
    """All items. Raises ConfigError if numbers of pictures and kinds of the mix do not go together."""
    chance = random.Random(f"plan {seed}")
    demands = _demands(mix, count, chance)
    charts = [number for number, demand in enumerate(demands) if "code" in demand.kinds]
    data = dict(zip(charts, _dealt(len(charts), mix.data, chance), strict=True))
    about = [number for number, demand in enumerate(demands) if demand.kinds != CHANGED_ONLY]
    topics = dict(zip(about, _topics(mix, len(about), chance), strict=True))
    languages = _dealt(count, mix.languages, chance)
    audiences = _dealt(count, dict.fromkeys(mix.audiences.names, 1), chance)
    genres = _dealt(count, dict.fromkeys(mix.genres.names, 1), chance)
    items = []
    for number, demand in enumerate(demands):
        topic, subject = topics.get(number, (PICTURE, ""))
        picture = None if subject else chance.randrange(_DRAWINGS)
        asked = languages[number], topic, subject, audiences[number], genres[number]
        items.append(Item(number, demand, *asked, data.get(number, "none"), picture))
    return items


def drawn_anew(item: Item, mix: Mix, seed: int, time: int) -> Item:
    """The same demand and language about something else, and another one for each time."""
    chance = random.Random(f"again {seed} {item.number} {time}")
    topic, subject, picture = item.topic, item.subject, item.picture
    if picture is None:
        topic = chance.choice([name for name in mix.topics if name != topic] or [topic])
        subject = chance.choice(mix.topics[topic])
    else:
        picture = chance.randrange(_DRAWINGS)
    return replace(
        item,
        topic=topic,
        subject=subject,
        picture=picture,
        audience=chance.choice(mix.audiences.names),
        genre=chance.choice(mix.genres.names),
    )


def said_of(pictures: int) -> str:
    """A constraint as the public data of LLM-I and our cards write it."""
    return "Inf" if pictures > MOST_PICTURES else str(pictures)


def _dealt(count: int, shares: Mapping[T, float], chance: random.Random) -> list[T]:
    if not count:
        return []
    dealt = list(
        chain.from_iterable([name] * times for name, times in apportioned(count, shares).items())
    )
    chance.shuffle(dealt)
    return dealt


def _topics(mix: Mix, count: int, chance: random.Random) -> list[tuple[str, str]]:
    """Topics, and of each its parts in turns, from a place of its own."""
    at = {topic: chance.randrange(len(parts)) for topic, parts in mix.topics.items()}
    found = []
    for topic in _dealt(count, dict.fromkeys(mix.topics, 1), chance):
        parts = mix.topics[topic]
        found.append((topic, parts[at[topic] % len(parts)]))
        at[topic] += 1
    return found


def _demands(mix: Mix, count: int, chance: random.Random) -> list[Demand]:
    """Numbers of pictures, each with kinds that it has room for."""
    pictures = _dealt(count, mix.pictures, chance)
    bare = [value for value in pictures if value == NO_PICTURE]
    free = [value for value in pictures if value != NO_PICTURE]
    demands = [Demand(value) for value in bare]
    demands += _paired(free, apportioned(len(free), mix.kinds)) if free else ()
    chance.shuffle(demands)
    return demands


def _paired(free: list[int], counts: Mapping[str, int]) -> Iterator[Demand]:
    """Most kinds first: what has room for them has room for fewer, too."""
    for name in sorted(counts, key=lambda name: -len(together(name))):
        kinds = together(name)
        taken: list[int] = []
        left: list[int] = []
        for value in free:
            fits = value == ANY_PICTURES or value >= len(kinds)
            (taken if fits and len(taken) < counts[name] else left).append(value)
        if len(taken) < counts[name]:
            raise ConfigError(
                f"the mix wants {counts[name]} prompts with the kinds {name}, and only {len(taken)} of them may have "
                f"{len(kinds)} pictures: give higher numbers in [pictures], or fewer kinds in [kinds], a greater share"
            )
        free = left
        yield from (Demand(value, kinds) for value in taken)
