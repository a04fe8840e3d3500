"""Strays: whatever a tool starts and forgets ends with the session, and nothing else does."""

from __future__ import annotations

import asyncio

import pytest

from llmi_agent.contract.tool import ToolCall, ToolContext, ToolResult
from llmi_agent.run import tasks
from llmi_agent.run.stray_tasks import Strays, disowned
from llmi_agent.run.tasks import finish, stop
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, make_call, make_session


async def test_a_forgotten_task_ends_with_its_session_and_with_no_other(
    store: ArtifactStore,
) -> None:
    strays: list[asyncio.Task[None]] = []

    async def forgetful(call: ToolCall, context: ToolContext) -> ToolResult:
        strays.append(asyncio.create_task(asyncio.sleep(60)))
        return FakeTool("x", "search").picture(call, context)

    fake = FakeTool("s", "search", [forgetful])
    async with make_session(fake, store=store) as session:
        await session.result(make_call(fake.spec, query="a"))
        outside = asyncio.create_task(asyncio.sleep(60))
        assert not strays[0].done()
    assert strays[0].cancelled()
    assert not outside.done()
    outside.cancel()


async def test_what_is_disowned_outlives_the_session() -> None:
    own = Strays(asyncio.get_running_loop())
    own.own()
    mine = asyncio.create_task(asyncio.sleep(60))
    with disowned():
        theirs = asyncio.create_task(asyncio.sleep(60))
    await own.cancel()
    assert (mine.cancelled(), theirs.done()) == (True, False)
    theirs.cancel()


async def test_a_stray_that_was_cancelled_before_it_began_is_no_trouble() -> None:
    own = Strays(asyncio.get_running_loop())
    own.own()
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    assert await own.cancel() == 0
    assert task.cancelled()


async def test_a_stray_that_will_not_end_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "GRACE", 0.05)
    ended = asyncio.Event()

    async def stubborn() -> None:
        while not ended.is_set():
            try:
                await asyncio.wait_for(ended.wait(), 60)
            except asyncio.CancelledError:
                continue

    own = Strays(asyncio.get_running_loop())
    own.own()
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert await own.cancel() == 1
    ended.set()
    await task


async def test_stopping_what_never_began_and_what_has_failed_raises_nothing() -> None:
    async def fails() -> None:
        raise OSError("x")

    async def never() -> None:
        raise AssertionError

    failed, begun = asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    unbegun = asyncio.create_task(never())
    assert await stop({failed, begun, unbegun}) == set()
    assert isinstance(failed.exception(), OSError)
    assert unbegun.cancelled()


async def test_clean_up_that_raises_is_told_in_words() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    async def fails() -> None:
        raise OSError("gone")

    assert await finish(cancelled()) == "CancelledError: "
    assert await finish(fails()) == "OSError: gone"
    assert await finish(asyncio.sleep(0)) == ""
