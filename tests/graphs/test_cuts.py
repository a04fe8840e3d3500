"""Runs that are cut at random moments: what was paid for is not paid twice, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph import START, StateGraph

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import ToolCall, ToolContext, ToolResult
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

HERE = Path(__file__).parent
CANCELLATIONS = int(os.environ.get("CUTS", "200"))
SIGNALS = int(os.environ.get("SIGNALLED_CUTS", "20"))
"""More of either by hand: CUTS=450 SIGNALLED_CUTS=50 pytest tests/graphs/test_cuts.py"""


def trials_of(how: str, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "cut_runs.py"), how, str(folder), str(SIGNALS), "7"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(trials) == SIGNALS
    return trials


def test_a_run_stopped_by_a_signal_at_random_moments_leaves_nothing_behind(tmp_path: Path) -> None:
    trials = trials_of("stop", tmp_path)
    for trial in trials:
        assert trial["code"] in (0, 3), trial
        assert trial["open"] == [], trial
        assert trial["left"] == [], trial
    assert sum(trial["code"] == 3 for trial in trials) >= 10
    assert sum(trial["cancelled"] for trial in trials) >= 3


def test_a_run_killed_at_random_moments_resumes_without_paying_twice(tmp_path: Path) -> None:
    trials = trials_of("kill", tmp_path)
    for trial in trials:
        assert trial["completed"], trial
        assert trial["twice"] == [], trial
        assert trial["not_picked"] == [], trial
        assert trial["asked"] <= (1 if trial["drafted"] else 2), trial
    assert sum(trial["writing"] for trial in trials) >= 2
    assert any(0 < trial["finished"] < 5 for trial in trials)


class Vendor:
    """Knows which calls are under way, and sees each cancellation."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.cancelled = 0
        self._numbers = iter(range(1_000_000))

    async def call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        number = next(self._numbers)
        self.running.add(number)
        helper = asyncio.create_task(asyncio.sleep(30))
        try:
            await asyncio.sleep(0.01 if call.slot % 2 else 0.05)
            return FakeTool("x", "search").picture(call, context)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            helper.cancel()
            self.running.discard(number)


class Shared(TypedDict):
    messages: list[AnyMessage]


DRAFT = "# T\n\n" + "\n\n".join(
    [
        slot("search", query="a"),
        slot("edit", img_index=0, prompt="crop"),
        slot("code", code="x"),
        slot("edit", img_index=1, prompt="sepia"),
    ]
)
REQUEST: Any = {"messages": [HumanMessage("Write.")]}


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


async def _by_aclose(graph: Any, seconds: float) -> None:
    stream = graph.astream(REQUEST, stream_mode="custom")
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async for _ in stream:
        if loop.time() > end:
            break
    await stream.aclose()


async def _by_cancel(graph: Any, seconds: float) -> None:
    task = asyncio.create_task(graph.ainvoke(REQUEST))
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _by_timeout(graph: Any, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await graph.ainvoke(REQUEST)
    except TimeoutError:
        pass


async def _by_sibling(graph: Any, seconds: float) -> None:
    async def fail(state: Any) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        raise ValueError("a sibling fails")

    parent = StateGraph(Shared)
    parent.add_node("write", graph)
    parent.add_node("fail", fail)
    parent.add_edge(START, "write")
    parent.add_edge(START, "fail")
    with pytest.raises(ValueError, match="a sibling fails"):
        await parent.compile().ainvoke(REQUEST)


async def _settled() -> None:
    """LangGraph cancels the siblings of a node that failed, and does not wait for their end."""
    for _ in range(100):
        if len(asyncio.all_tasks()) == 1:
            return
        await asyncio.sleep(0.01)


async def test_cancellations_at_random_moments_leave_nothing_behind(store: ArtifactStore) -> None:
    vendor = Vendor()
    graph = build_graph(
        model=ScriptedModel(script=[DRAFT], chunk=60, pause=0.001),
        tools=[FakeTool(f"a_{kind}", kind, [vendor.call]) for kind in ("search", "edit", "code")],
        options=Options(retry_wait=0.0),
        store=store,
        secrets={},
    )
    chance = random.Random(3)
    await graph.ainvoke(REQUEST)
    threads, files = threading.active_count(), _open_files()
    ways = (_by_aclose, _by_cancel, _by_timeout, _by_sibling)
    for number in range(CANCELLATIONS):
        await ways[number % 4](graph, chance.uniform(0.0, 0.12))
        await _settled()
        assert len(asyncio.all_tasks()) == 1, number
        assert vendor.running == set(), number
    gc.collect()
    assert vendor.cancelled > CANCELLATIONS / 5
    assert threading.active_count() <= threads + 4  # the loop's own pool for blocking work
    assert _open_files() <= files + 2
    journal = journal_beside(store)
    for episode in journal.episodes():
        with journal.hold(episode):  # nobody else does any more
            pass
    assert not list(store.root.rglob(".new-*"))
