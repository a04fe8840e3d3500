"""Rewards for fresh episodes, each as soon as it is there; they are put on record beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.rewards.scoring import Scored, Scorer
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces.rewarding import give
from llmi_agent.traces.trace import Trace

AT_ONCE = 8
"""Episodes that are scored at the same time."""

Heard: TypeAlias = Callable[[Scored], object]


class Scores:
    """Scores the episodes of a store that it is given. To be had from `scoring`."""

    def __init__(self, scorer: Scorer, store: ArtifactStore, heard: Heard) -> None:
        self._scorer = scorer
        self._store = store
        self._journal: Journal = journal_beside(store)
        self._heard = heard
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def add(self, episode: str) -> None:
        """One more; it is not waited for."""
        self._waiting.put_nowait(episode)

    async def done(self) -> None:
        """Wait until all are scored."""
        await self._waiting.join()

    async def work(self) -> None:
        """Score what is added, one after the other, until it is cancelled."""
        while True:
            episode = await self._waiting.get()
            self._heard(await self._scored(episode))
            self._waiting.task_done()

    async def _scored(self, episode: str) -> Scored:
        trace = Trace(episode, partial(self._journal.read, episode), self._store)
        scored = await self._scorer.score(trace)
        if not scored.new:
            return scored
        try:
            await asyncio.to_thread(give, self._journal, episode, *scored.new)
        except InputError as error:
            return Scored(episode, error=str(error))
        return scored


@asynccontextmanager
async def scoring(
    scorer: Scorer | None, store: ArtifactStore, heard: Heard
) -> AsyncIterator[Scores | None]:
    """Scores while the block runs, and until all that was added is scored; None without a scorer.

    heard: is told of each, on the event loop. What scoring raises ends the block.
    """
    if scorer is None:
        yield None
        return
    scores = Scores(scorer, store, heard)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scores.work()) for _ in range(AT_ONCE)]
            yield scores
            await scores.done()
            for each in tasks:
                each.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
