"""Real runs to be rewarded, and judges' scores to reward them with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Score
from llmi_agent.host.registry import registry_of
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards import PROFILES, Facts, Profile, combined, facts_of, rule_scores
from llmi_agent.rewards.profile import OF_PICTURES
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel
from llmi_agent.traces.trace import Trace
from llmi_graphs import build_graph

QUICK = Options(retry_wait=0.0, retries=0, repairs=0, debug_rounds=0, model_retries=1)
TEXT, PICTURE = 0.8, 0.6
"""What fair judges say of everything that they are shown."""


@dataclass(frozen=True)
class Rewarded:
    """An episode, and what it is worth."""

    trace: Trace
    facts: Facts
    rules: tuple[Score, ...]
    judged: tuple[Score, ...]
    profile: Profile

    def under(self, profile: str | Profile, *judged: Score) -> Rewarded:
        """The same under another profile, or with other scores of judges."""
        chosen = PROFILES[profile] if isinstance(profile, str) else profile
        rules = rule_scores(self.facts, chosen)
        return Rewarded(self.trace, self.facts, rules, judged or self.judged, chosen)

    @property
    def scores(self) -> tuple[Score, ...]:
        return combined(self.profile, self.facts, self.rules, self.judged)

    @property
    def total(self) -> Score:
        return self.scores[-1]

    def of(self, component: str, slot: int | None = None) -> Score | None:
        """What a component comes to, in the sum before by rule; None if it does not apply."""
        both = [*self.scores, *self.rules]
        fitting = (each for each in both if (each.component, each.slot) == (component, slot))
        return next((each for each in fitting if not each.call), None)

    def value(self, component: str, slot: int | None = None) -> float | None:
        """Of a score that must be there; None if it is missing."""
        found = self.of(component, slot)
        assert found is not None, component
        return found.value


def fair(facts: Facts) -> tuple[Score, ...]:
    """What fair judges say of the document, each figure of it, and all of them."""
    shown = [each.slot for each in facts.slots if each.picture]
    texts = [Score(component=name, value=TEXT) for name in ("text", "tag")]
    places = [*shown, None] if shown else []
    return (
        *texts,
        *(Score(component=name, slot=at, value=PICTURE) for at in places for name in OF_PICTURES),
    )


Write = Callable[..., Awaitable[Rewarded]]


@pytest.fixture
def write(store: ArtifactStore) -> Write:
    """Runs the graph, whatever becomes of it, and gives what the episode is worth under `llmi` with fair judges."""

    async def written(
        script: str | Sequence[str] | BaseChatModel,
        *tools: FakeTool,
        pictures: int | None = None,
        kinds: Sequence[str] = (),
        known: Any = None,
        hooks: Sequence[object] = (),
        request: Mapping[str, Any] = MappingProxyType({}),
        **machine: Any,
    ) -> Rewarded:
        """machine: arguments of `build_graph`; its `model` is the script unless that is given."""
        if not isinstance(script, BaseChatModel):
            script = ScriptedModel(script=[script] if isinstance(script, str) else [*script])
        given = {"model": script, "secrets": {}, "options": QUICK, "store": store, **machine}
        graph = build_graph(**given, tools=registry_of(*tools, hooks=hooks))
        demand = None if pictures is None else {"pictures": pictures, "kinds": [*kinds]}
        before = set(journal_beside(store).episodes())
        asked: Any = {"messages": [HumanMessage("Write.")], "demand": demand, **request}
        with suppress(LlmiError):
            await graph.ainvoke(asked)
        episodes = set(journal_beside(store).episodes())
        (episode,) = episodes - before or episodes
        return rewarded(store, episode, known)

    return written


@pytest.fixture
def read(store: ArtifactStore) -> Callable[[str], Rewarded]:
    """What an episode on record is worth."""
    return partial(rewarded, store)


def rewarded(store: ArtifactStore, episode: str, known: Any = None) -> Rewarded:
    trace = Trace(episode, partial(journal_beside(store).read, episode))
    facts = facts_of(trace, known)
    profile = PROFILES["llmi"]
    return Rewarded(trace, facts, rule_scores(facts, profile), fair(facts), profile)
