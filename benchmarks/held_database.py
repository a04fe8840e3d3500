"""Three hundred documents at once with few file handles, while another process keeps the database to itself.

Workload: EPISODES documents of three slots, all started together on one compiled graph, under a limit of 256 open files. Each
call takes 0.2 s, so that the run is in its middle when another process begins an exclusive transaction (as a backup or a
`VACUUM` does) and keeps it for HOLD seconds.
The baseline is the same crowd with nobody else at the database. Bars: every document is whole; while the database is kept,
the event loop is held at most LONGEST seconds longer than at any time in the baseline. Printed besides: the burst of work once it
is free, when all documents go on at once.

python benchmarks/held_database.py [EPISODES] [HOLD] [PATIENCE]
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Image, Produced, Provenance
from llmi_agent.records import writer
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

HANDLES, LONGEST = 256, 1.0
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


async def heartbeat(beats: list[tuple[float, float]]) -> None:
    """When a turn of this task ended, and how long the loop was held before it, in seconds."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        now = time.perf_counter()
        beats.append((now, now - began - 0.01))


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


async def measure(
    folder: Path, episodes: int, seconds: float
) -> tuple[int, float, float, list[str]]:
    """How many documents are whole, the longest hold of the loop while the database is kept and in all, what went wrong."""
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
    beats: list[tuple[float, float]] = []
    beating = asyncio.create_task(heartbeat(beats))
    holding = asyncio.create_task(hold(folder / "journal.db", seconds, first))
    answers = await asyncio.gather(
        *(graph.ainvoke({"messages": [HumanMessage(f"Number {n}.")]}) for n in range(episodes)),
        return_exceptions=True,
    )
    first.set()  # if no call has come, the answers say why
    until = await holding
    beating.cancel()
    whole = [each for each in answers if isinstance(each, dict) and _figures(each) == SLOTS]
    wrong = [f"{type(e).__name__}: {e}" for e in answers if isinstance(e, BaseException)]
    kept = max((held for now, held in beats if until - seconds <= now <= until), default=0.0)
    return len(whole), kept, max(held for _, held in beats), wrong


def _figures(answer: dict[str, Any]) -> int:
    return sum(block["type"] == "figure" for block in answer["document"]["blocks"])


def main() -> int:
    given = sys.argv[1:]
    episodes = int(given[0]) if given else 300
    seconds = float(given[1]) if len(given) > 1 else 20.0
    if len(given) > 2:
        writer.PATIENCE = float(given[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES))
    print(f"{episodes} documents at once, {HANDLES} file handles, {SLOTS} slots each")
    with tempfile.TemporaryDirectory() as folder:
        _, _, usual, _ = asyncio.run(measure(Path(folder), episodes, 0.0))
    with tempfile.TemporaryDirectory() as folder:
        whole, kept, longest, wrong = asyncio.run(measure(Path(folder), episodes, seconds))
    for each in sorted(set(wrong))[:5]:
        print(f"  {wrong.count(each)} x {each[:300]}")
    print(f"documents: {whole} of {episodes} (bar: all)")
    print(f"longest hold of the event loop: {longest:.2f} s, {usual:.2f} s in the baseline")
    print(f"while the database is kept: {kept:.2f} s (bar: <= the baseline's + {LONGEST} s)")
    return 0 if whole == episodes and kept <= usual + LONGEST else 1


if __name__ == "__main__":
    sys.exit(main())
