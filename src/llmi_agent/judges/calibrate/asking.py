"""Judges are asked about every exhibit that tells something of them, several times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from llmi_agent.base.errors import PolicyError
from llmi_agent.contract.judging import Exhibit, Judge, Score
from llmi_agent.judges.calibrate.collection import CHAIN, PICTURES, TEXT, Collection

TWINS = ("early", "late", "short", "long")
ORDERS = ("forward", "backward")
"""Only where a judge may give scores of figures."""

HOPELESS = 16
"""Judgements without any score, from the first on, after which a judge is given up."""

Judges = Callable[[int], Sequence[Judge]]
"""The judges for a repetition, the first being 0: made so that none of them answers from memory what it was asked in another."""
Tell = Callable[[bool], None]
"""Is told of each judgement as it ends: whether it is whole."""


@dataclass(frozen=True)
class Judgement:
    """What a judge said of an exhibit once."""

    judge: int
    """Which one, from 0."""
    topic: str
    version: str
    repeat: int
    seconds: float
    scores: Mapping[str, float | None] = field(default_factory=dict)
    """Of the document, by component; None where it is missing."""
    figures: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Of each figure, by component and slot."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a score is missing, by component."""
    models: tuple[str, ...] = ()
    """Who judged, as vendors say it."""


@dataclass(frozen=True)
class _Task:
    judge: int
    by: Judge
    topic: str
    version: str
    repeat: int


def versions(components: Sequence[str]) -> tuple[str, ...]:
    """What a judge with these components is asked about."""
    orders = () if set(components) <= set(TEXT) else ORDERS
    return (*CHAIN, *TWINS, *orders)


async def ask(
    judges: Judges,
    collection: Collection,
    repeats: int,
    *,
    concurrency: int,
    deadline: float | None,
    tell: Tell,
) -> list[Judgement]:
    """All judgements, in no order. Nothing of it goes on when it is cancelled.

    Raises PolicyError as soon as a judge has given no score at all for so long that there is nothing to hope for.
    """
    tasks = _tasks(judges, collection, repeats)
    found: list[Judgement] = []
    silent: dict[int, int | None] = {}

    async def work() -> None:
        for task in tasks:
            exhibit = collection.exhibits[task.topic, task.version]
            judgement = await _judged(task, exhibit, deadline)
            found.append(judgement)
            tell(not judgement.errors)
            _despair(judgement, silent)

    workers = [asyncio.ensure_future(work()) for _ in range(concurrency)]
    try:
        await asyncio.gather(*workers)
    finally:
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return found


def _despair(judgement: Judgement, silent: dict[int, int | None]) -> None:
    """silent: how many judgements without any score each judge has given; None for one that has given a score."""
    so_far = silent.get(judgement.judge, 0)
    if so_far is None or not judgement.scores:
        return
    if any(value is not None for value in judgement.scores.values()):
        silent[judgement.judge] = None
        return
    silent[judgement.judge] = so_far + 1
    if so_far + 1 >= HOPELESS:
        components, why = ", ".join(judgement.errors), next(iter(judgement.errors.values()))
        raise PolicyError(
            f"the judge of {components} gave no score in its first {HOPELESS} judgements, so it is asked no more: {why}"
        )


def count(judges: Sequence[Judge], collection: Collection, repeats: int) -> int:
    """How many judgements there will be."""
    each = sum(len(versions(judge.components)) for judge in judges)
    return each * len(collection.topics) * repeats


def _tasks(judges: Judges, collection: Collection, repeats: int) -> Iterator[_Task]:
    for repeat in range(repeats):
        made = judges(repeat)
        for topic in collection.topics:
            for number, judge in enumerate(made):
                for version in versions(judge.components):
                    yield _Task(number, judge, topic.name, version, repeat)


async def _judged(task: _Task, exhibit: Exhibit, deadline: float | None) -> Judgement:
    began = time.monotonic()
    error = ""
    said: tuple[Score, ...] = ()
    try:
        async with asyncio.timeout(deadline):
            said = tuple(await task.by.judge(exhibit))
    except TimeoutError:
        error = f"no judgement within {deadline:g} s" if deadline else "TimeoutError"
    except Exception as failure:  # noqa: BLE001 - a judge that raises breaks its contract, and is data all the same
        error = f"{type(failure).__name__}: {failure}"
    seconds = time.monotonic() - began
    return _read(task, exhibit, said, error, seconds)


def _read(
    task: _Task, exhibit: Exhibit, said: Sequence[Score], error: str, seconds: float
) -> Judgement:
    given: dict[str, float | None] = {}
    errors: dict[str, str] = {}
    figures: dict[str, dict[int, float]] = {}
    for score in said:
        if score.slot is not None and score.value is not None:
            figures.setdefault(score.component, {})[score.slot] = score.value
        if score.slot is None and not score.call:
            given[score.component], why = _value(score)
            if why:
                errors[score.component] = why
    for component in task.by.components:
        if component not in given and (exhibit.figures or component not in PICTURES):
            given[component] = None
            errors[component] = error or "the judge gave no score of it"
    known = [*task.by.components, *given]
    scores = {component: given[component] for component in known if component in given}
    models = tuple(sorted({each.judge for each in said if each.judge}))
    return Judgement(
        task.judge, task.topic, task.version, task.repeat, seconds, scores, figures, errors, models
    )


def _value(score: Score) -> tuple[float | None, str]:
    if score.value is None:
        return None, score.error
    if not 0 <= score.value <= 1:
        return None, f"the score {score.value:g} is not between 0 and 1"
    return score.value, ""
