"""Strays: tasks that a tool starts and does not wait for. They end with the session that they belong to.

asyncio does not say who started a task, so once a session has been opened its event loop's task factory notes those
that are made in a session's context; any factory that the embedding program has set is called as before.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from llmi_agent.run.tasks import stop

ROUNDS = 3
"""How often tasks that were started by a stray's own clean-up are cancelled in turn."""

_owner: ContextVar[Strays | None] = ContextVar("llmi_session", default=None)


class Strays:
    """The tasks started by one session's tools."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        _watch(loop)

    def own(self) -> None:
        """From here on, tasks that are started in this context belong to the session."""
        _owner.set(self)

    def add(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)

    async def cancel(self) -> int:
        """Cancel those that still run and wait for their end; returns how many would not."""
        left: set[asyncio.Task[Any]] = set()
        for _ in range(ROUNDS):
            running = {task for task in self._tasks if not task.done()} - left
            if not running:
                break
            left |= await stop(running)
        return len(left)


@contextmanager
def disowned() -> Iterator[None]:
    """Tasks that are started inside belong to whoever starts them: hooks outlive a run."""
    token = _owner.set(None)
    try:
        yield
    finally:
        _owner.reset(token)


class _Factory:
    """A task factory that notes who owns each task, in front of the one that was there."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any]
        if self._inner is None:
            task = asyncio.Task(coroutine, loop=loop, **options)
        else:
            task = self._inner(loop, coroutine, **options)
        if owner := _owner.get():
            owner.add(task)
        return task


def _watch(loop: asyncio.AbstractEventLoop) -> None:
    factory = loop.get_task_factory()
    if not isinstance(factory, _Factory):
        loop.set_task_factory(cast(Any, _Factory(factory)))
