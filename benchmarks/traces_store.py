"""A store of many episodes: how fast it is written, listed, filtered and cleared, and how large it is.

Workload: EPISODES copies of runs of `record_compression.py`, each with ids, digests and a prompt of its own, written through
`Journal` as runs are; every second one is given two rewards. Listed and filtered by
`Journal.overviews`, against a `SELECT` of the same columns of the same rows. Cleared at a quarter of the size and at all of
it: all episodes but those with rewards.

What is measured is the processor's time of this process, but for clearing, which is by the clock.

Bars: listing and filtering at >= 0.8x of the plain SELECT, in flat memory (<= 30 MB more for all than for a quarter); clearing
costs per episode at most 1.6x of what it does at a quarter of the size.

python benchmarks/traces_store.py [--episodes N] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from record_compression import write

from llmi_agent.records.cache import Cache
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import Journal
from llmi_agent.records.known import Known
from llmi_agent.records.overview import PROMPT, Chosen, Overview, Tally, summary
from llmi_agent.records.record import Entry, Record
from llmi_agent.records.rows import Closing
from llmi_agent.store.artifacts import ArtifactStore

LISTED, FLAT, STRAIGHT = 0.8, 30.0, 1.6
ROUNDS = 5
_IDS = re.compile(r"\b([0-9a-f]{32,64})\b")
BEGAN = 1.7e9
"""When the first one began."""
FILTERS = {
    "all": (Chosen(), "true"),
    "a failure": (Chosen(failure="quota"), "instr(failures, ',quota,')"),
    "a reward": (Chosen(least=0.9), "reward >= 0.9"),
    "a kind and words": (
        Chosen(kind="code", text="bread"),
        "instr(kinds, ',code,') AND instr(lower(prompt), 'bread')",
    ),
}


class Template:
    """A run to make copies of: each has ids, digests and a prompt of its own."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        known, tally = Known(), Tally()
        for _, event in events_of(records):
            known.take(event)
            tally.take(event)
        self._columns = summary(known, tally)
        self._parts = [_IDS.split(each.data) for each in records]

    def entries(self, number: int) -> Iterator[Entry]:
        """Their bodies are those that the codec made, with other ids in the place of theirs."""
        began = BEGAN + 30 * number - self.records[0].at
        ids = dict[str, str]()
        for record, parts in zip(self.records, self._parts, strict=True):
            for at in range(1, len(parts), 2):
                if parts[at] not in ids:
                    digest = hashlib.sha256(f"{number} {parts[at]}".encode()).hexdigest()
                    ids[parts[at]] = digest[: len(parts[at])]
            own = (ids[part] if at % 2 else part for at, part in enumerate(parts))
            reuse = record.kind == "call_ended" and f"a_tool:{number}:{record.key}"
            yield Entry(record.kind, record.key, "".join(own), reuse or None, began + record.at)

    def closing(self, number: int) -> Closing:
        """As `EpisodeJournal` has it written in the end."""
        began = BEGAN + 30 * number - self.records[0].at
        own = {"prompt": f"{number}: {self._columns['prompt']}"[:PROMPT], "split": ""}
        last = {"last": began + self.records[-1].at}
        return Closing(f"{number:032x}", {**self._columns, **own, **last}, len(self.records))


def templates(folder: Path) -> list[Template]:
    journal = asyncio.run(write(folder, 11, True))
    return [Template(journal.read(each)) for each in journal.episodes()]


def fill(place: Path, runs: Sequence[Template], numbers: range) -> float:
    """Write so many episodes; returns the seconds that this took of the processor, less those that the copying took."""
    journal, chance, took = Journal(place), random.Random(numbers.start), 0.0
    for number in numbers:
        run, episode = runs[number % len(runs)], f"{number:032x}"
        entries, closing = list(run.entries(number)), run.closing(number)
        began = time.process_time()
        written = journal.append(episode, *entries, closing=closing)
        if number % 2:
            rewards = (
                Rewarded(scope="episode", component=name, value=chance.random())
                for name in ("total", "count")
            )
            written = journal.append(episode, *map(entry_of, rewards))
        if number % 50 == 0 or number == numbers[-1]:
            written.result()
        took += time.process_time() - began
    journal.close()
    return took


