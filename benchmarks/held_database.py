"""A thousand documents at once with few file handles, while another process keeps the database to itself.

Workload: EPISODES documents of three slots, all started together on one compiled graph, under a limit of 256 open files. Each
call takes 0.2 s, so that the run is in its middle when another process begins an exclusive transaction (as a backup or a
`VACUUM` does) and keeps it for HOLD seconds.
The baseline is the same crowd with nobody else at the database. Bars: every document is whole; the event loop is held at most
LONGEST seconds longer than at any time in the baseline: by the clock while the database is kept, and of the processor when all documents
go on at once after it (what else runs on the machine stretches a busy loop's turns).

Before each, `gc.collect()` and `gc.freeze()`. Garbage collections are not counted as holds, but printed: one goes through the objects
of all live episodes, which nobody's code can divide (`gc.set_threshold` makes them rare, see docs/embedding.md). Who holds the loop is
said, too: how long its longest single callback took, and what the loop's thread was at in each long turn, as another
thread saw it: the innermost frame of ours, of LangGraph and LangChain, or neither.

python benchmarks/held_database.py [EPISODES] [HOLD] [PATIENCE]
"""

from __future__ import annotations

import asyncio
import gc
import math
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Image, Produced, Provenance
from llmi_agent.records import writer
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

HANDLES, LONGEST = 256, 0.25
PAUSE, LONG = 0.01, 0.05
"""Seconds between two looks, and of a turn that is worth one."""
SLOTS = 3
DRAFT = "# T\n\n" + "\n\nWords.\n\n".join(
    slot("search", f"P{n}", query=f"q{n}") for n in range(SLOTS)
)
HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
connection.close()
"""


class Watch:
    """How long each turn of the event loop takes, and who has it when it takes long."""

    def __init__(self) -> None:
        self.turns: list[tuple[float, float, float]] = []
        """When each ended, how long it took by the clock, and of the processor; without garbage collections."""
        self.longest_callback = 0.0
        self.longest_collection = 0.0
        self._collecting = 0.0
        """Seconds of all garbage collections so far."""
        self.seen: Counter[str] = Counter()
        self._turn = time.perf_counter()
        self._ended = threading.Event()

    async def beat(self) -> None:
        """Runs on the loop, once in a turn."""
        thread = threading.Thread(target=self._look, args=(threading.get_ident(),), daemon=True)
        thread.start()
        try:
            while True:
                began, cpu = time.perf_counter(), time.thread_time()
                collecting = self._collecting
                self._turn = began + PAUSE
                await asyncio.sleep(PAUSE)
                now = time.perf_counter()
                collecting = self._collecting - collecting
                took, of_it = now - began - PAUSE, time.thread_time() - cpu
                self.turns.append((now, took - collecting, max(0.0, of_it - collecting)))
        finally:
            self._ended.set()
            thread.join()

    def _look(self, loop: int) -> None:
        while not self._ended.wait(PAUSE):
            if time.perf_counter() - self._turn > LONG:
                self.seen[_whose(sys._current_frames().get(loop))] += 1

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Each callback of the loop is timed meanwhile, and each garbage collection."""
        run, began_at = asyncio.Handle._run, 0.0

        def collected(phase: str, _: object) -> None:
            nonlocal began_at
            if phase == "start":
                began_at = time.perf_counter()
            else:
                took = time.perf_counter() - began_at
                self._collecting += took
                self.longest_collection = max(self.longest_collection, took)

        def timed(handle: asyncio.Handle) -> None:
            began, collecting = time.perf_counter(), self._collecting
            run(handle)
            took = time.perf_counter() - began - (self._collecting - collecting)
            self.longest_callback = max(self.longest_callback, took)

        asyncio.Handle._run = timed  # type: ignore[method-assign]
        gc.callbacks.append(collected)
        try:
            yield
        finally:
            gc.callbacks.remove(collected)
            asyncio.Handle._run = run  # type: ignore[method-assign]

    def longest(self, since: float = 0.0, until: float = math.inf) -> tuple[float, float]:
        """Of the turns in between, by the clock and of the processor."""
        some = [each for each in self.turns if since <= each[0] <= until]
        return max((each[1] for each in some), default=0.0), max(
            (each[2] for each in some), default=0.0
        )

    def said(self) -> str:
        """Where the loop's thread was seen in long turns, most often first."""
        of_all = sum(self.seen.values()) or 1
        return ", ".join(
            f"{count / of_all:.0%} {where}" for where, count in self.seen.most_common(6)
        )


