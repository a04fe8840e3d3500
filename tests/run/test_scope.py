"""The scope: what tools enter is left in the task that entered it, whoever closes the scope."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from llmi_agent.contract.tool import ToolCall, ToolContext, ToolResult
from llmi_agent.run.scope import Scope
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, make_call, make_session


@asynccontextmanager
async def connection(log: list[str], name: str = "a") -> AsyncIterator[str]:
    """As an MCP session: a task group whose task serves until the context is left."""
    async with anyio.create_task_group() as group:

        async def serve() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                log.append(f"{name} served")

        group.start_soon(serve)
        await anyio.lowlevel.checkpoint()
        log.append(f"{name} entered")
        try:
            yield name
        finally:
            log.append(f"{name} left")
            group.cancel_scope.cancel()


async def test_a_task_group_that_a_call_enters_is_left_when_the_session_closes(
    store: ArtifactStore,
) -> None:
    log: list[str] = []
    warnings: list[Any] = []

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        name = f"slot {call.slot}"
        assert await context.scope.enter_async_context(connection(log, name)) == name
        return FakeTool("x", "search").picture(call, context)

    tool = FakeTool("s", "search", [work])
    session = make_session(tool, store=store)
    session.log = type(
        "Log",
        (),
        {"warning": lambda self, *a, **k: warnings.append((a, k)), "info": lambda *a, **k: None},
    )()
    async with session:
        for slot in range(2):
            await session.result(make_call(tool.spec, slot=slot, query="a"))
        assert log == ["slot 0 entered", "slot 1 entered"]
    assert log[2:] == ["slot 1 left", "slot 1 served", "slot 0 left", "slot 0 served"]
    assert warnings == []
    assert len(asyncio.all_tasks()) == 1


async def test_what_fails_to_be_entered_says_so_to_the_call() -> None:
    @asynccontextmanager
    async def refused() -> AsyncIterator[None]:
        raise ConnectionError("no server")
        yield

    async with Scope(asyncio.get_running_loop()) as scope:
        with pytest.raises(ConnectionError, match="no server"):
            await scope.enter_async_context(refused())


async def test_a_call_that_is_cancelled_while_it_enters_leaves_nothing_behind() -> None:
    left = asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        try:
            await asyncio.sleep(60)
            yield
        finally:
            left.set()

    async with Scope(asyncio.get_running_loop()) as scope:
        task = asyncio.create_task(scope.enter_async_context(slow()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left.is_set()


async def test_a_context_that_breaks_down_breaks_no_other() -> None:
    log: list[str] = []
    broken = asyncio.Event()

    @asynccontextmanager
    async def breaking() -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:

            async def fail() -> None:
                await broken.wait()
                raise OSError("the server is gone")

            group.start_soon(fail)
            yield

    scope = Scope(asyncio.get_running_loop())
    await scope.enter_async_context(connection(log))
    await scope.enter_async_context(breaking())
    broken.set()
    await asyncio.sleep(0.01)
    assert log == ["a entered"]
    with pytest.raises(ExceptionGroup):
        await scope.aclose()
    assert log == ["a entered", "a left", "a served"]
