"""One event loop in a thread of its own, for callers that are not async."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class _Background:
    """The loop and its thread; made on first use, and again in a forked child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self.thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="llmi-background", daemon=True
                )
                self.thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """A task that raises SystemExit or KeyboardInterrupt stops the loop; others still need it."""
    while True:
        with contextlib.suppress(BaseException):
            loop.run_forever()


_background = _Background()


def _renew() -> None:
    global _background  # noqa: PLW0603 - a forked child has no thread of its parent's
    _background = _Background()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on the background loop, in the caller's context, and wait for it.

    If the caller is interrupted while it waits, the coroutine is cancelled. Raises RuntimeError if the caller runs on
    that loop itself, where waiting would never end.
    """
    loop = _background.loop()
    if threading.current_thread() is _background.thread:
        coroutine.close()
        raise RuntimeError("a sync call inside LLMI's own loop would wait for itself; use ainvoke")
    context = contextvars.copy_context()
    done: Future[T] = Future()
    tasks: list[asyncio.Task[None]] = []

    async def work() -> None:
        try:
            done.set_result(await coroutine)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            done.set_exception(error)

    loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(work(), context=context)))
    try:
        return done.result()
    except BaseException:
        if not done.done():
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
        raise