def _whose(frame: FrameType | None) -> str:
    """The innermost frame that is ours or LangGraph's."""
    while frame is not None:
        path = frame.f_code.co_filename
        for ours in ("llmi_agent", "llmi_graphs"):
            if f"/{ours}/" in path:
                return f"{ours}{path.partition(f'/{ours}')[2]}:{frame.f_code.co_name}"
        for theirs in ("langgraph", "langchain_core", "pydantic"):
            if f"/{theirs}/" in path:
                return theirs
        frame = frame.f_back
    return "elsewhere"


async def hold(path: Path, seconds: float, first: asyncio.Event) -> float:
    """Keep the database from the first call on; returns until when."""
    await first.wait()
    if not seconds:
        return 0.0
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), str(seconds), stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    await holder.stdout.readline()
    until = time.perf_counter() + seconds
    assert await holder.wait() == 0
    return until


@dataclass
class Measured:
    whole: int
    usual: tuple[float, float]
    """The longest turn of the loop in all, by the clock and of the processor, in seconds."""
    kept: tuple[float, float]
    """While the database is kept."""
    watch: Watch
    wrong: list[str]


async def measure(folder: Path, episodes: int, seconds: float) -> Measured:
    first = asyncio.Event()
    produced = Produced((Image(random_png(16, 16), Provenance("fake")),))

    async def work(call: Any, context: Any) -> Produced:
        first.set()
        await asyncio.sleep(0.2)
        return produced

    graph: Any = build_graph(
        model=ScriptedModel(script=lambda messages: DRAFT, chunk=200),
        tools=[FakeTool("a_search", "search", [work], usd=0.001)],
        options=Options(limits={"a_search": 50}),
        store=ArtifactStore(folder),
        secrets={},
    )
    gc.collect()
    gc.freeze()
    watch = Watch()
    beating = asyncio.create_task(watch.beat())
    holding = asyncio.create_task(hold(folder / "journal.db", seconds, first))
    with watch.timing():
        answers = await asyncio.gather(
            *(graph.ainvoke({"messages": [HumanMessage(f"Number {n}.")]}) for n in range(episodes)),
            return_exceptions=True,
        )
    first.set()  # if no call has come, the answers say why
    until = await holding
    beating.cancel()
    await asyncio.wait((beating,))
    whole = [each for each in answers if isinstance(each, dict) and _figures(each) == SLOTS]
    wrong = [f"{type(e).__name__}: {e}" for e in answers if isinstance(e, BaseException)]
    kept = watch.longest(until - seconds, until)
    return Measured(len(whole), watch.longest(), kept, watch, wrong)


def _figures(answer: dict[str, Any]) -> int:
    return sum(block["type"] == "figure" for block in answer["document"]["blocks"])


def main() -> int:
    given = sys.argv[1:]
    episodes = int(given[0]) if given else 1000
    seconds = float(given[1]) if len(given) > 1 else 20.0
    if len(given) > 2:
        writer.PATIENCE = float(given[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES))
    print(f"{episodes} documents at once, {HANDLES} file handles, {SLOTS} slots each")
    runs = []
    for held in (0.0, seconds):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(asyncio.run(measure(Path(folder), episodes, held)))
    usual, run = runs
    for each in sorted(set(run.wrong))[:5]:
        print(f"  {run.wrong.count(each)} x {each[:300]}")
    for name, each in (("the baseline", usual), ("the run", run)):
        watch = each.watch
        print(
            f"{name}: longest single callback {watch.longest_callback:.2f} s, longest garbage collection "
            f"{watch.longest_collection:.2f} s; long turns: {watch.said()}"
        )
    print(f"documents: {run.whole} of {episodes} (bar: all)")
    bar = f"bar: <= the baseline's + {LONGEST} s"
    print(
        f"longest hold of the event loop: {_both(run.usual)}, {_both(usual.usual)} in the baseline"
    )
    burst = run.usual[1] - usual.usual[1]
    print(f"of the processor: {burst:+.2f} s (bar: <= {LONGEST} s more than the baseline's)")
    print(f"while the database is kept: {_both(run.kept)} ({bar})")
    held = run.kept[0] > usual.usual[0] + LONGEST or burst > LONGEST
    return 0 if run.whole == episodes and not held else 1


def _both(times: tuple[float, float]) -> str:
    return f"{times[0]:.2f} s ({times[1]:.2f} s of the processor)"


if __name__ == "__main__":
    sys.exit(main())
