"""A judge whose model cannot be asked at all is given up; one that has ever answered, or answers later, is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from llmi_agent.contract.judging import Exhibit, Score
from llmi_agent.judges import PictureJudge, TextJudge
from llmi_agent.judges.checklists import Checklists
from llmi_agent.judges.patience import A_WHILE, MOST, Patience
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import OpenAIServer, Reply, openai_error

from .conftest import exhibit_with, marks, scripted, served, values

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*:UserWarning"
)

KEY_WRONG = openai_error(401, "Incorrect API key")
PAGE = Reply(body=b"<html>Log in</html>", media_type="text/html")


class Clock:
    """Stands still until somebody moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def patience(clock: Callable[[], float] | None = None) -> Patience:
    return Patience(clock or Clock())


def documents(store: ArtifactStore, count: int) -> list[Exhibit]:
    return [exhibit_with(store, 1, draft=f"# Harbour {n}", text=f"# {n}") for n in range(count)]


async def judged(judge: Any, store: ArtifactStore, count: int) -> list[Score]:
    """The first score of each of so many documents, one after the other."""
    return [(await judge.judge(each))[0] for each in documents(store, count)]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (KEY_WRONG, "its key is not accepted"),
        (openai_error(402, "pay"), "no credit left"),
        (openai_error(403, "not yours"), "does not allow this"),
        (openai_error(404, "no model judge"), "no model judge"),
        (openai_error(429, "You exceeded your current quota"), "your current quota"),
        (PAGE, "text/html"),
    ],
    ids=["401", "402", "403", "404", "quota", "page"],
)
@pytest.mark.parametrize("votes", [1, 2])
async def test_a_model_that_nobody_can_ask_is_given_up_with_the_reason(
    fault: Any, why: str, votes: int, server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(fault, times=200)
    judge = TextJudge(served(server, store), votes=votes, patience=patience())
    scores = await judged(judge, store, MOST + 20)
    assert len(server.seen) == MOST * votes
    assert {each.value for each in scores} == {None}
    assert all(why in each.error for each in scores)
    assert all("not asked for now" in each.error and each.rubric for each in scores[MOST:])
    assert not any("not asked for now" in each.error for each in scores[:MOST])


async def test_it_is_given_up_by_those_that_judge_anew_and_many_at_once(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(KEY_WRONG, times=500)
    judge = TextJudge(served(server, store, limits={"model": 4}), patience=patience())
    await asyncio.gather(*(judge.judge(each) for each in documents(store, 60)))
    assert MOST <= len(server.seen) < MOST + 4
    before = len(server.seen)
    assert values(await judged(judge.seeded(1), store, 3)) == [None] * 3
    assert len(server.seen) == before


async def test_so_is_a_judge_with_criteria_for_each_prompt(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(KEY_WRONG, times=200)
    prompts = [f"Of harbour {n}." for n in range(MOST + 9)]
    judge = Checklists(served(server, store), {each: {"1": "Is it true?"} for each in prompts})
    for each in prompts:
        await judge.judge(exhibit_with(store, 0, prompt=each))
    assert len(server.seen) == MOST


async def test_one_that_has_answered_once_is_asked_for_ever(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    clock = Clock()
    judge = TextJudge(served(server, store), patience=patience(clock))
    (first,) = await judged(judge, store, 1)
    assert first.value == 0.75
    server.fault(KEY_WRONG, times=2 * MOST)
    for each in documents(store, 2 * MOST + 2)[1:]:
        clock.now += A_WHILE
        await judge.judge(each)
    assert len(server.seen) == 2 * MOST + 2


async def test_one_that_is_given_up_is_tried_now_and_then_and_trusted_again(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    clock = Clock()
    server.fault(KEY_WRONG, times=MOST + 1)
    judge = TextJudge(served(server, store), patience=patience(clock))
    shown = documents(store, MOST + 9)
    for each in shown[: MOST + 3]:
        await judge.judge(each)
    assert len(server.seen) == MOST
    clock.now += A_WHILE
    for each in shown[:3]:  # one of them is asked, in vain
        await judge.judge(each)
    assert len(server.seen) == MOST + 1
    clock.now += A_WHILE
    found = [(await judge.judge(each))[0].value for each in shown[3:]]
    assert found == [0.75] * len(found)


async def test_what_may_pass_is_waited_for_longer(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    clock = Clock()
    server.fault(openai_error(429, "slow down"), times=1000)
    judge = TextJudge(served(server, store, model_retries=0), patience=patience(clock))
    shown = documents(store, 4 * MOST)
    for each in shown[: 2 * MOST]:
        await judge.judge(each)
    assert len(server.seen) == 2 * MOST
    clock.now += A_WHILE
    for each in shown[2 * MOST :]:
        await judge.judge(each)
    assert len(server.seen) == 2 * MOST + 1


@pytest.mark.parametrize(
    "answer", ["I cannot judge this.", marks(9)], ids=["a refusal", "no such mark"]
)
async def test_a_model_that_answers_is_there_whatever_it_says(
    answer: Any, store: ArtifactStore
) -> None:
    clock = Clock()
    adviser, model = scripted(store, answer)
    judge = TextJudge(adviser, patience=patience(clock))
    for each in documents(store, 3 * MOST):
        clock.now += A_WHILE
        await judge.judge(each)
    assert len(model.asked) == 3 * MOST


async def test_documents_that_are_too_long_for_a_model_say_nothing_of_others(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(400, "the maximum context length is 8192 tokens"), times=2 * MOST)
    judge = TextJudge(served(server, store), patience=patience())
    scores = await judged(judge, store, 2 * MOST + 1)
    assert values(scores) == [None] * 2 * MOST + [0.75]


async def test_each_judge_has_its_own(server: OpenAIServer, store: ArtifactStore) -> None:
    """A model that takes no pictures may yet judge texts."""
    server.fault(KEY_WRONG, times=MOST)
    adviser = served(server, store)
    await judged(PictureJudge(adviser), store, MOST + 1)
    (found,) = await judged(TextJudge(adviser), store, 1)
    assert found.value == 0.75
