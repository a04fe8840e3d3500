"""The scope of an episode: what its tools enter and do not leave, each in a task of its own.

Some contexts must be left in the task that entered them: whatever holds an anyio task group, such as a session with an
MCP server. The task of a call is gone by then, so `enter_async_context` has another one enter, wait, and leave.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import copy_context
from typing import TypeVar

from llmi_agent.run.stray_tasks import Strays, disowned
from llmi_agent.run.tasks import stop

T = TypeVar("T")


class Scope(AsyncExitStack):
    """An `AsyncExitStack` whose async contexts are entered and left in one task each; they are left in reverse order.

    Tasks that such a context starts live until it has been left.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._tasks = Strays(loop)

    async def enter_async_context(self, cm: AbstractAsyncContextManager[T, bool | None]) -> T:
        """Enter it, and leave it when the scope is closed; returns what it gives. Raises what it raises."""
        entered: asyncio.Future[T] = self._loop.create_future()
        leaving = asyncio.Event()
        context = copy_context()
        context.run(self._tasks.own)
        with disowned():  # a stray of the call would be cancelled before the scope is closed
            task = self._loop.create_task(
                _inside(cm, entered, leaving), name="llmi-scope", context=context
            )
        self._tasks.add(task)
        try:
            await asyncio.wait((task, entered), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await stop({task})
            raise
        if not entered.done():
            if task.cancelled():
                raise RuntimeError(f"{type(cm).__name__} was cancelled while it was entered")
            task.result()
            raise RuntimeError(f"{type(cm).__name__} swallowed what it raised")
        self.push_async_callback(_leave, task, leaving)
        return entered.result()

    async def cancel(self) -> int:
        """Once it is closed: cancel what is left of it; returns how many tasks would not end."""
        return await self._tasks.cancel()


async def _inside(
    cm: AbstractAsyncContextManager[T, bool | None],
    entered: asyncio.Future[T],
    leaving: asyncio.Event,
) -> None:
    async with cm as value:
        if not entered.done():
            entered.set_result(value)
        await leaving.wait()


async def _leave(task: asyncio.Task[None], leaving: asyncio.Event) -> None:
    """Raises what leaving the context raises; one that has broken down meanwhile says so here."""
    leaving.set()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
