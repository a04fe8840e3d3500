"""Rows of many traces: how fast, against reading and decoding the same records, and in how much memory.

Workload: EPISODES copies, in groups of eight, of 24 runs of the graph, whose policy is a server on loopback with vLLM's API: a
prompt of 480 tokens, drafts of 220 to 340, a repair in every third. The baseline reads every episode's records and decodes
them (`Journal.read`, `events_of`), and does nothing with them.

Bars: rows at >= 0.2x of reading and decoding; memory for three quarters of the episodes more <= 2x the arrays of their rows,
and 20 MB.

python benchmarks/trace_rows.py [--episodes N] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from traces_store import most_memory

from llmi_agent.config.options import Options
from llmi_agent.records.codec import entry_again, entry_of, events_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import Journal
from llmi_agent.records.record import Entry, Record
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, slot
from llmi_graphs import build_graph
from llmi_train.rows import Row, rows_of
from llmi_vllm.testing import FakeVLLM, Manner

FAST, FLAT, SPARE = 0.2, 2.0, 20.0
GROUP, TEMPLATES = 8, 24
SLOT = slot("search", "A fox", query="fox")
WORDS = "It sleeps through the day in a den of its own.\n"


def script(messages: Sequence[dict[str, Any]]) -> str:
    """A draft, of which every third one has to be repaired; or the repair."""
    if "could not be filled" in str(messages[-1]["content"]):
        return SLOT
    number = int(str(messages[-1]["content"]).split()[0])
    own = SLOT.replace('"query"', '"nothing"') if number % 3 == 0 else SLOT
    return f"# The fox\n\n{own}\n\n{WORDS * (15 + number % 9)}"


async def written(folder: Path) -> list[list[Record]]:
    """The records of some runs."""
    store = ArtifactStore(folder / "templates")
    given = {"tools": [FakeTool("s", "search")], "store": store, "secrets": {}, "record": "full"}
    with FakeVLLM(script, Manner(tokens=3, weights="w1")) as server:
        graph = build_graph(
            model="vllm/fox", api_base=f"{server.url}/v1", options=Options(), **given
        )
        for number in range(TEMPLATES):
            await graph.ainvoke({"messages": [HumanMessage(f"{number:02} foxes.")]})
    journal = Journal(store.root / "journal.db")
    return [journal.read(each) for each in journal.episodes()]


def copied(records: Sequence[Record], number: int) -> Iterator[Entry]:
    """As a member of a group; all of a group are copies of one run."""
    for each in records:
        own = each
        if each.kind == "opened":
            opened = {
                **json.loads(each.data),
                "group": f"{number // GROUP:08}",
                "member": number % GROUP,
            }
            own = replace(each, data=json.dumps(opened), key=opened["group"])
        yield entry_again(own)
    for name, scope, about in (("total", "episode", ""), ("mended", "slot", "0")):
        value = (number * 7919 % 101) / 100
        yield entry_of(
            Rewarded(component=name, scope=scope, about=about, value=value, profile="p@1")
        )  # type: ignore[arg-type]


def fill(place: Path, runs: Sequence[Sequence[Record]], count: int) -> None:
    """Write so many episodes."""
    journal = Journal(place)
    for number in range(count):
        done = journal.append(f"{number:032x}", *copied(runs[number // GROUP % len(runs)], number))
        if number % 50 == 0 or number == count - 1:
            done.result()
    journal.close()


def baseline(place: Path) -> float:
    """Seconds of the processor to read and decode all."""
    journal = Journal(place)
    began = time.process_time()
    for episode in reversed(journal.episodes()):
        list(events_of(journal.read(episode)))
    return time.process_time() - began


def size(rows: Sequence[Row]) -> float:
    """Megabytes of the arrays of rows, each once."""
    arrays = {
        id(each): each.nbytes
        for row in rows
        for own in [row.segment]
        for each in (own.prompt, own.completion, own.logprobs, own.mask, row.advantages)
    }
    return sum(arrays.values()) / 1e6


def memory(place: Path) -> tuple[float, float]:
    """Megabytes that a process has at most, which makes rows of all, and those of their arrays."""
    command = [sys.executable, __file__, "--memory", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    most, arrays = json.loads(done.stdout)
    return float(most), float(arrays)


def measure(folder: Path, count: int) -> int:
    runs = asyncio.run(written(folder))
    places = {of: folder / f"of-{of}" / "journal.db" for of in (count // 4, count)}
    for of, place in places.items():
        place.parent.mkdir()
        fill(place, runs, of)
    bare = baseline(places[count])
    began = time.process_time()
    found = rows_of(places[count], repairs="mended", most_drift=1)
    took = time.process_time() - began
    report = found.report
    print(
        f"{report.read} episodes: {report.rows} rows of {report.groups} groups, {report.tokens:,} tokens that are trained on"
    )
    print(
        f"read and decoded in {bare:.2f} s, rows of them in {took:.2f} s, {took / count * 1000:.2f} ms each"
    )
    (few, few_arrays), (all_, arrays) = (memory(places[of]) for of in (count // 4, count))
    most = FLAT * (arrays - few_arrays) + SPARE
    print(f"ratio: rows at {bare / took:.2f}x of reading and decoding (bar: >= {FAST}x)")
    print(
        f"memory: {all_:.0f} MB, {all_ - few:+.0f} MB to a quarter, whose arrays have {arrays - few_arrays:.0f} MB less (bar: <= {most:.0f} MB)"
    )
    return 0 if bare / took >= FAST and all_ - few <= most else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=8192, metavar="N")
    parser.add_argument("--folder", type=Path, help="where to work; by default a temporary folder")
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        found = rows_of(given.memory, repairs="mended", most_drift=1)
        print(json.dumps([most_memory(), size(found.rows)]))
        return 0
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        return measure(Path(folder), given.episodes)


if __name__ == "__main__":
    sys.exit(main())
