"""Four processes write episodes into one home, and one of them is killed again and again.

Workload: each writer runs documents of three slots with instant tools through the graph, one after the other, gives every
document a reward, and says what is done once it is told that it is on disk. KILLS times, one of the four gets a SIGKILL at a moment
that chance picks, and another takes its place. In the end all are killed.

Bar: no episode or reward lost that was said to be done, none torn, none twice, no picture missing, the database sound.

python benchmarks/killed_writers.py [KILLS]
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Image, Produced, Provenance
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.events import CallEnded, Composed, Event, Opened, Rewarded
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.known import Known
from llmi_agent.records.overview import Overview
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

WRITERS, SLOTS = 4, 3
LONGEST = 0.4
"""Seconds between two kills, at most."""
PICTURE = random_png(16, 16)


async def write(home: Path, said: int) -> None:
    """Episodes without end; what is done is said on a handle, in one write each."""
    store = ArtifactStore(home)
    journal = journal_beside(store)
    draft = "# T\n\n" + "\n\n".join(slot("search", f"P{n}", query=f"q{n}") for n in range(SLOTS))
    tool = FakeTool(
        "instant", "search", [Produced((Image(PICTURE, Provenance("instant")),), usd=0.0)]
    )
    graph = build_graph(
        model=ScriptedModel(script=lambda _: draft, chunk=50), tools=[tool], store=store, secrets={}
    )
    while True:
        answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
        episode = answer["document"]["episode"]
        os.write(said, f"done {episode}\n".encode())
        reward = Rewarded(scope="episode", component="total", value=0.5)
        await journal.append(episode, entry_of(reward))
        os.write(said, f"rewarded {episode}\n".encode())


def start(home: Path, said: int) -> int:
    """A writer's process id. To fork after the imports keeps it short."""
    if child := os.fork():
        return child
    with contextlib.suppress(BaseException):
        asyncio.run(write(home, said))
    os._exit(1)


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status), "it had ended by itself"


def kills(home: Path, log: Path, count: int, chance: random.Random) -> None:
    """Have the writers write, and kill them."""
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    crowd = [start(home, said) for _ in range(WRITERS)]
    end = time.monotonic() + 60
    while log.stat().st_size < 200 and time.monotonic() < end:  # until they are under way
        time.sleep(0.02)
    for _ in range(count):
        time.sleep(chance.uniform(0, LONGEST))
        at = chance.randrange(WRITERS)
        kill(crowd[at])
        crowd[at] = start(home, said)
    for each in crowd:
        kill(each)
    os.close(said)


def faults(home: Path, log: Path) -> Iterator[str]:
    """What is wrong with what is there, and at last what there is."""
    lines = [line.split() for line in log.read_text().splitlines()]
    done = {episode for word, episode in lines if word == "done"}
    rewarded = {episode for word, episode in lines if word == "rewarded"}
    journal, store = Journal(home / "journal.db"), ArtifactStore(home)
    with contextlib.closing(sqlite3.connect(journal.path)) as connection:
        for (found,) in connection.execute("PRAGMA integrity_check"):
            if found != "ok":
                yield f"the database: {found}"
    listed = list(journal.overviews())
    states = Counter(each.state for each in listed)
    for episode, count in Counter(each.episode for each in listed).items():
        if count > 1:
            yield f"{episode} is listed {count} times"
    for one in listed:
        yield from (f"{one.episode}: {fault}" for fault in of_episode(journal, store, one))
    whole = {each.episode for each in listed if each.state == "done" and each.kept == SLOTS}
    yield from (f"{episode} was done, and is lost" for episode in done - whole)
    given = {each.episode for each in listed if each.reward == 0.5}
    yield from (f"the reward of {episode} is lost" for episode in rewarded - given)
    journal.close()
    print(
        f"{len(done)} episodes said to be done, {len(rewarded)} rewards; on record: {dict(states)}"
    )


def of_episode(journal: Journal, store: ArtifactStore, one: Overview) -> Iterator[str]:
    """What is wrong with one, whole or cut."""
    try:
        events = [event for _, event in events_of(journal.read(one.episode))]
    except InputError as error:
        yield f"cannot be read: {error}"
        return
    known = Known(events)
    yield from twice(events)
    if not isinstance(events[0], Opened):
        yield f"begins with {events[0].type}"
    if (known.composed is not None) != (one.state == "done") or len(known.settled) != one.settled:
        yield "its overview says something else than its records"
    for digest in known.pictures:
        if digest not in store or hashlib.sha256(store.read(digest)).hexdigest() != digest:
            yield f"the picture {digest[:8]} is missing or damaged"


def twice(events: list[Event]) -> Iterator[str]:
    once = Counter(
        (e.type, e.key) for e in events if isinstance(e, Opened | Composed | CallEnded | Rewarded)
    )
    yield from (f"{kind} is there {count} times" for (kind, _), count in once.items() if count > 1)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        home, log = Path(folder) / "home", Path(folder) / "log"
        kills(home, log, count, random.Random(5))
        found = list(faults(home, log))
    for fault in found:
        print(fault)
    print(f"faults after {count} kills of {WRITERS} writers: {len(found)} (bar: 0)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
