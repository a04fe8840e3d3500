"""Making many at once, with an outcome that does not depend on which answer comes first.

Each prompt is made by itself; whether it is too much like another one is decided in the order of the plan, against those
before it that were taken. Whoever is like one that was taken already is sent back at once.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmi_train.prompts.make.asking import SpentError
from llmi_train.prompts.make.making import Maker, Making
from llmi_train.prompts.make.plan import Item
from llmi_train.prompts.make.rules import Rejected
from llmi_train.prompts.near import Neighbours
from llmi_train.prompts.text import digest_of

_AHEAD = 16
"""So many prompts for each that is made at once may wait for one before them."""
_LIKE = "it was too much like another request that is taken already; write about something else in other words"


@dataclass(frozen=True)
class Made:
    """A prompt that was taken."""

    item: Item
    text: str


class Workshop:
    """The prompts of a plan.

    concurrency: how many are made at once. tell: is called when one was taken or not taken.
    """

    def __init__(
        self, plan: Sequence[Item], maker: Maker, concurrency: int, tell: Callable[[], None]
    ) -> None:
        self.made: list[Made] = []
        self.missing: list[Item] = []
        """Given up, or not to be had for the budget."""
        self.spent: SpentError | None = None
        self._plan = plan
        self._maker = maker
        self._concurrency = concurrency
        self._tell = tell
        self._texts: dict[int, str] = {}
        self._taken = Neighbours()
        self._begun = self._settled = 0
        self._waiting: dict[int, Making] = {}
        """Those that wait for one before them, by their numbers."""
        self._sent_back: list[tuple[int, Making]] = []
        self._news = asyncio.Condition()

    async def make(self) -> None:
        """Make all of them. Raises DownError, and other LlmiErrors, if no more can be made."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._work())

    async def _work(self) -> None:
        while (making := await self._next()) is not None:
            try:
                await self._maker.make(making)
            except SpentError as error:
                self.spent = error
            self._waiting[making.item.number] = making
            if making.text and self._is_like_another(making):
                self._send_back(making)
            self._settle()
            self._tell()
            async with self._news:
                self._news.notify_all()

    async def _next(self) -> Making | None:
        """The one that others wait for most; None when all are settled."""
        async with self._news:
            await self._news.wait_for(self._can_go_on)
        if self._sent_back:
            return heapq.heappop(self._sent_back)[1]
        if self._settled == len(self._plan):
            return None
        self._begun += 1
        return Making(self._plan[self._begun - 1])

    def _can_go_on(self) -> bool:
        ahead = self._begun - self._settled
        fresh = self._begun < len(self._plan) and ahead < _AHEAD * self._concurrency
        return bool(self._sent_back) or fresh or self._settled == len(self._plan)

    def _settle(self) -> None:
        """Decide on all that wait for none before them."""
        while making := self._waiting.pop(self._settled, None):
            if making.text and self._is_like_another(making):
                self._waiting[making.item.number] = making
                self._send_back(making)
                return
            if making.text:
                self._take(making)
            else:
                self.missing.append(making.item)
            self._settled += 1

    def _take(self, making: Making) -> None:
        self._texts[making.item.number] = making.text
        self._taken.add(str(making.item.number), making.text)
        self.made.append(Made(making.item, making.text))

    def _is_like_another(self, making: Making) -> bool:
        """Whether it is like one that was taken; which one decides the reason must not depend on who came first."""
        alike = [int(key) for key, _ in self._taken.like(making.text)]
        if not alike:
            return False
        same = digest_of(self._texts[min(alike)]) == digest_of(making.text)
        self._maker.reject(making, Rejected("duplicate" if same else "near-duplicate", _LIKE))
        return True

    def _send_back(self, making: Making) -> None:
        del self._waiting[making.item.number]
        heapq.heappush(self._sent_back, (making.item.number, making))
