"""A hundred documents judged at once: does the judge's model get all the questions that its limit allows?

Workload: 100 documents, each with a draft of 6 kB and three pictures, judged by the judge of text with three votes and by the judge of
pictures with one: 400 questions to a model that answers after 1 s, of which 20 may be asked at once. The baseline is that limit: 400 x 1 s / 20
= 20 s, below which nothing can be. All documents are started together. Each question is read, a ballot is filled in and read back.
Bars: throughput >= 0.9 of the limit; no score is missing or wrong; the same documents again cost no question and at most a tenth of the time.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Exhibit, Judge, Shown
from llmi_agent.host.registry import registry_of
from llmi_agent.judges import PictureJudge, TextJudge
from llmi_agent.run.adviser import Adviser
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import ballot_for, random_png, slot

LEAST_THROUGHPUT, MOST_AGAIN = 0.9, 0.1
DOCUMENTS, VOTES, PERMITS, SECONDS = 100, 3, 20, 1.0
DEADLINE = 10.0
"""Seconds, half of what all take: they begin with a document's turn."""
QUESTIONS = DOCUMENTS * (VOTES + 1)
ROUNDS = 3
WORDS = "Harbours are places for ships, and ships need water under them. " * 24


class Slow(BaseChatModel):
    """Answers each question after so many seconds, with fours."""

    asked: list[float] = Field(default_factory=list)
    running: int = 0
    most: int = 0

    @property
    def _llm_type(self) -> str:
        return "slow"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(time.perf_counter())
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(SECONDS)
        self.running -= 1
        answer = ballot_for(messages, lambda asked, entry, field: 4)
        yield ChatGenerationChunk(message=AIMessageChunk(answer))


def exhibits(store: ArtifactStore) -> list[Exhibit]:
    """Documents that are all different; three pictures a document out of thirty."""
    digests = [store.put(random_png(256, 192, seed=n)) for n in range(30)]
    found = []
    for number in range(DOCUMENTS):
        figures = tuple(
            Shown(n + 1, n, "search", f"P{n}", digests[(3 * number + n) % 30]) for n in range(3)
        )
        parts = [f"# Document {number}", WORDS]
        draft = "\n\n".join(
            [*parts, *(f"{slot('search', f'P{n}', query=f'q{n}')}\n\n{WORDS}" for n in range(3))]
        )
        text = "\n\n".join([*parts, *(f"[Figure {n + 1}: P{n}]\n\n{WORDS}" for n in range(3))])
        found.append(Exhibit(f"Document {number}.", draft, text, figures, store))
    return found


async def judged(judges: list[Judge], shown: list[Exhibit]) -> tuple[float, int]:
    """Seconds until all scores are there, and how many are as they must be."""
    began = time.perf_counter()
    scores = await asyncio.gather(*(judge.judge(each) for each in shown for judge in judges))
    took = time.perf_counter() - began
    return took, sum(each.value == 0.75 for some in scores for each in some)


async def measure(folder: str) -> tuple[float, float, int, Slow]:
    """Seconds of the first time and of the second, scores as they must be, and the model."""
    store, model = ArtifactStore(folder), Slow()
    options = Options(vision=True, limits={"model": PERMITS})
    adviser = Adviser.of(model, registry_of(), store, options=options, secrets={})
    judges: list[Judge] = [
        TextJudge(adviser, votes=VOTES, deadline=DEADLINE),
        PictureJudge(adviser, deadline=DEADLINE),
    ]
    shown = exhibits(store)
    took, good = await judged(judges, shown)
    again, also = await judged(judges, shown)
    return took, again, min(good, also), model


def main() -> int:
    limit = QUESTIONS * SECONDS / PERMITS
    wanted = DOCUMENTS * (2 + 3 * 3 + 3)
    print(
        f"{DOCUMENTS} documents at once, {QUESTIONS} questions, {PERMITS} permits, {SECONDS:g} s a question"
    )
    shares, repeats, good, asked = [], [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            took, again, right, model = asyncio.run(measure(folder))
        shares.append(limit / took)
        repeats.append(again / took)
        good.append(right)
        asked.append(len(model.asked))
        print(
            f"  {took:.2f} s, limit {limit:.2f} s; again {again:.2f} s; {right} of {wanted} scores; "
            f"{len(model.asked)} questions, {model.most} at once at most"
        )
    share, repeat = statistics.median(shares), statistics.median(repeats)
    print(f"ratio: {share:.3f} of what the limit allows (bar: >= {LEAST_THROUGHPUT})")
    print(f"ratio: {repeat:.3f} of the time for the same again (bar: <= {MOST_AGAIN})")
    whole = set(good) == {wanted} and set(asked) == {QUESTIONS}
    print(f"scores missing or wrong: {ROUNDS * wanted - sum(good)}")
    return 0 if share >= LEAST_THROUGHPUT and repeat <= MOST_AGAIN and whole else 1


if __name__ == "__main__":
    sys.exit(main())
