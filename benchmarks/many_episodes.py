"""A thousand short episodes at once in one process: what each costs of its processor.

Workload: EPISODES documents of three slots whose tools answer at once with a 16 x 16 picture, all started together on one
compiled graph, under a limit of 256 open files. Before it, a warm-up of 50, `gc.collect()` and `gc.freeze()`, as a trainer
does it. Three ways, each in a process of its own: records and pictures in memory, in files, and the baseline, a bare
LangGraph graph of the same topology (`framework_cost.py`'s) that keeps and checks nothing.

What is counted: processor seconds of the whole process with all its threads, LangGraph's own work included, from before the first
`ainvoke` until the last document is there. The processes that decode pictures are counted apart.

Bars: no document lost; <= 15 ms an episode, in memory and in files.

python benchmarks/many_episodes.py [EPISODES]
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from framework_cost import PICTURE, bare_graph
from langchain_core.messages import HumanMessage

from llmi_agent.contract.tool import Image, Produced, Provenance
from llmi_agent.store import decoder
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

BAR = 15.0
"""Milliseconds."""
HANDLES, WARM, SLOTS = 256, 50, 3
DRAFT = "# T\n\n" + "\n\nWords.\n\n".join(
    slot("search", f"P{n}", query=f"q{n}") for n in range(SLOTS)
)
WAYS = ("bare", "memory", "files")


def graph(way: str, folder: Path) -> Any:
    model = ScriptedModel(script=lambda messages: DRAFT, chunk=200)
    if way == "bare":
        return bare_graph(model, saved=False)
    produced = Produced((Image(PICTURE, Provenance("instant")),), usd=0.0)
    return build_graph(
        model=model,
        tools=[FakeTool("instant", "search", [produced])],
        store=ArtifactStore(folder) if way == "files" else ArtifactStore.in_memory(),
        secrets={},
    )


def figures(answer: Any) -> int:
    if "blocks" in answer["document"]:
        return sum(block["type"] == "figure" for block in answer["document"]["blocks"])
    return len(answer["document"]["figures"])


async def crowd(compiled: Any, count: int) -> int:
    """How many documents are whole."""
    requests = ({"messages": [HumanMessage(f"Number {n}.")]} for n in range(count))
    answers = await asyncio.gather(*map(compiled.ainvoke, requests), return_exceptions=True)
    for error in {repr(each)[:300] for each in answers if isinstance(each, BaseException)}:
        print(error, file=sys.stderr)
    return sum(isinstance(each, dict) and figures(each) == SLOTS for each in answers)


async def measure(way: str, count: int, folder: Path) -> dict[str, float]:
    compiled = graph(way, folder)
    assert await crowd(compiled, WARM) == WARM
    gc.collect()
    gc.freeze()
    began, cpu = time.perf_counter(), time.process_time()
    whole = await crowd(compiled, count)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    decoder.shared.close()
    apart = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "whole": whole,
        "cpu": cpu / count * 1000,
        "wall": wall / count * 1000,
        "decoders": (apart.ru_utime + apart.ru_stime) / (count + WARM) * 1000,
    }


def in_its_own_process(way: str, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, str(count), way]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES))
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asyncio.run(measure(sys.argv[2], count, Path(folder)))))
        return 0
    print(
        f"{count} episodes at once, {SLOTS} instant slots each, {HANDLES} file handles, frozen gc"
    )
    found = {way: in_its_own_process(way, count) for way in WAYS}
    for way, each in found.items():
        print(
            f"{way:>6}: {each['cpu']:5.1f} ms of the processor an episode, {each['wall']:5.1f} ms by the clock, "
            f"{each['decoders']:.1f} ms of decoders"
        )
    whole = min(each["whole"] for each in found.values())
    most = max(found[way]["cpu"] for way in ("memory", "files"))
    print(f"documents: {whole:.0f} of {count} (bar: all)")
    print(
        f"processor: {most:.1f} ms an episode, {most / found['bare']['cpu']:.2f}x bare (bar: <= {BAR} ms)"
    )
    return 0 if whole == count and most <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
