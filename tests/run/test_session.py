"""The session: whoever asks for a call gets an outcome, also when the call was cancelled before it began."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import ResourceError
from llmi_agent.contract.tool import Failed, ToolCall, ToolContext, ToolResult
from llmi_agent.records import writer
from llmi_agent.records.events import Noted, Restarted
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.outcome import Dropped, Finished
from llmi_agent.run.session import Session
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, make_call, make_session


def tool(*answers: Any) -> FakeTool:
    return FakeTool("s", "search", answers)


def call(fake: FakeTool, slot: int = 0) -> ToolCall:
    return make_call(fake.spec, slot=slot, query="a")


async def test_a_call_that_was_cancelled_before_it_began_is_made_when_it_is_asked_again(
    store: ArtifactStore,
) -> None:
    fake = tool()
    async with make_session(fake, store=store) as session:
        asked = asyncio.create_task(session.result(call(fake)))
        await asyncio.sleep(0)  # the call's task is there, and has not had its first step
        await session.discard()
        outcome = await asked
        assert isinstance(outcome, Failed)
        assert outcome.reason == "cancelled"
        assert fake.calls == []
        assert isinstance(await session.result(call(fake)), Finished)
    assert len(fake.calls) == 1


async def test_discarding_twice_is_no_error(store: ArtifactStore) -> None:
    fake = tool()
    async with make_session(fake, store=store) as session:
        asked = asyncio.create_task(session.result(call(fake)))
        await asyncio.sleep(0)
        await session.discard()
        await session.discard()
        assert isinstance(await asked, Failed)


@pytest.mark.parametrize("steps", range(12))
async def test_at_whatever_moment_a_draft_becomes_void_nobody_gets_a_cancellation(
    store: ArtifactStore, steps: int
) -> None:
    fake = tool()
    async with make_session(fake, store=store) as session:
        asked = [asyncio.create_task(session.result(call(fake, slot))) for slot in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        await session.discard()
        outcomes = await asyncio.gather(*asked)
        assert all(isinstance(each, Finished | Failed) for each in outcomes)
        again = await asyncio.gather(*(session.result(call(fake, slot)) for slot in range(3)))
        assert all(isinstance(each, Finished) for each in again)


async def test_who_waits_for_a_verdict_is_told_that_the_run_has_ended(
    store: ArtifactStore,
) -> None:
    fake = tool()
    session = make_session(fake, store=store)
    await session.enter(0, ["origin"])
    waiting = asyncio.create_task(session.source(0, before=1, origins=["origin"]))
    await asyncio.sleep(0)
    await session.aclose()
    source = await waiting
    assert isinstance(source, Failed)
    assert "stopped" in source.message


async def test_who_asks_is_cancelled_and_the_call_is_not(store: ArtifactStore) -> None:
    reached = asyncio.Event()

    async def slow(call: ToolCall, context: ToolContext) -> ToolResult:
        reached.set()
        await asyncio.sleep(0.05)
        return fake.picture(call, context)

    fake = tool(slow)
    async with make_session(fake, store=store) as session:
        asked = asyncio.create_task(session.result(call(fake)))
        await reached.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert isinstance(await session.result(call(fake)), Finished)
    assert len(fake.calls) == 1


async def test_records_that_cannot_be_written_end_the_run_in_their_own_words(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    fake = tool()
    async with make_session(fake, store=store) as session:
        monkeypatch.setattr(writer, "insert", full)
        with pytest.raises(ResourceError, match=r"cannot be written: the disk is full"):
            await session.result(call(fake))


async def test_a_session_is_held_until_it_is_closed_and_no_longer(store: ArtifactStore) -> None:
    fake = tool()
    first = make_session(fake, store=store)
    with pytest.raises(Exception, match="still going on"):
        make_session(fake, store=store)
    await first.aclose()
    async with make_session(fake, store=store) as second:
        assert isinstance(second, Session)


async def test_a_verdict_is_on_record_once_the_session_is_closed(store: ArtifactStore) -> None:
    fake = tool()
    dropped = Dropped(reason="refused", message="no")
    async with make_session(fake, store=store) as session:
        session.settle(0, "origin", dropped)
    async with make_session(fake, store=store) as session:
        assert await session.enter(0, ["origin"]) == dropped
        assert await session.enter(0, ["another"]) is None


async def test_what_is_told_is_on_disk_once_it_has_been_awaited_and_shown_at_once(
    store: ArtifactStore,
) -> None:
    shown: list[Any] = []
    async with make_session(FakeTool("s", "search"), store=store, emit=shown.append) as session:
        told = session.tell(Restarted(model="m", message="again"))
        assert [each["type"] for each in shown] == ["restart"]
        await told
        kinds = [each.kind for each in journal_beside(store).read("test")]
        assert kinds == ["restarted"]
        await session.tell(Noted(message="only shown"))
        assert [each["type"] for each in shown] == ["restart", "note"]
    assert [each.kind for each in journal_beside(store).read("test")] == kinds


def test_nobody_but_a_session_tells_the_journal_or_the_stream() -> None:
    """`session.tell` is the only way that anything is said in a run."""
    root = Path(__file__).parents[2]
    sources = [*(root / "src/llmi_agent/run").glob("*.py"), *(root / "graphs").rglob("*.py")]
    for path in sources:
        calls = (
            each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)
        )
        named = {each.func.attr for each in calls if isinstance(each.func, ast.Attribute)}
        assert not named & {"say", "emit"}, path
        assert "get_stream_writer" not in path.read_text() or path.name == "machine.py", path
