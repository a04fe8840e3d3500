"""Whether records are on disk, for those who wait for it: on event loops, and in threads."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from llmi_agent.base.errors import LlmiError

AT_ONCE = 8
"""How many go on in one turn of their event loop."""

_Waiting = deque["asyncio.Future[None]"]


class Commit:
    """Records that were handed over. `await` it on an event loop; `result()` waits in a thread.

    Both raise a LlmiError if the records could not be written. Who stops waiting stops no write.
    """

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._error: LlmiError | None = None
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.AbstractEventLoop, _Waiting] = {}

    def done(self) -> bool:
        """Whether they are written, or cannot be."""
        return self._ended.is_set()

    def exception(self) -> LlmiError | None:
        """Why they cannot be written; None if they are, or may be yet."""
        return self._error

    def result(self, timeout: float | None = None) -> None:
        """Returns when they are written. Raises TimeoutError after so many seconds."""
        if not self._ended.wait(timeout):
            raise TimeoutError
        if self._error is not None:
            raise self._error

    def __await__(self) -> Generator[Any, None, None]:
        if turn := self._turn():
            yield from turn
        self.result()

    def end(self, error: LlmiError | None = None) -> None:
        """They are written, or cannot be: all who wait go on, with one call for each event loop."""
        with self._lock:
            self._error = error
            self._ended.set()
        for loop, waiting in self._waiting.items():
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(_go_on, loop, waiting)

    def _turn(self) -> asyncio.Future[None] | None:
        """Done when the one who asks may go on; None if that is now."""
        if self.done():
            return None
        loop = asyncio.get_running_loop()
        with self._lock:
            if self.done():
                return None
            turn = loop.create_future()
            self._waiting.setdefault(loop, deque()).append(turn)
            return turn


def _written() -> Commit:
    commit = Commit()
    commit.end()
    return commit


WRITTEN = _written()
"""Of records that are written when they are handed over."""


def _go_on(loop: asyncio.AbstractEventLoop, waiting: _Waiting) -> None:
    """Some now, the others in later turns: a thousand at once would hold the loop."""
    for _ in range(min(AT_ONCE, len(waiting))):
        turn = waiting.popleft()
        if not turn.done():  # who waits may have been cancelled
            turn.set_result(None)
    if waiting:
        loop.call_soon(_go_on, loop, waiting)
