"""What is measured of fresh episodes: their rewards, and whether they have the number and kinds of pictures that were demanded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pydantic import BaseModel

from llmi_agent.base.errors import InputError
from llmi_agent.contract.judging import NO_PICTURE, SOME_PICTURES, Demand
from llmi_agent.host.registry import Registry
from llmi_agent.records.events.reward import TOTAL
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.facts import Facts, facts_of
from llmi_agent.traces.trace import Trace
from llmi_train.rollout.collect import Episode
from llmi_train.rollout.preparing import Prepared


@dataclass(frozen=True)
class Measured:
    """One episode."""

    prompt: str
    """By its id."""
    member: int
    demanded: tuple[str, ...]
    """The kinds that its prompt demands."""
    reward: float | None
    """None: it is missing, which is not 0."""
    why: str = ""
    """Why it is missing."""
    components: Mapping[str, float] = field(default_factory=dict)
    """Of the whole document; what is missing is left out."""
    right_count: bool | None = None
    """The strictly valid slots are as many as is demanded; None where nothing is, or it cannot be told."""
    right_kinds: bool | None = None
    """They are exactly of the kinds that are demanded; None likewise."""
    truncated: bool = False
    """Its draft was cut at a limit."""


async def measured(ready: Prepared, episodes: Sequence[Episode]) -> list[Measured]:
    """Each of them, in their order. It reads their records."""
    kinds = kinds_of(ready.setup.registry)
    return [await asyncio.to_thread(_measured, ready, each, kinds) for each in episodes]


def kinds_of(registry: Registry) -> dict[str, type[BaseModel]]:
    """The parameters of the kinds that installed tools bring."""
    return {each.spec.kind: each.spec.as_kind().params for each in registry.tools.values()}


def right_count(facts: Facts, demand: Demand | None) -> bool | None:
    """Whether as many slots are strictly valid as is demanded."""
    if demand is None or facts.draft.lost:
        return None
    valid = sum(each.valid is True for each in facts.slots)
    match demand.pictures:
        case 0:
            return None
        case n if n == NO_PICTURE:
            return valid == 0
        case n if n == SOME_PICTURES:
            return valid > 0
        case n:
            return valid == n


def right_kinds(facts: Facts, demand: Demand | None) -> bool | None:
    """Whether the strictly valid slots are of exactly the kinds that are demanded, each at least once."""
    if demand is None or not demand.kinds or facts.draft.lost:
        return None
    return {each.kind for each in facts.slots if each.valid is True} == set(demand.kinds)


def _measured(ready: Prepared, episode: Episode, kinds: Mapping[str, type[BaseModel]]) -> Measured:
    prompt = episode.wanted.prompt
    demand, scored = prompt.demand, episode.scored
    known = Measured(
        prompt.id,
        episode.wanted.member or 0,
        demand.kinds if demand else (),
        scored.total if scored else None,
        (scored.missing if scored else episode.message) or "",
    )
    if not (scored and episode.episode):
        return known
    journal = journal_beside(ready.store)
    trace = Trace(
        episode.episode, partial(journal.read, episode.episode, tokens=False), ready.store
    )
    try:
        facts = facts_of(trace, kinds)
    except InputError:
        return known
    return Measured(
        known.prompt,
        known.member,
        known.demanded,
        known.reward,
        "" if known.reward is not None else known.why,
        {
            each.component: each.value
            for each in scored.rewards
            if each.scope == "episode" and each.value is not None and each.component != TOTAL
        },
        right_count(facts, demand),
        right_kinds(facts, demand),
        bool(facts.draft.cut),
    )
