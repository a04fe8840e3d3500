"""Three hundred documents at once with few file handles, while another process keeps the database to itself.

Workload: EPISODES documents of three slots, all started together on one compiled graph, under a limit of 256 open files. Each
call takes 0.2 s, so that the run is in its middle when another process begins an exclusive transaction (as a backup or a
`VACUUM` does) and keeps it for HOLD seconds.
The baseline is the same crowd with nobody else at the database. Bars: every document is whole; the event loop is held at most
LONGEST seconds longer than in the baseline.

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


async def heartbeat(beats: list[float]) -> None:
    """How long the loop was held between two turns of this task, in seconds."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        beats.append(time.perf_counter() - began - 0.01)


async def hold(path: Path, seconds: float, first: asyncio.Event) -> float:
    """Keep the database from the first call on; returns for how long."""
    await first.wait()
    if not seconds:
        return 0.0
    began = time.perf_counter()
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), str(seconds), stdout=subprocess.DEVNULL
    )
    assert await holder.wait() == 0
    return time.perf_counter() - began


async def measure(folder: Path, episodes: int, seconds: float) -> tuple[int, float, list[str]]:
    """How many documents are whole, the longest time the loop was held, and what went wrong."""
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
    beats: list[float] = []
    beating = asyncio.create_task(heartbeat(beats))
    holding = asyncio.create_task(hold(folder / "journal.db", seconds, first))
    answers = await asyncio.gather(
        *(graph.ainvoke({"messages": [HumanMessage(f"Number {n}.")]}) for n in range(episodes)),
        return_exceptions=True,
    )
    first.set()  # if no call has come, the answers say why
    held = await holding
    beating.cancel()
    print(f"  the database was held for {held:.1f} s, from the first call on")
    whole = [each for each in answers if isinstance(each, dict) and _figures(each) == SLOTS]
    wrong = [f"{type(e).__name__}: {e}" for e in answers if isinstance(e, BaseException)]
    return len(whole), max(beats), wrong


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
        _, usual, _ = asyncio.run(measure(Path(folder), episodes, 0.0))
    with tempfile.TemporaryDirectory() as folder:
        whole, longest, wrong = asyncio.run(measure(Path(folder), episodes, seconds))
    for each in sorted(set(wrong))[:5]:
        print(f"  {wrong.count(each)} x {each[:300]}")
    print(f"documents: {whole} of {episodes} (bar: all)")
    print(f"longest hold of the event loop: {longest:.2f} s, {usual:.2f} s in the baseline")
    print(f"difference: {longest - usual:.2f} s (bar: <= {LONGEST})")
    return 0 if whole == episodes and longest - usual <= LONGEST else 1


if __name__ == "__main__":
    sys.exit(main())
