"""Commits: whoever waits for records goes on when they are on disk, on any loop, and never too many at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from llmi_agent.base.errors import LlmiError, ResourceError
from llmi_agent.records.commit import AT_ONCE, WRITTEN, Commit


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def waits(commit: Commit) -> None:
    await commit


async def test_all_who_wait_go_on_by_one_call_of_their_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, calls = asyncio.get_running_loop(), []
    call = loop.call_soon_threadsafe

    def counted(*arguments: Any, **more: Any) -> Any:
        calls.append(arguments)
        return call(*arguments, **more)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    commit = Commit()
    waiting = [asyncio.create_task(waits(commit)) for _ in range(100)]
    await turns(2)
    thread = threading.Thread(target=commit.end)
    thread.start()
    thread.join()
    assert commit.done()
    assert len(calls) == 1
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    await commit  # at once


async def test_a_crowd_goes_on_a_few_in_each_turn_of_the_loop() -> None:
    commit, gone = Commit(), []

    async def one(number: int) -> None:
        await commit
        gone.append(number)

    waiting = [asyncio.create_task(one(number)) for number in range(10 * AT_ONCE)]
    await turns(2)
    commit.end()
    most, before = 0, 0
    while len(gone) < len(waiting):
        await turns(1)
        most, before = max(most, len(gone) - before), len(gone)
    assert most <= AT_ONCE
    assert gone == sorted(gone)


async def test_who_is_cancelled_keeps_nobody_else() -> None:
    commit = Commit()
    first, second = (asyncio.create_task(waits(commit)) for _ in range(2))
    await turns(2)
    first.cancel()
    commit.end()
    await asyncio.wait_for(second, 10)
    assert first.cancelled()


async def test_an_error_is_told_to_all_who_wait_or_ask() -> None:
    commit = Commit()
    tasks = [asyncio.create_task(waits(commit)) for _ in range(3)]
    await turns(2)
    assert commit.exception() is None
    commit.end(ResourceError("the disk is full"))
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in answers] == ["the disk is full"] * 3
    assert isinstance(commit.exception(), LlmiError)
    for _ in range(2):
        with pytest.raises(ResourceError):
            commit.result()
        with pytest.raises(ResourceError):
            await commit


def test_a_thread_waits_and_a_closed_loop_is_no_matter() -> None:
    commit = Commit()
    loop = asyncio.new_event_loop()
    left = loop.create_task(waits(commit))
    loop.run_until_complete(asyncio.sleep(0))
    left.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    with pytest.raises(TimeoutError):
        commit.result(0.01)
    thread = threading.Thread(target=commit.end)
    thread.start()
    commit.result(10)
    thread.join()
    WRITTEN.result(0)


def test_two_loops_wait_for_the_same_records() -> None:
    commit, gone = Commit(), []
    waiting = threading.Semaphore(0)

    async def one() -> None:
        asyncio.get_running_loop().call_soon(waiting.release)
        await commit
        gone.append(threading.get_ident())

    threads = [threading.Thread(target=lambda: asyncio.run(one())) for _ in range(2)]
    for each in threads:
        each.start()
    for _ in threads:
        assert waiting.acquire(timeout=60)
    commit.end()
    for each in threads:
        each.join(10)
    assert len(set(gone)) == 2
