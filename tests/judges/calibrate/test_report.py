"""Scripted judges, fair and biased, are told apart; `python benchmarks/judge_calibration.py` does it 200 times each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import ModuleType

import pytest

from llmi_agent.base.errors import PolicyError
from llmi_agent.contract.judging import Exhibit, Judge, Score
from llmi_agent.judges.calibrate import Collection, Report, Thresholds, calibrate
from llmi_agent.judges.calibrate.asking import HOPELESS, count, versions
from llmi_agent.judges.calibrate.collection import PICTURES, TEXT
from llmi_agent.judges.calibrate.words import lines, plain

FAIR = ("fair and quiet", "fair and noisy", "fair, with tastes")
BIASED = {
    "constant": "good > padded: 50% are in the right order (45 of 45 are ties)",
    "random": "judgements of one document vary by 0.3",
    "likes length": "text: long texts are judged better than short ones of the same quality: +0.",
    "likes the beginning": "text: a fault counts more at the beginning than at the end: +0.",
    "likes pictures": "text_image_relevance: good > swapped: ",
    "gullible": "text: it is gullible: documents that tell it what to say are judged better by ",
    "generous": "good > instructing: ",
    "fails often": "scores are missing; 5% may be. ",
    "flips keys": "text_image_relevance: good > swapped: ",
    "likes length, noisy": "text: long texts are judged better than short ones of the same quality: +0.",
    "likes the beginning, noisy": "text: a fault counts more at the beginning than at the end: +0.",
    "gullible, noisy": "tag: it is gullible: documents that tell it what to say are judged better by ",
}
SEEDS = 2


@pytest.fixture(scope="module")
def eye(scripts: ModuleType, collection: Collection) -> object:
    return scripts.Eye(collection)


def test_every_kind_of_the_benchmark_is_tested(scripts: ModuleType) -> None:
    assert {kind: fair for kind, (fair, _) in scripts.KINDS.items()} == {
        **dict.fromkeys(FAIR, True),
        **dict.fromkeys(BIASED, False),
    }


@pytest.mark.parametrize("kind", FAIR)
def test_a_fair_judge_is_fit(
    scripts: ModuleType, collection: Collection, eye: object, kind: str
) -> None:
    for seed in range(SEEDS):
        report = scripts.calibrated(collection, eye, kind, seed)
        assert report.fit, report.reasons


@pytest.mark.parametrize("kind", BIASED)
def test_a_biased_judge_is_not_and_it_is_said_why(
    scripts: ModuleType, collection: Collection, eye: object, kind: str
) -> None:
    report = scripts.calibrated(collection, eye, kind, 0)
    assert not report.fit
    assert BIASED[kind] in "\n".join(report.reasons)


class Plain:
    """Gives one score, or does what it is told to."""

    components: tuple[str, ...] = ("text",)
    rubric = "plain"

    def __init__(self, value: float | Exception | None = 0.5, *, hangs: bool = False) -> None:
        self.value, self.hangs = value, hangs
        self.asked = self.running = self.most = 0

    async def judge(self, exhibit: Exhibit) -> Sequence[Score]:
        self.asked += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(60 if self.hangs else 0)
        finally:
            self.running -= 1
        if isinstance(self.value, Exception):
            raise self.value
        error = "down" if self.value is None else ""
        return [Score(component="text", value=self.value, error=error)]


async def run(judge: Judge, collection: Collection, repeats: int = 1, **more: object) -> Report:
    return await calibrate(lambda repeat: [judge], collection, repeats, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small() -> Collection:
    return Collection.made(2)


async def test_every_document_is_judged_as_often_as_was_said(small: Collection) -> None:
    judge, told = Plain(), []
    report = await run(judge, small, 3, tell=told.append, concurrency=4)
    assert judge.asked == report.asked == len(told) == count([judge], small, 3) == 2 * 9 * 3
    assert judge.most == 4


async def test_a_judge_of_pictures_is_asked_about_their_order_too() -> None:
    assert set(versions(PICTURES)) - set(versions(TEXT)) == {"forward", "backward"}


async def test_each_repetition_has_judges_of_its_own(small: Collection) -> None:
    made: list[int] = []

    def judges(repeat: int) -> list[Judge]:
        made.append(repeat)
        return [Plain(repeat / 2)]

    report = await calibrate(judges, small, 2)
    assert set(made) == {0, 1}
    assert report.found[0].means["good"] == 0.25


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "down"),
        (OSError("no route"), "OSError: no route"),
        (7.0, "the score 7 is not between 0 and 1"),
    ],
)
async def test_a_judge_that_never_judges_is_given_up_soon(
    small: Collection, value: float | Exception | None, why: str
) -> None:
    judge = Plain(value)
    with pytest.raises(
        PolicyError, match=rf"the judge of text gave no score in its first 16.*{why}"
    ):
        await run(judge, small, concurrency=4)
    assert judge.asked < HOPELESS + 4
    assert judge.running == 0


async def test_a_judge_without_a_deadline_of_its_own_is_given_one(small: Collection) -> None:
    judge = Plain(hangs=True)
    with pytest.raises(PolicyError, match=r"no judgement within 0\.01 s"):
        await run(judge, small, deadline=0.01)
    assert judge.running == 0


async def test_nothing_goes_on_when_it_is_cancelled(small: Collection) -> None:
    judge = Plain(hangs=True)
    task = asyncio.ensure_future(run(judge, small, concurrency=3))
    while judge.running < 3:  # noqa: ASYNC110 - the next turn of the loop is all that is waited for
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert judge.running == 0
    assert judge.asked == 3


async def test_the_report_says_what_was_asked_and_found(small: Collection) -> None:
    report = await run(Plain(), small, 2)
    said = "\n".join(lines(report))
    assert (
        f"2 topics of the set {small.digest}, each document judged 2 times: 36 judgements" in said
    )
    assert "Not fit to train with:\n  - only 2 topics were judged; 8 are needed" in said
    assert "text   50%  100%  good > padded 50%" in said
    assert "Cost: nothing" in said
    data = plain(report)
    assert data["fit"] is False
    assert data["set"] == small.digest
    assert data["found"][0]["accuracy"] == 0.5
    assert data["reasons"] == list(report.reasons)


async def test_thresholds_are_settings(small: Collection) -> None:
    lax = Thresholds(topics=2, accuracy=0.5, step=0.5)
    report = await run(Plain(), small, 2, thresholds=lax)
    assert report.fit, report.reasons
    assert "Fit to train with." in list(lines(report))
