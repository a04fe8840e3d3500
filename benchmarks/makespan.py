"""When a document is ready: tools that run while the model writes, against writing all and then going wave by wave.

Workload: a streamed draft of twelve slots, three of them a chain of edits; tools of stated latency, as many permits
as slots. The critical path is reckoned from the latencies and from when, streamed alone in the same run, each tag closes: a slot
cannot begin before that, an edit not before its picture is there, and the document is not ready before the last word. Two bars: the makespan is at most 1.05
times the critical path; and of the gain that is possible over writing all and then calling tool after tool by waves (as the
paper's code does: all slots that wait for no other, then those that wait for them, and so on), at least 0.95 is had.

Prints medians, in one process; the latencies are slept, so the ratio does not depend on the machine's speed alone.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

MOST_PATH, LEAST_GAIN = 1.05, 0.95
ROUNDS = 5
PAUSE, CHUNK = 0.02, 24
"""Seconds between two pieces of the draft, and their characters: about 300 tokens a second."""
SECONDS = {"search": 0.4, "diffusion": 1.2, "code": 0.5, "edit": 0.6}
EDITS = {5: 1, 8: 5, 11: 8}
"""Slot -> the slot that it edits: a chain of three."""
KINDS = ["search", "diffusion", "code"]
WORDS = "The harbour lies still in the morning, and the boats wait for the tide to turn. " * 3


def parts() -> list[str]:
    """The draft: a paragraph, a slot, a paragraph, ..."""
    made = ["# The harbour\n\n"]
    for number in range(12):
        made.append(WORDS + "\n\n")
        made.append(_slot(number) + "\n\n")
    return [*made, WORDS]


def _kind(number: int) -> str:
    return "edit" if number in EDITS else KINDS[number % 3]


def _slot(number: int) -> str:
    params: dict[str, Any] = {
        "search": {"query": f"boat {number}"},
        "diffusion": {"prompt": f"harbour {number}"},
        "code": {"code": f"plt.plot([{number}, 1])"},
        "edit": {"img_index": EDITS.get(number), "prompt": "make it grey"},
    }[_kind(number)]
    return slot(_kind(number), f"Picture {number}", **params)


async def written_at() -> tuple[list[float], float]:
    """When each slot's tag has closed, and when the last word is there, in seconds, if nothing is done but reading."""
    ends, text = [], ""
    for part in parts():
        text += part
        if part.startswith("<imgen>"):
            ends.append(len(text.rstrip()))
    closed, read = [], 0
    began = time.perf_counter()
    async for piece in writer().astream("Write."):
        read += len(str(piece.text))
        while len(closed) < len(ends) and read >= ends[len(closed)]:
            closed.append(time.perf_counter() - began)
    return closed, time.perf_counter() - began


def writer() -> ScriptedModel:
    return ScriptedModel(script=["".join(parts())], chunk=CHUNK, pause=PAUSE)


def critical_path(closed: list[float], end: float) -> float:
    """Nothing can be faster."""
    ready: dict[int, float] = {}
    for number, at in enumerate(closed):
        begins = max(at, ready[EDITS[number]]) if number in EDITS else at
        ready[number] = begins + SECONDS[_kind(number)]
    return max(end, *ready.values())


def waves(end: float) -> float:
    """Write all, then all slots that wait for none, then those that wait for them, and so on."""
    depth: dict[int, int] = {}
    for number in range(12):
        depth[number] = depth[EDITS[number]] + 1 if number in EDITS else 0
    by_wave = [
        max(SECONDS[_kind(n)] for n in depth if depth[n] == wave)
        for wave in range(max(depth.values()) + 1)
    ]
    return end + sum(by_wave)


async def ours(folder: str) -> float:
    """Seconds from the request to the document."""
    tools = [FakeTool(f"a_{kind}", kind, seconds=seconds) for kind, seconds in SECONDS.items()]
    graph = build_graph(
        model=writer(),
        tools=tools,
        options=Options(concurrency=dict.fromkeys(SECONDS, 12)),
        store=ArtifactStore(folder),
        secrets={},
    )
    began = time.perf_counter()
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    took = time.perf_counter() - began
    figures = [block for block in answer["document"]["blocks"] if block["type"] == "figure"]
    assert len(figures) == 12
    return took


def main() -> int:
    print("makespan of a streamed draft of 12 slots, 3 of them a chain of edits")
    ratios, gains = [], []
    for _ in range(ROUNDS):
        closed, end = asyncio.run(written_at())
        path, wave = critical_path(closed, end), waves(end)
        with tempfile.TemporaryDirectory() as folder:
            took = asyncio.run(ours(folder))
        print(
            f"  written in {end:.2f} s, critical path {path:.2f} s, by waves {wave:.2f} s, ours {took:.2f} s"
        )
        ratios.append(took / path)
        gains.append((wave / took) / (wave / path))
    ratio, gain = statistics.median(ratios), statistics.median(gains)
    print(f"ratio: {ratio:.3f} of the critical path, median of {ROUNDS} (bar: <= {MOST_PATH})")
    print(f"ratio: {gain:.3f} of the ideal ratio over waves (bar: >= {LEAST_GAIN})")
    return 0 if ratio <= MOST_PATH and gain >= LEAST_GAIN else 1


if __name__ == "__main__":
    sys.exit(main())
