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
_CLOSING = 60.0
"""Seconds for what is cancelled to close what it has open."""


class Stuck(Exception):  # noqa: N818 - says what has happened
    """Something keeps the loop, such as a tool that waits without letting others work; it was left behind."""


class Aside:
    """One loop for all that is given to it, until one is stuck: then another."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self.left_behind = 0
        """Loops that something keeps."""

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
            self.left_behind += 1
            raise Stuck
        return job.result()

    def close(self) -> None:
        """Nothing more is to be done."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(
                target=self._loop.run_forever, name="llmi-rollouts", daemon=True
            ).start()
        return self._loop


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
