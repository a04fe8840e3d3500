"""One call from a trace to its rewards: the rules, the judges, what plugins add, and the sum of all that."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import Demand, Exhibit, Judge, Score
from llmi_agent.host.registry import Registry
from llmi_agent.judges.choosing import name_of
from llmi_agent.judges.exhibit import exhibit_of
from llmi_agent.judges.judge import LanguageJudge
from llmi_agent.records.events.reward import TOTAL, Rewarded
from llmi_agent.rewards.added import added_by
from llmi_agent.rewards.facts import Facts, facts_of
from llmi_agent.rewards.hybrid import combined
from llmi_agent.rewards.profile import Profile, profile_of
from llmi_agent.rewards.rollout import Rollout, trace_of
from llmi_agent.rewards.rules import rule_scores
from llmi_agent.traces.places import Place
from llmi_agent.traces.trace import Trace

MOST_AT_ONCE = 8
DEADLINE = 600.0
"""Seconds for each judge and each function of a plugin, on one document."""
_PATIENCE = 1.25
"""Times the deadline, after which a judge is not waited for that should have kept it by itself."""
_DIGITS = 12
_MOST_WORDS = 500


@dataclass(frozen=True)
class Scored:
    """What an episode is worth."""

    episode: str
    rewards: tuple[Rewarded, ...] = field(default=(), repr=False)
    """All of it, the total last; as they are on record, if they were found there."""
    new: tuple[Rewarded, ...] = field(default=(), repr=False)
    """Those of them that are not on record, to be put there."""
    found: bool = False
    """They are on record already: nothing was asked."""
    demand: Demand | None = None
    """What its prompt asks for; None if nobody said."""
    error: str = ""
    """Why there are none: it cannot be read, or is not at its end."""

    @property
    def total(self) -> float | None:
        """The reward of the whole; None if it could not be given, which is not 0."""
        return self._total.value if self._total else None

    @property
    def missing(self) -> str:
        """Why there is no total; empty if there is one."""
        return self.error or (self._total.error if self._total else "it has no total")

    @property
    def _total(self) -> Rewarded | None:
        return next((e for e in reversed(self.rewards) if _is_total(e)), None)

    def of(self, component: str) -> float | None:
        """One component of the whole document; None if it is missing or not there."""
        own = (e for e in self.rewards if e.component == component and e.scope == "episode")
        return next((each.value for each in own), None)


class Scorer:
    """Scores episodes by a profile: with its judges, its rules, and what plugins add.

    profile: its name, or one of your own. judges: those whose components the profile weighs. registry: the kinds of
    installed tools, and the plugins whose `llmi_rewards` are heard. place: where fresh runs are on record. concurrency: documents at once. deadline: seconds for each
    judge and each plugin on one document; what is not there by then is missing.

    Raises ConfigError if the profile weighs a component that nobody here gives.
    """

    def __init__(
        self,
        profile: Profile | str = "llmi",
        judges: Sequence[Judge] = (),
        *,
        registry: Registry | None = None,
        place: Place | None = None,
        concurrency: int = MOST_AT_ONCE,
        deadline: float | None = DEADLINE,
    ) -> None:
        self.profile = profile if isinstance(profile, Profile) else profile_of(profile)
        self.judges = tuple(judges)
        self._registry = registry
        self._place = place
        there = added_by(registry.host) if registry else ()
        self._added = tuple(each for each in there if each.spec.name in self.profile.weights)
        self._concurrency = concurrency
        self._deadline = deadline
        self._check()

    def _check(self) -> None:
        """Raises ConfigError if the profile weighs what nobody gives."""
        profile = self.profile
        judged = {name for judge in self.judges for name in judge.components}
        for name in profile.judged:
            if name not in judged:
                raise ConfigError(
                    f"the profile {profile.name} weighs {name}, which no judge here scores: name a judge, or take the "
                    "profile rules, which needs none"
                )
        added = {each.spec.name for each in self._added} | judged
        for name in profile.added:
            if name not in added:
                known = ", ".join(sorted(added)) or "none"
                raise ConfigError(
                    f"the profile {profile.name} weighs {name!r}, which neither a judge nor a plugin gives; they give: {known}"
                )

    @cached_property
    def version(self) -> str:
        """The profile's name, and a digest of all that decides a score: rewards of another one are never compared."""
        judges = sorted(json.dumps(_identity(each), default=str) for each in self.judges)
        added = sorted(each.known_by for each in self._added)
        text = json.dumps([self.profile.digest, judges, added])
        return f"{self.profile.name}@{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"

    async def score(
        self, what: Rollout, *, demand: Demand | None = None, again: bool = False
    ) -> Scored:
        """The rewards of an episode; nothing is put on record (`llmi_agent.traces.give` does).

        what: its trace, or what a fresh run of it gave. demand: what its prompt asks for; by default what is on record.
        again: also if they are on record, of the same version and for what the run is now.

        Raises InputError if a run that is named is not there.
        """
        trace = await self._trace(what)
        try:
            known = await asyncio.to_thread(self._on_record, trace)  # it reads the disk
            demand = demand or trace.opened.demand
            if not again and any(_is_total(each) and each.value is not None for each in known):
                return Scored(trace.episode, known, found=True, demand=demand)
            if trace.state == "open":
                return Scored(trace.episode, error="it is not at its end: go on with it first")
            scores = await self._scores(trace, demand)
        except InputError as error:
            return Scored(trace.episode, error=str(error))
        rewards = tuple(map(self._rewarded, scores))
        new = tuple(each for each in rewards if again or each not in known)
        return Scored(trace.episode, rewards, new, demand=demand)

    async def score_all(
        self,
        traces: Iterable[Rollout],
        *,
        demands: Mapping[str, Demand] | None = None,
        again: bool = False,
    ) -> AsyncGenerator[Scored]:
        """Each as it is done, not in their order; at most `concurrency` are in memory.

        demands: what prompts ask for, by their text; of others, what is on record.
        """
        waiting: set[asyncio.Task[Scored]] = set()
        rest = iter(traces)
        try:
            while True:
                while len(waiting) < self._concurrency:
                    what = await asyncio.to_thread(next, rest, None)
                    if what is None:
                        break
                    waiting.add(asyncio.create_task(self._demanded(what, demands or {}, again)))
                if not waiting:
                    return
                done, waiting = await asyncio.wait(waiting, return_when="FIRST_COMPLETED")
                for task in done:
                    yield task.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _demanded(self, what: Rollout, demands: Mapping[str, Demand], again: bool) -> Scored:
        trace = await self._trace(what)
        try:
            prompt = await asyncio.to_thread(lambda: trace.prompt) if demands else ""
        except InputError as error:
            return Scored(trace.episode, error=str(error))
        return await self.score(trace, demand=demands.get(prompt), again=again)

    async def _trace(self, what: Rollout) -> Trace:
        """Of what is one already, no thread is asked: each time costs a tenth of a millisecond."""
        return (
            what
            if isinstance(what, Trace)
            else await asyncio.to_thread(trace_of, what, self._place)
        )

    def _on_record(self, trace: Trace) -> tuple[Rewarded, ...]:
        """What it was given last of this version, each component of each thing once, for what it is now."""
        own = (e.given for e in trace.rewards if e.current and e.given.profile == self.version)
        return tuple({(each.scope, each.about, each.component): each for each in own}.values())

    async def _scores(self, trace: Trace, demand: Demand | None) -> tuple[Score, ...]:
        facts, exhibit = await asyncio.to_thread(self._seen, trace)
        if demand is not None:
            facts, exhibit = replace(facts, demand=demand), replace(exhibit, demand=demand)
        judged, added = await asyncio.gather(
            asyncio.gather(*(self._judged(judge, exhibit) for judge in self.judges)),
            asyncio.gather(*(each.scores(trace, self._deadline) for each in self._added)),
        )
        given = [score for scores in (*judged, *added) for score in scores]
        rules = rule_scores(facts, self.profile)
        return (*given, *rules, *combined(self.profile, facts, rules, given))

    def _seen(self, trace: Trace) -> tuple[Facts, Exhibit]:
        """What rules and judges look at."""
        return facts_of(trace, self._kinds), exhibit_of(trace)

    async def _judged(self, judge: Judge, exhibit: Exhibit) -> tuple[Score, ...]:
        """What a judge gives; without a value, each for the reason, where it breaks its word and raises."""
        try:
            async with asyncio.timeout(self._deadline and self._deadline * _PATIENCE):
                return tuple(await judge.judge(exhibit))
        except TimeoutError:
            why = f"it took more than {self._deadline or 0:g} s"
        except Exception as error:  # noqa: BLE001 - a plugin's judge may raise anything
            why = one_line(f"{type(error).__name__}: {error}")[:_MOST_WORDS]
        said = f"the judge {name_of(judge)}: {why}"
        return tuple(
            Score(component=each, value=None, error=said, rubric=judge.rubric)
            for each in judge.components
        )

    @cached_property
    def _kinds(self) -> Mapping[str, type[BaseModel]]:
        """The parameters of the kinds that installed tools bring."""
        tools = self._registry.tools.values() if self._registry else ()
        return {tool.spec.kind: tool.spec.as_kind().params for tool in tools}

    def _rewarded(self, score: Score) -> Rewarded:
        about = score.call or ("" if score.slot is None else str(score.slot))
        return Rewarded(
            component=score.component,
            value=score.value,
            scope="call" if score.call else "episode" if score.slot is None else "slot",
            about=about,
            status="error" if score.value is None else "ok",
            error=score.error,
            profile=self.version,
            judge=score.judge,
            rubric=score.rubric,
            reason=score.reason,
            votes=score.votes,
            reuse=score.reuse,
        )


def _identity(judge: Judge) -> list[Any]:
    """What its scores are compared by."""
    own = [judge.votes, judge.adviser.manner] if isinstance(judge, LanguageJudge) else []
    return [name_of(judge), judge.rubric, *own]


def _is_total(reward: Rewarded) -> bool:
    return reward.component == TOTAL and reward.scope == "episode"
