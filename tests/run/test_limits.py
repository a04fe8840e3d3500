"""Limits over all documents: never more at once than permitted, and every document in its turn."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from llmi_agent.config.options import Options
from llmi_agent.run.limits import Limit, Limits


async def test_no_more_at_once_than_permitted_and_nobody_is_lost() -> None:
    limit, running, most, done = Limit(3), 0, 0, 0

    async def work(document: str) -> None:
        nonlocal running, most, done
        async with limit.held(document):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1
            done += 1

    await asyncio.gather(*(work(f"d{number % 7}") for number in range(100)))
    assert (most, done) == (3, 100)


async def test_documents_take_turns() -> None:
    limit, order = Limit(1), []

    async def work(document: str) -> None:
        async with limit.held(document):
            order.append(document)
            await asyncio.sleep(0)

    waiting = [*["large"] * 6, "small", "small"]
    await asyncio.gather(*map(work, waiting))
    assert Counter(order[:5]) == {"large": 3, "small": 2}


@pytest.mark.parametrize("granted", [False, True], ids=["waiting", "just granted"])
async def test_who_is_cancelled_takes_no_permit_along(granted: bool) -> None:
    limit = Limit(1)
    holder = limit.held("a")
    await holder.__aenter__()
    waiter = asyncio.create_task(_hold(limit))
    await asyncio.sleep(0)
    if granted:
        await holder.__aexit__(None, None, None)
    waiter.cancel()
    await asyncio.wait({waiter})
    if not granted:
        await holder.__aexit__(None, None, None)
    async with asyncio.timeout(60), limit.held("c"):
        pass


async def _hold(limit: Limit) -> None:
    async with limit.held("b"):
        await asyncio.sleep(60)


async def test_a_tool_before_its_kind_before_the_default() -> None:
    options = Options(limits={"search": 2, "a_tool": 5})
    assert options.limit("a_tool", "search") == 5
    assert options.limit("another", "search") == 2
    assert options.limit("a_tool_of_code", "code") == 16
    assert options.limit("openai/gpt-5", "model") == 32
    limits = Limits(options)
    assert limits.of("a_tool", "search") is limits.of("a_tool", "search")


def test_each_event_loop_has_its_own() -> None:
    limits = Limits(Options())

    async def mine() -> Limit:
        return limits.of("t", "search")

    assert asyncio.run(mine()) is not asyncio.run(mine())
