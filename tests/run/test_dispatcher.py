"""The dispatcher: what tools do in the strangest ways is an outcome in plain words."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from llmi_agent.contract.tool import (
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolResult,
    ToolRetry,
)
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.store.artifacts import Artifact, ArtifactStore
from llmi_agent.store.intake import Picture
from llmi_agent.testing import FakeTool, make_call, make_session, random_png


async def outcome_of(store: ArtifactStore, answer: Any, **spec: Any) -> Outcome:
    fake = FakeTool("s", "search", [answer], **spec)
    async with make_session(fake, store=store) as session:
        return await session.result(make_call(fake.spec, query="a"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "too many files are open"),
        (OSError(errno.ENFILE, "Too many open files in system"), "too many files are open"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "there is no memory left"),
        (MemoryError(), "there is no memory left"),
        (RuntimeError("can't start new thread"), "no more threads"),
    ],
)
async def test_what_the_machine_lacks_is_said_and_not_blamed_on_the_policy(
    store: ArtifactStore, error: Exception, words: str
) -> None:
    failed = await outcome_of(store, error)
    assert isinstance(failed, Failed)
    assert failed.reason == "unavailable"
    assert words in failed.message
    assert not failed.retryable


async def test_a_cause_deep_inside_is_found(store: ArtifactStore) -> None:
    def deep(call: ToolCall, context: ToolContext) -> ToolResult:
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        except OSError as error:
            raise ConnectionError("connection failed") from error

    failed = await outcome_of(store, deep)
    assert isinstance(failed, Failed)
    assert (failed.reason, "too many files" in failed.message) == ("unavailable", True)


async def test_what_a_tool_says_on_purpose_stands(store: ArtifactStore) -> None:
    failed = await outcome_of(store, ToolRetry("vague"))
    assert failed == Failed("bad_params", "vague", True)


@pytest.mark.parametrize("swallow", [False, True])
async def test_a_tool_that_cancels_its_own_task_has_not_timed_out(
    store: ArtifactStore, swallow: bool
) -> None:
    async def suicidal(call: ToolCall, context: ToolContext) -> ToolResult:
        task = asyncio.current_task()
        assert task is not None
        if swallow:
            raise asyncio.CancelledError
        task.cancel()
        await asyncio.sleep(0)
        raise AssertionError

    failed = await outcome_of(store, suicidal)
    assert failed == Failed("crashed", "s cancelled itself")


async def test_a_price_is_on_record_before_the_call_starts_and_a_job_before_it_goes_on(
    store: ArtifactStore,
) -> None:
    seen: list[list[str]] = []

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        journal = journal_beside(store)
        seen.append([record.kind for record in journal.read("test")])
        await context.record_job("job-1")
        seen.append([record.kind for record in journal.read("test")])
        return FakeTool("x", "search").picture(call, context)

    assert isinstance(await outcome_of(store, work, usd=0.1), Finished)
    assert seen == [["call_started", "charged"], ["call_started", "charged", "call_job"]]


async def test_what_was_paid_for_is_on_record_when_it_is_known(store: ArtifactStore) -> None:
    fake = FakeTool("s", "search", [Produced((Image(random_png(), Provenance("x")),), usd=0.1)])
    async with make_session(fake, store=store) as session:
        await session.result(make_call(fake.spec, query="a"))
        assert [each.kind for each in journal_beside(store).read("test")][-1] == "call_ended"


async def test_a_call_that_waits_for_the_disk_keeps_no_permit(store: ArtifactStore) -> None:
    fake = FakeTool("s", "search", usd=0.0)
    async with make_session(fake, store=store) as session:
        held = asyncio.Event()
        own = session.journal.committed

        async def slow() -> None:
            if len(fake.calls) < 6:
                await held.wait()
            await own()

        session.journal.committed = slow  # type: ignore[method-assign]
        asked = [
            asyncio.create_task(session.result(make_call(fake.spec, slot=slot, query="a")))
            for slot in range(6)
        ]
        async with asyncio.timeout(20):
            while len(fake.calls) < 6:  # noqa: ASYNC110 - more than there are permits
                await asyncio.sleep(0.01)
        held.set()
        assert all(isinstance(each, Finished) for each in await asyncio.gather(*asked))


async def test_the_pictures_of_a_result_are_decoded_side_by_side_and_keep_their_order(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them that takes its whole time must not keep the others waiting."""
    all_four, take = asyncio.Barrier(4), store.take_image

    async def met(data: bytes) -> tuple[Artifact, Picture]:
        await asyncio.wait_for(all_four.wait(), 20)
        return await take(data)

    monkeypatch.setattr(store, "take_image", met)
    data = (random_png(8, 8), b"bomb", random_png(12, 8), random_png(16, 8))
    answer = Produced(tuple(Image(each, Provenance("x")) for each in data), usd=0.0)
    finished = await outcome_of(store, answer)
    assert isinstance(finished, Finished)
    assert [each.width for each in finished.candidates] == [8, 12, 16]


async def test_a_call_that_is_given_up_before_it_starts_is_no_charge(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeTool("s", "search", usd=0.5)
    async with make_session(fake, store=store) as session:
        hanging = asyncio.Event()
        committed = session.journal.committed

        async def hang() -> None:
            if not hanging.is_set():
                hanging.set()
                await asyncio.Event().wait()
            await committed()

        monkeypatch.setattr(session.journal, "committed", hang)
        given_up = asyncio.create_task(session.result(make_call(fake.spec, query="a")))
        await asyncio.wait_for(hanging.wait(), 10)
        await session.discard()
        await given_up
        assert session.ledger.costs.charges == ()
        await session.result(make_call(fake.spec, query="a"))
        assert len(session.ledger.costs.charges) == len(fake.calls) == 1


async def test_what_a_vendor_says_a_bad_picture_cost_is_charged(store: ArtifactStore) -> None:
    bad = Image(b"no picture", Provenance("x"))
    for said, usd, basis in ((0.3, 0.3, "known"), (None, 0.05, "estimated")):
        fake = FakeTool("s", "search", [Produced((bad,), usd=said)], usd=0.05)
        async with make_session(fake, store=store) as session:
            call = make_call(fake.spec, query=f"a{said}")
            assert isinstance(await session.result(call), Failed)
            charge = session.ledger.costs.charges[-1]
            assert (charge.usd, charge.basis) == (usd, basis)


async def test_each_time_that_a_call_is_made_is_on_record_and_so_is_that_it_was_stopped(
    store: ArtifactStore,
) -> None:
    hang = asyncio.Event()

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        await hang.wait()
        return FakeTool("x", "search").picture(call, context)

    fake = FakeTool("s", "search", [work], usd=0.0)
    async with make_session(fake, store=store) as session:
        call = make_call(fake.spec, query="a")
        asked = asyncio.create_task(session.result(call))
        while not fake.calls:  # noqa: ASYNC110 - a poll with an end
            await asyncio.sleep(0.01)
        await session.discard()
        assert isinstance(await asked, Failed)
        hang.set()
        assert isinstance(await session.result(call), Finished)
    kinds = [record.kind for record in journal_beside(store).read("test")]
    assert kinds == ["call_started", "call_ended", "call_started", "charged", "call_ended"], kinds
