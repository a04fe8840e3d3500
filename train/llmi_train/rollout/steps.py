"""The rollouts of an online training, step by step: run through the graph, or read again where they are on record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from llmi_agent.base.errors import InputError
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.traces.trace import Trace
from llmi_train.rollout.aside import Aside
from llmi_train.rollout.closed import Closed, Share, Story
from llmi_train.rollout.collect import Order
from llmi_train.rollout.policy import StepPolicy
from llmi_train.rollout.preparing import CONCURRENCY, Prepared
from llmi_train.rollout.timed import Watch, collected
from llmi_train.rollout.turns import Turns
from llmi_train.rows import Gathered, NothingToTrain, Row, rows_of

FOLDER = "rollouts"
DEADLINE = 600.0
"""Seconds for the rollouts of a step, and their rewards."""


class Together(Protocol):
    """The processes that train together."""

    @property
    def number(self) -> int:
        """This one's, from 0."""

    @property
    def count(self) -> int: ...

    def all(self, own: Any) -> list[Any]:
        """What each of them gives, by their numbers."""


class Alone:
    """There is one."""

    number, count = 0, 1

    def all(self, own: Any) -> list[Any]:
        """Its own."""
        return [own]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How each step is rolled out."""

    turns: Turns
    group: int
    """Episodes of each prompt."""
    seed: int
    concurrency: int = CONCURRENCY
    """Episodes at once, in each process."""
    deadline: float = DEADLINE
    """What is not at its end by then, and scored, is given up."""
    longest: int | None = None
    repairs: str | None = None
    sees: bool = False
    """As for `rows_of`."""


@dataclass(frozen=True)
class Rolled:
    """The rollouts of a step."""

    closed: Closed
    rows: tuple[Row, ...]
    """This process's, in the order of the step's prompts."""
    gathered: Gathered | None = field(repr=False)
    """Where they come from; None if there are none."""
    again: bool
    """They were on record."""


@dataclass
class Steps:
    """Gives each step's rollouts."""

    plan: Plan
    ready: Prepared
    scorer: Scorer
    policy: StepPolicy
    out: Path
    """The folder of the training."""
    identity: str
    """What the versions of its weights begin with."""
    together: Together = field(default_factory=Alone)
    watch: Watch = field(default_factory=Watch)
    _aside: Aside = field(default_factory=Aside)

    def __post_init__(self) -> None:
        self.story = Story(self.out)

    @property
    def temperature(self) -> float:
        """What is sampled at."""
        given = self.ready.setup.config.options.temperature
        return 1.0 if given is None else given

    def close(self) -> None:
        """Nothing more is rolled out."""
        self._aside.close()

    def of(self, step: int) -> Rolled:
        """Those of a step, from 1. In all processes at the same time.

        Raises what `collect` does for what stops all of them, and InputError if what is on record of the step has changed.
        """
        if known := self.story.of(step):
            return self._again(known)
        version = f"{self.identity}@{step - 1}"
        gathered, share = self._collected(step, version)
        shares = tuple(Share.model_validate(each) for each in self.together.all(share.model_dump()))
        wanted = len(self.plan.turns.of(step - 1)) * self.plan.group
        closed = Closed.of(step, version, wanted, shares)
        if self.together.number == 0:
            self.story.add(closed)
        else:
            self.story.learn(closed)
        return Rolled(closed, _in_order(gathered, share.episodes), gathered, again=False)

    def _collected(self, step: int, version: str) -> tuple[Gathered | None, Share]:
        """What this process rolls out of it."""
        plan, together = self.plan, self.together
        began = time.monotonic()
        prompts = plan.turns.of(step - 1)[together.number :: together.count]
        folder = self.out / FOLDER / f"{step:06}" / f"{together.number + 1}-of-{together.count}"
        ready = self.ready.anew(version, _seed(plan.seed, step))
        order = Order(prompts, plan.group, folder, (), plan.concurrency, self.scorer)
        self.watch.begin(len(prompts) * plan.group)
        with self.policy.writing(version):
            collected(self._aside, ready, order, self.watch, plan.deadline)
        found = self.watch.found(prompts, plan.group)
        gathered, left_out = self._gathered(found.episodes)
        share = Share(
            episodes=found.episodes,
            missing=found.missing,
            left_out=left_out,
            rows=len(gathered.rows) if gathered else 0,
            data=gathered.report.data_hash if gathered else "",
            rewards=found.rewards,
            valid=found.valid,
            validities=found.validities,
            tokens=self.watch.tokens,
            seconds=round(time.monotonic() - began, 3),
        )
        return gathered, share

    def _again(self, known: Closed) -> Rolled:
        """From the traces. Raises InputError if they are not what they were."""
        if len(known.shares) != self.together.count:
            raise InputError(
                f"the rollouts of step {known.step} were collected by {len(known.shares)} processes, and {self.together.count} go on "
                "with the training; start as many"
            )
        share = known.shares[self.together.number]
        gathered, _ = self._gathered(share.episodes)
        if (gathered.report.data_hash if gathered else "") != share.data:
            raise InputError(
                f"the traces of step {known.step} are not what they were when it was trained on: runs or rewards in "
                f"{self.ready.store.root} were changed or deleted since; put them back, or train anew into another folder"
            )
        return Rolled(known, _in_order(gathered, share.episodes), gathered, again=True)

    def _gathered(self, episodes: Sequence[str]) -> tuple[Gathered | None, Mapping[str, int]]:
        """The rows of these episodes; why some have none."""
        if not episodes:
            return None, {}
        journal = journal_beside(self.ready.store)
        place = _Chosen(
            [Trace(each, partial(journal.read, each), self.ready.store) for each in episodes]
        )
        try:
            found = rows_of(
                place,
                profile=self.scorer.version,
                temperature=self.temperature,
                longest=self.plan.longest,
                repairs=self.plan.repairs,
                sees=self.plan.sees,
                leave_out_bad=True,
            )
        except NothingToTrain as nothing:
            return None, nothing.left_out
        return found, found.report.left_out


@dataclass(frozen=True)
class _Chosen:
    """Some traces, as a place."""

    some: Sequence[Trace]
    name: str = "the rollouts of a step"

    def traces(self) -> Iterator[Trace]:
        return iter(self.some)


def _in_order(gathered: Gathered | None, episodes: Sequence[str]) -> tuple[Row, ...]:
    """By prompts and members: the ids of groups and episodes are drawn by chance, or follow from where a folder is."""
    if gathered is None:
        return ()
    places = {each: number for number, each in enumerate(episodes)}

    def place(row: Row) -> tuple[int, int]:
        return places[row.segment.episode], row.segment.number

    return tuple(sorted(gathered.rows, key=place))


def _seed(seed: int, step: int) -> int:
    """What a step draws by."""
    return int.from_bytes(hashlib.sha256(f"{seed} {step}".encode()).digest()[:4], "big") >> 1
