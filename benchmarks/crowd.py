"""Two hundred documents at once in one process: none lost, permits used, memory flat.

Workload: 200 documents of five slots each, all started together on one compiled graph; tools take 0.25 s and have 20 permits over
all documents. The baseline is the permits' limit: 1000 calls x 0.25 s / 20 permits = 12.5 s, below which nothing can be.
Bars: throughput >= 0.93 of that limit; every document has its five figures; after a warm-up of 200 documents, the next 200 leave the
process no more than 5 % larger.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Image, Produced, Provenance
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

LEAST_THROUGHPUT, MOST_GROWTH = 0.93, 1.05
DOCUMENTS, SLOTS, PERMITS, SECONDS = 200, 5, 20, 0.25
DRAFT = "# T\n\n" + "\n\nWords.\n\n".join(
    slot("search", f"P{n}", query=f"q{n}") for n in range(SLOTS)
)


async def crowd(folder: str) -> tuple[float, int]:
    """Seconds until all documents are there, and how many are whole."""
    produced = Produced((Image(random_png(16, 16), Provenance("fake")),), usd=0.0)
    graph: Any = build_graph(
        model=ScriptedModel(script=lambda messages: DRAFT, chunk=200),
        tools=[FakeTool("a_search", "search", [produced], seconds=SECONDS)],
        options=Options(limits={"a_search": PERMITS}, concurrency={"search": SLOTS}),
        store=ArtifactStore(folder),
        secrets={},
    )

    async def document(number: int) -> int:
        answer = await graph.ainvoke({"messages": [HumanMessage(f"Document {number}.")]})
        return sum(block["type"] == "figure" for block in answer["document"]["blocks"])

    began = time.perf_counter()
    figures = await asyncio.gather(*map(document, range(DOCUMENTS)))
    return time.perf_counter() - began, sum(count == SLOTS for count in figures)


def resident() -> int:
    """Bytes of memory that the process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def main() -> int:
    limit = DOCUMENTS * SLOTS * SECONDS / PERMITS
    print(
        f"{DOCUMENTS} documents at once, {SLOTS} slots each, {PERMITS} permits, {SECONDS} s a call"
    )
    sizes, shares, whole = [], [], []
    for round_ in ("warm-up", "measured", "measured"):
        with tempfile.TemporaryDirectory() as folder:
            took, complete = asyncio.run(crowd(folder))
        sizes.append(resident())
        shares.append(limit / took)
        whole.append(complete)
        print(
            f"  {round_}: {took:.2f} s, limit {limit:.2f} s; {complete} whole; {sizes[-1] / 1e6:.0f} MB"
        )
    growth, share = sizes[-1] / sizes[0], statistics.median(shares[1:])
    print(f"ratio: {share:.3f} of the permits' limit (bar: >= {LEAST_THROUGHPUT})")
    print(f"ratio: {growth:.3f} memory after 600 documents to after 200 (bar: <= {MOST_GROWTH})")
    print(f"documents lost: {3 * DOCUMENTS - sum(whole)}")
    good = share >= LEAST_THROUGHPUT and growth <= MOST_GROWTH and min(whole) == DOCUMENTS
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
