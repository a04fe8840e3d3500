"""An event loop in a thread, for work that a caller waits for up to a time, whatever keeps the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_LOOK = 0.2
"""Seconds between two looks at it."""
_ENDING = 5.0
"""Seconds for threads to come to their end."""
_CLOSING = 60.0
"""Seconds for what is cancelled to close what it has open."""


class Stuck(Exception):  # noqa: N818 - says what has happened
    """Something keeps the loop, such as a tool that waits without letting others work; it was left behind."""


class Aside:
    """One loop for all that is given to it, until one is stuck: then another."""

    kept = 0
    """In this process, so many loops and threads are kept by something that does not let go: Python would wait for it at its end."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, T], patience: float, tick: Callable[[], object]) -> T:
        """Wait for it. tick: called now and then meanwhile. Raises Stuck after `patience` seconds, and what it raises.

        To be interrupted cancels it, and waits for its end.
        """
        job: _Job[T] = _Job(work, self._running())
        try:
            ended = job.wait(patience, tick)
        except BaseException:
            job.cancel()
            job.wait(_CLOSING, lambda: None)
            raise
        if not ended:
            job.cancel()
            self._loop = None
            Aside.kept += 1
            raise Stuck
        return job.result()

    def close(self) -> None:
        """Nothing more is to be done."""
        if loop := self._loop:
            self._loop = None
            job: _Job[None] = _Job(_ended(loop), loop)
            Aside.kept += not job.wait(_ENDING, lambda: None)
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(
                target=_serve, args=(self._loop,), name="llmi-rollouts", daemon=True
            ).start()
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _ended(loop: asyncio.AbstractEventLoop) -> None:
    """What still runs is cancelled, and waited for."""
    left = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


class _Job(Generic[T]):
    """A coroutine on a loop of another thread."""

    def __init__(self, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self.done = threading.Event()
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._outcome: Future[T] = Future()
        loop.call_soon_threadsafe(self._begin, work)

    def wait(self, patience: float, tick: Callable[[], object]) -> bool:
        """Whether it ends in so many seconds."""
        until = time.monotonic() + patience
        while not self.done.wait(_LOOK):
            tick()
            if time.monotonic() > until:
                return False
        return True

    def cancel(self) -> None:
        """Have it end."""
        self._loop.call_soon_threadsafe(self._cancel)

    def result(self) -> T:
        """What it gave. Raises what it raised."""
        return self._outcome.result()

    def _begin(self, work: Coroutine[Any, Any, T]) -> None:
        self._task = self._loop.create_task(work)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._outcome.cancel()
        elif error := task.exception():
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(task.result())
        self.done.set()
