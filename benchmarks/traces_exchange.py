"""Export of many traces: how fast, against reading and decoding the same rows, and in how much memory.

Workload: EPISODES copies of runs as `traces_store.py` writes them, with token arrays, ids and digests of their own. The baseline
reads every episode's records and decodes them (`Journal.read`, `events_of`), and does nothing with them. An export does that, folds
them into a trace, and writes the row.

Bars: export at >= 0.3x of reading and decoding, JSON lines and Parquet, in flat memory (<= 60 MB more for all than for a
quarter).

python benchmarks/traces_exchange.py [--episodes N] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from traces_store import fill, most_memory, templates

from llmi_agent.records.codec import events_of
from llmi_agent.records.journal import Journal
from llmi_agent.traces import traces
from llmi_agent.traces.exchange import tables
from llmi_agent.traces.exchange.exporting import export

FAST, FLAT = 0.3, 60.0
FILES = ("traces.jsonl", "traces.parquet")


def baseline(place: Path) -> float:
    """Seconds to read and decode all."""
    journal = Journal(place)
    began = time.process_time()
    for episode in reversed(journal.episodes()):
        list(events_of(journal.read(episode)))
    return time.process_time() - began


def exported(place: Path, out: Path, most: int | None = None) -> float:
    """Seconds to export so many, of this process with all its threads."""
    began = time.process_time()
    done = export(islice(traces(place), most), out, pictures="none")
    took = time.process_time() - began
    assert done.unreadable == 0, done.named[:3]
    return took


def memory(place: Path, out: Path, most: int) -> float:
    """Megabytes that a process has at most, which exports so many."""
    command = [sys.executable, __file__, "--memory", str(place), str(out), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def measure(folder: Path, count: int) -> int:
    tables.pyarrow()  # that it takes half a second to import is nothing to many episodes
    place = folder / "home" / "artifacts" / "journal.db"
    fill(place, templates(folder), range(count))
    bare = baseline(place)
    print(f"{count} episodes read and decoded in {bare:.2f} s, {bare / count * 1000:.2f} ms each")
    held = True
    for name in FILES:
        out = folder / name
        took = exported(place, out)
        size = out.stat().st_size / count / 1000
        print(f"{name}: exported in {took:.2f} s, {size:.1f} kB an episode")
        few, all_ = memory(place, out, count // 4), memory(place, folder / f"all-{name}", count)
        ratio, more = bare / took, all_ - few
        print(f"ratio: {name} at {ratio:.2f}x of reading and decoding (bar: >= {FAST}x)")
        print(f"memory: {all_:.0f} MB, {more:+.0f} MB to a quarter (bar: <= {FLAT:.0f} MB)")
        held = held and ratio >= FAST and more <= FLAT
    return 0 if held else 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory", nargs=3)
    given = parser.parse_args()
    if given.memory:
        place, out, most = given.memory
        exported(Path(place), Path(out), int(most))
        print(most_memory())
        return 0
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        return measure(Path(folder), given.episodes)


if __name__ == "__main__":
    sys.exit(main())
