"""How many calls of a tool or a model run at once over all documents of a graph, and whose turn is next."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from llmi_agent.config.options import Options


class Limit:
    """A number of permits, handed out in turns: a document with many calls does not keep one with few waiting."""

    def __init__(self, permits: int) -> None:
        self._free = permits
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By document, the one whose turn is next first."""

    @asynccontextmanager
    async def held(self, document: str) -> AsyncIterator[None]:
        """A permit, while the block runs."""
        await self._acquire(document)
        try:
            yield
        finally:
            self._free += 1
            self._grant()

    async def _acquire(self, document: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(document, deque()).append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1  # it was granted in the very moment of the cancellation
            self._grant()
            raise

    def _grant(self) -> None:
        while self._free and self._waiting:
            document, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[document] = queue
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


class Limits:
    """The limits of a graph's tools and models, for each event loop that it runs in."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Limit]]
        self._by_loop = WeakKeyDictionary()

    def of(self, name: str, kind: str) -> Limit:
        """The limit of a tool that serves `kind`, or of a `model`, in the running loop."""
        limits = self._by_loop.setdefault(asyncio.get_running_loop(), {})
        if name not in limits:
            limits[name] = Limit(self._options.limit(name, kind))
        return limits[name]