def median(work: Callable[[], Any]) -> float:
    """Seconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times)


def listed(journal: Journal, chosen: Chosen) -> int:
    """How many are found."""
    return sum(1 for _ in journal.overviews(chosen))


def plain(connection: sqlite3.Connection, condition: str) -> int:
    """How many a SELECT of the same columns finds."""
    columns = ", ".join(Overview._fields)
    found = connection.execute(f"SELECT {columns} FROM episodes WHERE {condition}")
    return sum(1 for _ in found)


def compare(place: Path) -> float:
    """The worst ratio of all filters."""
    worst, journal, connection = 9.0, Journal(place), sqlite3.connect(place)
    for name, (chosen, condition) in FILTERS.items():
        found = listed(journal, chosen)
        assert found == plain(connection, condition), name
        ours = median(lambda: listed(journal, chosen))  # noqa: B023 - called at once
        bare = median(lambda: plain(connection, condition))  # noqa: B023
        worst = min(worst, bare / ours)
        print(
            f"{name:>16}: {found} episodes in {ours * 1000:.0f} ms, plain {bare * 1000:.0f} ms, {bare / ours:.2f}x"
        )
    journal.close()
    connection.close()
    return worst


def memory(place: Path) -> float:
    """Megabytes that a process has at most, which lists all."""
    command = [sys.executable, __file__, "--memory", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def most_memory() -> float:
    """Megabytes. What `getrusage` says is that of the parent, if it was more."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def clear(place: Path) -> float:
    """Seconds for each episode that is there."""
    journal = Journal(place)
    there = len(journal.episodes())
    began = time.perf_counter()
    cleared = Cache(journal, ArtifactStore(place.parent)).clear(runs=True)
    took = time.perf_counter() - began
    assert (cleared.runs, cleared.spared) == (there - there // 2, there // 2)
    print(
        f"cleared {cleared.runs} of {there} in {took:.2f} s, {took / there * 1e6:.0f} us for each that was there"
    )
    journal.close()
    return took / there


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=4000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory", type=Path)
    given = parser.parse_args()
    if given.memory:
        listed(Journal(given.memory), Chosen())
        print(most_memory())
        return 0
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        return measure(Path(folder), given.episodes)


def measure(folder: Path, count: int) -> int:
    runs = templates(folder)
    whole, part = folder / "whole" / "journal.db", folder / "part" / "journal.db"
    some = [sum(len(each.data) for each in run.records) for run in runs]
    print(
        f"episodes of {sum(len(run.records) for run in runs) / len(runs):.0f} records, {sum(some) / len(runs) / 1000:.1f} kB of JSON"
    )
    took = fill(whole, runs, range(count // 4))
    shutil.copytree(whole.parent, part.parent)
    took += fill(whole, runs, range(count // 4, count))
    size = whole.stat().st_size
    print(
        f"{count} episodes: {took / count * 1000:.2f} ms to write one, {size / count / 1000:.2f} kB on disk each"
    )
    worst = compare(whole)
    more = memory(whole) - memory(part)
    straight = clear(part)
    straight = clear(whole) / straight
    print(f"listing and filtering: {worst:.2f}x of a plain SELECT (bar: >= {LISTED}x)")
    print(
        f"memory: {memory(whole):.0f} MB at most, {more:+.1f} MB for four times as many (bar: <= {FLAT:+.0f} MB)"
    )
    print(f"clearing: {straight:.2f}x an episode at four times the size (bar: <= {STRAIGHT}x)")
    return 0 if worst >= LISTED and more <= FLAT and straight <= STRAIGHT else 1


if __name__ == "__main__":
    sys.exit(main())
