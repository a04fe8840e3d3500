"""What a calibration found."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from llmi_agent.contract.judging import Judge
from llmi_agent.judges.calibrate.asking import Judgement, Judges, Tell, ask
from llmi_agent.judges.calibrate.collection import Collection
from llmi_agent.judges.calibrate.measures import Found, found
from llmi_agent.judges.calibrate.thresholds import Thresholds
from llmi_agent.judges.calibrate.verdict import reasons
from llmi_agent.records.costs import Costs

CONCURRENCY = 8
REPEATS = 3


@dataclass(frozen=True)
class Seconds:
    """How long judgements took, the wait for the model's permit included."""

    median: float
    longest: float
    all: float
    """From the first question to the last answer."""


@dataclass(frozen=True)
class Judged:
    """A judge that was asked."""

    components: tuple[str, ...]
    rubric: str
    models: tuple[str, ...] = ()
    """Who answered, as vendors say it."""


@dataclass(frozen=True)
class Report:
    """All that was asked, and what came of it."""

    digest: str
    """Of the set: numbers of other sets are not to be compared with these."""
    topics: tuple[str, ...]
    repeats: int
    judges: tuple[Judged, ...]
    found: tuple[Found, ...]
    asked: int
    """Judgements."""
    whole: int
    """Those of which no score is missing."""
    seconds: Seconds
    thresholds: Thresholds = field(default_factory=Thresholds)
    costs: Costs = field(default_factory=Costs)
    """Of all questions, votes and retries included."""

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not fit."""
        return reasons(self.found, len(self.topics), self.repeats, self.thresholds)

    @property
    def fit(self) -> bool:
        """Whether it can be trained with."""
        return not self.reasons


async def calibrate(
    judges: Judges,
    collection: Collection,
    repeats: int = REPEATS,
    *,
    thresholds: Thresholds | None = None,
    concurrency: int = CONCURRENCY,
    deadline: float | None = None,
    tell: Tell = lambda whole: None,
) -> Report:
    """Ask judges about the set, and say whether they are fit to train with.

    judges: see `asking.Judges`. repeats: how often each document is judged. deadline: seconds for one judgement, for judges that
    have none of their own. tell: is called after each judgement.
    """
    began = time.monotonic()
    judgements = await ask(
        judges, collection, repeats, concurrency=concurrency, deadline=deadline, tell=tell
    )
    took = [each.seconds for each in judgements]
    return Report(
        digest=collection.digest,
        topics=tuple(each.name for each in collection.topics),
        repeats=repeats,
        judges=tuple(_judged(n, judge, judgements) for n, judge in enumerate(judges(0))),
        found=found(judgements, collection),
        asked=len(judgements),
        whole=sum(not each.errors for each in judgements),
        seconds=Seconds(statistics.median(took), max(took), time.monotonic() - began),
        thresholds=thresholds or Thresholds(),
    )


def _judged(number: int, judge: Judge, judgements: Sequence[Judgement]) -> Judged:
    models = {name for each in judgements if each.judge == number for name in each.models}
    return Judged(judge.components, judge.rubric, tuple(sorted(models)))
