"""The journal: what an episode has done so far, durable once it is written.

A run that was cut goes on from here: a draft that was complete is not asked for again, a call whose end is on
record is not started again, a vendor's job is picked up by its id. Records hold digests; the bytes are in the
artifact store beside it, always written first. The same records are the cache: `reuse` says what a result was an
answer to, whoever asked.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from llmi_agent.base.errors import InputError
from llmi_agent.records.database import connect, unusable
from llmi_agent.records.locks import locks_in
from llmi_agent.records.writer import patiently, writer_of
from llmi_agent.store.artifacts import ArtifactStore

T = TypeVar("T")

SCHEMA = 2
"""Of the records that are written; those of 1 were there before records said theirs."""

_DIGESTS = re.compile("[0-9a-f]{64,}")


@dataclass(frozen=True)
class Record:
    """One line of the journal."""

    kind: str
    key: str
    data: str
    """JSON, made and read by who knows the kind."""
    at: float
    """When it happened, in seconds since the epoch."""
    schema: int = SCHEMA
    """Of `kind`, `key` and `data`."""


@dataclass(frozen=True)
class Entry:
    """A record to be written. It is stamped when it is made: that is when it happened, however late it is written.

    The `key` of an `opened` one is the id of the episode's group, if it has one.
    """

    kind: str
    key: str = ""
    data: str = "null"
    """JSON."""
    reuse: str | None = None
    """What `Journal.reusable` finds it by."""
    at: float = field(default_factory=time.time)
    """Seconds since the epoch."""


class Journal:
    """The records of all episodes, in one SQLite file that several processes may share.

    Writes go through the one thread of the file (`writer.Writer`). Reads wait for no writer, but they touch the disk: on
    an event loop, have a thread read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        """A connection must not be used by a forked child."""

    def append(self, episode: str, *entries: Entry) -> Future[None]:
        """Have records written, all or none; the future is done once they survive the process.

        They keep their order. The future has a LlmiError if they cannot be written.
        """
        rows = [(episode, e.kind, e.key, e.data, e.at, e.reuse, SCHEMA) for e in entries]
        return writer_of(self.path, partial(connect, self.path)).put(rows)

    def write(self, episode: str, *entries: Entry) -> None:
        """Append records, and wait until they are on disk. Not for an event loop."""
        self.append(episode, *entries).result()

    def read(self, episode: str) -> list[Record]:
        """An episode's records, oldest first."""
        query = "SELECT kind, key, data, at, schema FROM records WHERE episode = ? ORDER BY id"
        return [Record(*row) for row in self._rows(query, episode)]

    def episodes(self, start: str = "", limit: int | None = None) -> list[str]:
        """The episodes whose id begins with `start`, newest first; at most `limit`."""
        query = (
            "SELECT episode FROM records WHERE kind = 'opened' AND episode >= ? AND episode < ? "
            "GROUP BY episode ORDER BY min(id) DESC LIMIT ?"
        )
        end = start + chr(sys.maxunicode)
        found = self._rows(query, start, end, -1 if limit is None else limit)
        return [episode for (episode,) in found]

    def group(self, group: str) -> list[str]:
        """The episodes that were opened as members of a group, oldest first."""
        query = (
            "SELECT episode FROM records WHERE kind = 'opened' AND key != '' AND key = ? "
            "GROUP BY episode ORDER BY min(id)"
        )
        return [episode for (episode,) in self._rows(query, group)]

    def reusable(self, reuse: str) -> Record | None:
        """The last record of a result that was an answer to this."""
        query = "SELECT kind, key, data, at, schema FROM records WHERE reuse = ? ORDER BY id DESC LIMIT 1"
        found = self._rows(query, reuse)
        return Record(*found[0]) if found else None

    def reusables(self) -> list[str]:
        """What there are reusable results for."""
        query = "SELECT DISTINCT reuse FROM records WHERE reuse IS NOT NULL"
        return [reuse for (reuse,) in self._rows(query)]

    def forget_reusables(self, before: float) -> int:
        """Results on record before then (seconds since the epoch) are no longer found; returns how many."""
        old = "reuse IS NOT NULL AND at < ?"

        def forget(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            query = f"SELECT count(DISTINCT reuse) FROM records WHERE {old}"
            (count,) = connection.execute(query, (before,)).fetchone()
            connection.execute(f"UPDATE records SET reuse = NULL WHERE {old}", (before,))
            return int(count)

        return self._change(forget)

    def forget_runs(self, before: float) -> tuple[int, int]:
        """Delete all records of the runs whose last one is older; returns how many went, and how many still run.

        Each is held meanwhile, so that one that goes on, or is just being resumed, keeps everything.
        """
        query = "SELECT episode FROM records GROUP BY episode HAVING max(at) < ?"
        old = [episode for (episode,) in self._rows(query, before)]
        forgotten = sum(map(self._forget, old))
        if forgotten == len(old) > 0:
            self._shrink()
        return forgotten, len(old) - forgotten

    def digests(self) -> set[str]:
        """Every digest that a record mentions, and perhaps what only looks like one."""
        found: set[str] = set()
        with self._lock:
            for (data,) in self._open().execute("SELECT data FROM records"):
                for word in _DIGESTS.findall(data):
                    found.update(word[start : start + 64] for start in range(len(word) - 63))
        return found

    @contextmanager
    def hold(self, episode: str) -> Iterator[None]:
        """Keep the episode to this session while the block runs; the lock falls with the process.

        Raises InputError if it is running elsewhere. Where the system has no file locks, this holds within the process.
        """
        locks = locks_in(self.path.parent / "running.lock")
        with ExitStack() as stack:
            try:
                held = stack.enter_context(locks.hold(episode))
            except OSError as error:
                raise unusable(error, self.path) from None
            if not held:
                raise InputError(f"the run {episode} is still going on elsewhere")
            yield

    def close(self) -> None:
        """Write what waits and let go of the file; the next use opens it again."""
        writer_of(self.path, partial(connect, self.path)).close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            found: list[Any] = self._open().execute(query, values).fetchall()
            return found

    def _change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """In a transaction of its own, as soon as nobody else writes."""

        def work() -> T:
            with self._open() as connection:
                return change(connection)

        with self._lock:
            return patiently(work, self.path)

    def _forget(self, episode: str) -> bool:
        """Delete a run's records unless it is running."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM records WHERE episode = ?", (episode,))

        try:
            with self.hold(episode):
                self._change(delete)
        except InputError:
            return False
        return True

    def _shrink(self) -> None:
        """Give back the space of deleted records, and with it their words."""
        with (
            self._lock,
            suppress(sqlite3.OperationalError),
        ):  # somebody writes: the next time will do
            self._open().execute("VACUUM")
            self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            connection = patiently(partial(connect, self.path), self.path)
            self._connection, self._process = connection, os.getpid()
            weakref.finalize(self, connection.close)
        return self._connection


def journal_beside(store: ArtifactStore) -> Journal:
    """The journal in the folder of the artifact store."""
    return Journal(store.root / "journal.db")
