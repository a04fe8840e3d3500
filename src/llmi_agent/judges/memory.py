"""What was judged already: nobody pays twice for the same question, in one process or, by the journal, in several."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from llmi_agent.base.errors import LlmiError
from llmi_agent.contract.judging import Score
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import Journal

Scores: TypeAlias = tuple[Score, ...]
_Running: TypeAlias = "asyncio.Future[Scores]"


class Memory:
    """The last `most` judgements. One that is under way is waited for, and one with a score missing is not kept."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._kept: OrderedDict[str, Scores] = OrderedDict()
        self._running: dict[tuple[int, str], _Running] = {}

    async def scores(self, key: str, judge: Callable[[], Awaitable[Scores]]) -> Scores:
        """Those of this question, judged now if they are not known."""
        here = id(asyncio.get_running_loop()), key
        while key not in self._kept:
            running = self._running.get(here)
            if running is None:
                return await self._judged(here, judge)
            await asyncio.wait({running})
            if not running.cancelled():
                return running.result()
        self._kept.move_to_end(key)
        return self._kept[key]

    async def _judged(
        self, here: tuple[int, str], judge: Callable[[], Awaitable[Scores]]
    ) -> Scores:
        """Whoever asks first judges; if that is stopped, the next one who waits does."""
        running: _Running = asyncio.get_running_loop().create_future()
        self._running[here] = running
        try:
            found = await judge()
        except BaseException:
            running.cancel()
            raise
        finally:
            del self._running[here]
        running.set_result(found)
        if all(each.value is not None for each in found):
            self._kept[here[1]] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found


def reuse_of(key: str, score: Score) -> str:
    """What a score is to be found by on record (`Rewarded.reuse`)."""
    return _reuse(key, score.component, score.slot)


def _reuse(key: str, component: str, slot: int | None) -> str:
    return f"judge:{key}:{component}:{'' if slot is None else slot}"


def remembered(
    journal: Journal, key: str, wanted: Sequence[tuple[str, int | None]]
) -> Scores | None:
    """The scores of this question as they are on record; None unless all that are wanted are there.

    wanted: their components and slots. Waits for the disk.
    """
    found = []
    for component, slot in wanted:
        score = _recorded(journal, key, component, slot)
        if score is None:
            return None
        found.append(score)
    return tuple(found)


def _recorded(journal: Journal, key: str, component: str, slot: int | None) -> Score | None:
    try:
        record = journal.reusable(_reuse(key, component, slot))
        event = next((e for _, e in events_of((record,))), None) if record else None
    except LlmiError:  # what cannot be read is judged again
        return None
    if not isinstance(event, Rewarded) or event.value is None or event.component != component:
        return None
    return Score(
        component=event.component,
        value=event.value,
        slot=slot,
        reason=event.reason,
        votes=tuple(event.votes),
        judge=event.judge,
        rubric=event.rubric,
        reuse=event.reuse,
    )
