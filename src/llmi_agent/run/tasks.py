"""Ending tasks for certain: those that will not end are left behind with a word, and nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

GRACE = 5.0
"""Seconds that cancelled work gets to clean up."""


async def stop(tasks: Collection[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Cancel `tasks` and wait for their end; returns those that still run after the grace period."""
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    if not running:
        return set()
    _, left = await asyncio.wait(running, timeout=GRACE)
    return left


async def finish(work: Coroutine[Any, Any, Any]) -> str:
    """Run clean-up work to its end, for the grace period at most; returns what went wrong, in words."""
    task = asyncio.ensure_future(_quiet(work))
    try:
        await asyncio.wait({task}, timeout=GRACE)
    finally:
        task.cancel()
    return task.result() if task.done() and not task.cancelled() else "it did not end"


async def _quiet(work: Coroutine[Any, Any, Any]) -> str:
    try:
        await work
    except BaseException as error:  # noqa: BLE001 - clean-up of a plugin may raise anything
        return f"{type(error).__name__}: {error}"
    return ""
