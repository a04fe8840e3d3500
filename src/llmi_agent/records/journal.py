"""The journal: what an episode has done so far, durable once it is written.

A run that was cut goes on from here: a draft that was complete is not asked for again, a call whose end is on
record is not started again, a vendor's job is picked up by its id. Records hold digests; the bytes are in the
artifact store beside it, always written first. The same records are the cache: `reuse` says what a result was an
answer to, whoever asked.
"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from llmi_agent.base.errors import InputError
from llmi_agent.records.commit import WRITTEN, Commit
from llmi_agent.records.database import connect, tables_in_memory, unusable, usable
from llmi_agent.records.locks import Locks, locks_in
from llmi_agent.records.record import SCHEMA, Entry, Record
from llmi_agent.records.writer import Row, insert, patiently, said, writer_of
from llmi_agent.store.artifacts import ArtifactStore, MemoryStore

T = TypeVar("T")

_AT_ONCE = 500
"""How many records, or runs, are read or deleted in one go."""
_DIGESTS = re.compile("[0-9a-f]{64,}")


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

    @staticmethod
    def in_memory() -> Journal:
        """A journal that is gone when nobody has it any more, for those who keep nothing."""
        return MemoryJournal()

    def append(self, episode: str, *entries: Entry) -> Commit:
        """Have records written, all or none, after all that were appended before; it does not wait for that.

        What it returns is done, and can be awaited, when they survive the process, and has a LlmiError if they cannot be
        written.
        """
        return writer_of(self.path, partial(connect, self.path)).put(rows_of(episode, entries))

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

    def forget(self, episodes: Iterable[str], before: float = math.inf) -> int:
        """Delete all records of these runs, but for those that are going on or have one since then.

        before: seconds since the epoch. Returns how many runs went. Each is held meanwhile, so that one that is just
        being resumed keeps everything.
        """
        waiting, forgotten = list(episodes), 0
        while waiting:
            with ExitStack() as stack:
                some = [each for each in waiting[:_AT_ONCE] if self._held(stack, each)]
                forgotten += self._change(partial(_forget, some, before))
            del waiting[:_AT_ONCE]
        return forgotten

    def forget_runs(self, before: float) -> tuple[int, int]:
        """Forget the runs whose last record is older; returns how many went, and how many still run."""
        query = "SELECT episode FROM records GROUP BY episode HAVING max(at) < ?"
        old = [episode for (episode,) in self._rows(query, before)]
        forgotten = self.forget(old, before)
        if forgotten == len(old) > 0:
            self._shrink()
        return forgotten, len(old) - forgotten

    def digests(self) -> set[str]:
        """Every digest that a record mentions, and perhaps what only looks like one."""
        found: set[str] = set()
        query = "SELECT id, data FROM records WHERE id > ? ORDER BY id LIMIT ?"
        last = 0
        while some := self._rows(query, last, _AT_ONCE):  # others get their turn in between
            last = some[-1][0]
            for word in _DIGESTS.findall("\n".join(data for _, data in some)):
                found.update(word[start : start + 64] for start in range(len(word) - 63))
        return found

    @contextmanager
    def hold(self, episode: str) -> Iterator[None]:
        """Keep the episode to this session while the block runs; the lock falls with the process.

        Raises InputError if it is running elsewhere. Where the system has no file locks, this holds within the process.
        """
        with ExitStack() as stack:
            if not self._held(stack, episode):
                raise InputError(f"the run {episode} is still going on elsewhere")
            yield

    def close(self) -> None:
        """Write what waits and let go of the file; the next use opens it again."""
        writer_of(self.path, partial(connect, self.path)).close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _locks(self) -> Locks:
        return locks_in(self.path.parent / "running.lock")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock, usable(self.path):
            found: list[Any] = self._open().execute(query, values).fetchall()
            return found

    def _change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """In a transaction of its own, as soon as nobody else writes."""

        def work() -> T:
            with self._open() as connection:
                return change(connection)

        with self._lock, usable(self.path):
            return patiently(work, self.path)

    def _held(self, stack: ExitStack, episode: str) -> bool:
        """Whether nobody else has the episode until the stack is closed."""
        try:
            return stack.enter_context(self._locks().hold(episode))
        except OSError as error:
            raise unusable(error, self.path) from None

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


class MemoryJournal(Journal):
    """What is appended is there at once. It grows until `forget`, or until nobody has it any more."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self._own_locks = Locks(None)
        self._tables = tables_in_memory()

    def append(self, episode: str, *entries: Entry) -> Commit:
        try:
            with self._lock:
                insert(self._tables, rows_of(episode, entries))
        except (sqlite3.Error, MemoryError) as error:
            commit = Commit()
            commit.end(said(error, self.path))
            return commit
        return WRITTEN

    def close(self) -> None:
        """Nothing: there is nothing else that would keep the records."""

    def _locks(self) -> Locks:
        return self._own_locks

    def _open(self) -> sqlite3.Connection:
        return self._tables


def _forget(episodes: Sequence[str], before: float, connection: sqlite3.Connection) -> int:
    connection.execute("BEGIN IMMEDIATE")
    marks = ", ".join("?" * len(episodes))
    query = f"SELECT episode FROM records WHERE episode IN ({marks}) GROUP BY episode HAVING max(at) < ?"
    old = connection.execute(query, (*episodes, before)).fetchall()
    connection.executemany("DELETE FROM records WHERE episode = ?", old)
    return len(old)


def rows_of(episode: str, entries: Iterable[Entry]) -> list[Row]:
    """Entries as the database has them."""
    return [(episode, e.kind, e.key, e.data, e.at, e.reuse, SCHEMA) for e in entries]


def journal_beside(store: ArtifactStore) -> Journal:
    """The journal in the folder of the artifact store; of a store in memory, the one in memory that belongs to it."""
    if not isinstance(store, MemoryStore):
        return Journal(store.root / "journal.db")
    with _guard:
        return _in_memory.setdefault(store, Journal.in_memory())


_in_memory: weakref.WeakKeyDictionary[ArtifactStore, Journal] = weakref.WeakKeyDictionary()
_guard = threading.Lock()
