"""Small pictures on an event loop: no thread each, several in a pipe, and a bad one harms none of the others."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from llmi_agent.store import decoder, decoder_process
from llmi_agent.store.decoder import Decoders
from llmi_agent.store.decoder_line import SMALL
from llmi_agent.store.decoding import Done, Job, RefusedError
from llmi_agent.testing import random_png

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its event loops watch no pipes")


def job(number: int = 0, size: int = 16) -> Job:
    return Job("PNG", random_png(size, size, seed=number), 1_000_000, 1000, 0)


BAD = Job("PNG", b"\x89PNG\r\n\x1a\nnothing", 1_000_000, 1000, 0)


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    own = Decoders()
    yield own
    own.close()


def pids(decoders: Decoders) -> list[int]:
    return [each._process.pid for each in decoders._all]


async def idle(decoders: Decoders) -> bool:
    """Everything is given back; another process may just be starting."""
    for _ in range(1500):
        if _idle(decoders):
            return True
        await asyncio.sleep(0.02)
    return False


def _idle(decoders: Decoders) -> bool:
    taken = [decoders._places.acquire(blocking=False) for _ in range(decoder.PROCESSES)]
    for _ in filter(None, taken):
        decoders._places.release()
    return all(taken) and not decoders._lines and len(decoders._free) == len(decoders._all)


async def test_each_gets_its_own_answer_as_a_thread_would(decoders: Decoders) -> None:
    jobs = [job(number) for number in range(60)]
    answers = await asyncio.gather(*map(decoders.decoded, jobs))
    assert answers == [decoders.decode(each) for each in jobs]
    assert len({each.data for each in answers}) == 60
    assert len(decoders._all) <= decoder.PROCESSES
    assert await idle(decoders)


async def test_no_thread_is_at_work_once_a_process_is_there(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decoders.decoded(job())
    monkeypatch.setattr(decoders, "off_the_loop", None)
    monkeypatch.setattr(threading.Thread, "start", None)
    for number in range(10):
        assert isinstance(await decoders.decoded(job(number)), Done)


async def test_a_refused_one_stands_between_two_that_are_taken(decoders: Decoders) -> None:
    answers = await asyncio.gather(
        *map(decoders.decoded, [job(1), BAD, job(2)]), return_exceptions=True
    )
    assert [type(each) for each in answers] == [Done, RefusedError, Done]
    assert len(decoders._all) == 1
    assert await idle(decoders)


async def test_a_process_that_dies_takes_its_first_picture_with_it_and_no_other(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "PROCESSES", 1)
    decoders._places = threading.BoundedSemaphore(1)
    await decoders.decoded(job())
    (pid,) = pids(decoders)
    os.kill(pid, signal.SIGSTOP)
    asked = [asyncio.create_task(decoders.decoded(job(number))) for number in range(6)]
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
    assert [type(each) for each in answers] == [RefusedError] + [Done] * 5
    assert pids(decoders) != [pid]
    assert await idle(decoders)


async def test_one_that_does_not_answer_is_ended_by_the_clock(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decoders.decoded(job())
    monkeypatch.setattr(decoder_process, "WATCH", 0.3)
    (pid,) = pids(decoders)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(RefusedError, match="takes too long"):
        await asyncio.wait_for(decoders.decoded(job()), 60)
    monkeypatch.undo()
    assert isinstance(await decoders.decoded(job()), Done)
    assert await idle(decoders)


@pytest.mark.skipif(decoder.PROCESSES < 2, reason="needs another process")
async def test_nobody_waits_behind_one_that_takes_its_time(decoders: Decoders) -> None:
    await decoders.decoded(job())
    (pid,) = pids(decoders)
    os.kill(pid, signal.SIGSTOP)
    asked = [asyncio.create_task(decoders.decoded(job(number))) for number in range(4)]
    answers = await asyncio.wait_for(asyncio.gather(*asked[1:]), 60)
    assert answers == [decoders.decode(job(number)) for number in range(1, 4)]
    assert not asked[0].done()
    os.kill(pid, signal.SIGCONT)
    assert await asyncio.wait_for(asked[0], 60) == decoders.decode(job(0))
    assert await idle(decoders)


async def test_who_is_cancelled_keeps_no_process_and_gets_nobody_elses_answer(
    decoders: Decoders,
) -> None:
    await decoders.decoded(job())
    asked = [asyncio.create_task(decoders.decoded(job(number))) for number in range(6)]
    await asyncio.sleep(0)
    for each in asked[::2]:
        each.cancel()
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
    assert answers[1::2] == [decoders.decode(job(number)) for number in (1, 3, 5)]
    assert isinstance(await decoders.decoded(job(9)), Done)
    assert await idle(decoders)


async def test_a_large_one_goes_by_a_thread(decoders: Decoders) -> None:
    large = job(size=100)
    assert len(large.data) > SMALL
    assert await decoders.decoded(large) == decoders.decode(large)


async def test_a_thread_gets_its_turn_while_a_loop_keeps_all_busy(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "PROCESSES", 1)
    decoders._places = threading.BoundedSemaphore(1)
    await decoders.decoded(job())
    ended = asyncio.Event()

    async def busy(number: int) -> None:
        while not ended.is_set():
            await decoders.decoded(job(number))

    crowd = [asyncio.create_task(busy(number)) for number in range(4)]
    await asyncio.sleep(0.05)
    assert isinstance(await asyncio.wait_for(asyncio.to_thread(decoders.decode, job(9)), 60), Done)
    ended.set()
    await asyncio.gather(*crowd)
    assert await idle(decoders)


def test_a_loop_that_is_closed_over_a_picture_keeps_no_process(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "PROCESSES", 1)
    decoders._places = threading.BoundedSemaphore(1)
    decoders.decode(job())
    (pid,) = pids(decoders)
    os.kill(pid, signal.SIGSTOP)

    async def leave() -> None:
        asyncio.get_running_loop().call_later(0.05, task.cancel)
        await decoders.decoded(job())

    loop = asyncio.new_event_loop()
    task = loop.create_task(leave())
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
    assert isinstance(decoders.decode(job()), Done)
    assert pids(decoders) != [pid]
    assert isinstance(asyncio.run(decoders.decoded(job())), Done)


async def test_one_that_answers_what_nobody_asked_is_ended(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decoders.decoded(job())
    monkeypatch.setattr("llmi_agent.store.decoder_line._MOST", 100)
    with pytest.raises(RefusedError):
        await decoders.decoded(job())
    monkeypatch.undo()
    assert isinstance(await decoders.decoded(job()), Done)
    assert await idle(decoders)
