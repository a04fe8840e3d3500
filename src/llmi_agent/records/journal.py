"""The journal: what an episode has done so far, durable once it is written.

A run that was cut goes on from here: a draft that was complete is not asked for again, a call whose end is on
record is not started again, a vendor's job is picked up by its id. Records hold digests; the bytes are in the
artifact store beside it, always written first. The same records are the cache: `reuse` says what a result was an
answer to, whoever asked.
"""

from __future__ import annotations

import math
import sqlite3
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.records import clearing
from llmi_agent.records.access import Tables
from llmi_agent.records.clearing import Forgotten
from llmi_agent.records.commit import WRITTEN, Commit
from llmi_agent.records.database import connect, tables_in_memory, unusable
from llmi_agent.records.listing import Listing
from llmi_agent.records.locks import Locks, locks_in
from llmi_agent.records.overview import EVERY, Chosen, Overview
from llmi_agent.records.record import REWARDED, Entry, Record
from llmi_agent.records.rows import Closing, Row, Write, insert
from llmi_agent.records.writer import said, writer_of
from llmi_agent.store.artifacts import ArtifactStore, MemoryStore

_COLUMNS = "kind, key, data, at, schema"


class Journal:
    """The records of all episodes, in one SQLite file that several processes may share.

    Writes go through the one thread of the file (`writer.Writer`). Reads wait for no writer, but they touch the disk: on
    an event loop, have a thread read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._tables = Tables(self.path)

    @staticmethod
    def in_memory() -> Journal:
        """A journal that is gone when nobody has it any more, for those who keep nothing."""
        return MemoryJournal()

    def append(self, episode: str, *entries: Entry, closing: Closing | None = None) -> Commit:
        """Have records written, all or none, after all that were appended before; it does not wait for that.

        closing: what is to be the episode's overview with them. What it returns is done, and can be awaited, when they survive the process, and has a LlmiError if they cannot be
        written.
        """
        if not (writes := _writes(episode, entries, closing)):
            return WRITTEN
        return writer_of(self.path, partial(connect, self.path)).put(writes)

    def write(self, episode: str, *entries: Entry) -> None:
        """Append records, and wait until they are on disk. Not for an event loop."""
        self.append(episode, *entries).result()

    def adopt(self, episode: str, entries: Sequence[Entry], *, keep: int, of: int) -> None:
        """Have the records that another journal kept of an episode, all or none, after the first ones of those here.

        keep, of: how many of how many stay. The episode is to be held meanwhile. Not for an event loop. Raises InputError
        if there are not so many any more.
        """

        def put(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            query = "SELECT id FROM records WHERE episode = ? ORDER BY id"
            ids = connection.execute(query, (episode,)).fetchall()
            if len(ids) != of:
                raise InputError(f"the run {episode} has just gone on elsewhere")
            for table, column in (("rewards", "record"), ("records", "id")):
                connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids[keep:])
            insert(connection, [Row(episode, each) for each in entries])

        self._tables.change(put)

    def read(self, episode: str, *, tokens: bool = True) -> list[Record]:
        """An episode's records, oldest first; with the token arrays, or without. Raises InputError if one is damaged.

        A reward that is damaged has empty data.
        """
        query = f"SELECT {_COLUMNS}, {'tokens' if tokens else 'NULL'} FROM records WHERE episode = ? ORDER BY id"
        return [self._record(row) for row in self._tables.rows(query, episode)]

    def overviews(
        self, chosen: Chosen = EVERY, *, limit: int | None = None, oldest: bool = False
    ) -> Iterator[Overview]:
        """The chosen episodes, at most `limit`: those first that came into the file last, or the oldest ones.

        However many there are, few are in memory at once. What was cut, or was written by an older LLMI, is read through
        first, if need be.
        """
        tables = self._tables
        listing = Listing(tables.rows, tables.attempt, tables.text)
        return listing.overviews(chosen, limit, oldest)

    def episodes(self, start: str = "", limit: int | None = None) -> list[str]:
        """The episodes whose id begins with `start`, newest first; at most `limit`."""
        query = (
            "SELECT episode FROM records WHERE kind = 'opened' AND episode >= ? AND episode < ? "
            "GROUP BY episode ORDER BY min(id) DESC LIMIT ?"
        )
        end = start + chr(sys.maxunicode)
        found = self._tables.rows(query, start, end, -1 if limit is None else limit)
        return [episode for (episode,) in found]

    def group(self, group: str) -> list[str]:
        """The episodes that were opened as members of a group, oldest first."""
        query = (
            "SELECT episode FROM records WHERE kind = 'opened' AND key != '' AND key = ? "
            "GROUP BY episode ORDER BY min(id)"
        )
        return [episode for (episode,) in self._tables.rows(query, group)]

    def reusable(self, reuse: str) -> Record | None:
        """The last record of a result that was an answer to this. Raises InputError if it is damaged."""
        query = f"SELECT {_COLUMNS}, NULL FROM records WHERE reuse = ? ORDER BY id DESC LIMIT 1"
        found = self._tables.rows(query, reuse)
        return self._record(found[0]) if found else None

    def reusables(self) -> list[str]:
        """What there are reusable results for."""
        query = "SELECT DISTINCT reuse FROM records WHERE reuse IS NOT NULL"
        return [reuse for (reuse,) in self._tables.rows(query)]

    def forget_reusables(self, before: float) -> int:
        """Results on record before then (seconds since the epoch) are no longer found; returns how many."""
        old = "reuse IS NOT NULL AND at < ?"

        def forget(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            query = f"SELECT count(DISTINCT reuse) FROM records WHERE {old}"
            (count,) = connection.execute(query, (before,)).fetchone()
            connection.execute(f"UPDATE records SET reuse = NULL WHERE {old}", (before,))
            return int(count)

        return self._tables.change(forget)

    def forget(
        self, episodes: Iterable[str], before: float = math.inf, *, everything: bool = True
    ) -> int:
        """Delete all of these runs, but for those that are going on or have a record since then.

        before: seconds since the epoch. everything: as in `forget_runs`. Returns how many runs went. Each is held
        meanwhile, so that one that is just being resumed keeps everything.
        """
        return clearing.forget(self._tables, self._held, episodes, before, everything)

    def forget_runs(self, before: float, *, everything: bool = False) -> Forgotten:
        """Forget the runs whose last record is older, rewards aside.

        everything: also those that have rewards, or are part of a split, which are spared otherwise.
        """
        old, spared = self.old_runs(before, everything=everything)
        runs = self.forget(old, before, everything=everything)
        if runs:
            self.shrink(alone=runs == len(old))
        return Forgotten(runs, len(old) - runs, spared)

    def old_runs(self, before: float, *, everything: bool = False) -> tuple[list[str], int]:
        """The runs that `forget_runs` would forget, the oldest first, and how many it would spare."""
        self._freshen()  # what split a run is part of, and what it mentions, is in its records
        return clearing.old(self._tables, before, everything)

    def shrink(self, *, alone: bool) -> None:
        """Give back the space of what was forgotten. alone: nobody was seen to go on with a run."""
        self._tables.apart(partial(clearing.shrink, alone=alone))

    def size(self) -> int:
        """Bytes on disk, but for the index that is there while the file is open."""
        files = (self.path.with_name(self.path.name + each) for each in ("", "-wal"))
        return sum(each.stat().st_size for each in files if each.exists())

    def used(self) -> int:
        """Bytes of the file that hold something: what it has on disk, once it was shrunk."""
        return self._tables.apart(clearing.used)

    def least(self) -> int:
        """About what would be used without any run."""
        return self._tables.apart(clearing.least)

    def digests(self) -> set[str]:
        """Every digest that a record mentions, and perhaps what only looks like one."""
        self._freshen()  # what an older LLMI wrote is mentioned nowhere yet
        return self.mentioned()

    def mentioned(self) -> set[str]:
        """The same, without a look at what an older LLMI is writing."""
        return {digest for (digest,) in self._tables.rows("SELECT digest FROM mentions")}

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
        self._tables.close()

    def _locks(self) -> Locks:
        return locks_in(self.path.parent / "running.lock")

    def _held(self, stack: ExitStack, episode: str) -> bool:
        """Whether nobody else has the episode until the stack is closed."""
        try:
            return stack.enter_context(self._locks().hold(episode))
        except OSError as error:
            raise unusable(error, self.path) from None

    def _freshen(self) -> None:
        Listing(self._tables.rows, self._tables.change, self._tables.text).freshen()

    def _record(self, row: tuple[Any, ...]) -> Record:
        kind, key, data, at, schema, tokens = row
        try:
            text = self._tables.text(kind, data)
        except InputError:
            if kind != REWARDED:
                raise
            text = ""  # who makes events of records says that it is none
        return Record(kind, key, text, at, schema, tokens)


class MemoryJournal(Journal):
    """What is appended is there at once. It grows until `forget`, or until nobody has it any more."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self._own_locks = Locks(None)
        self._tables = Tables(self.path, tables_in_memory())

    def append(self, episode: str, *entries: Entry, closing: Closing | None = None) -> Commit:
        try:
            writes = _writes(episode, entries, closing)
            self._tables.apart(partial(insert, writes=writes, pack=str))
        except (LlmiError, sqlite3.Error, MemoryError) as error:
            commit = Commit()
            commit.end(said(error, self.path))
            return commit
        return WRITTEN

    def close(self) -> None:
        """Nothing: there is nothing else that would keep the records."""

    def _locks(self) -> Locks:
        return self._own_locks


def _writes(episode: str, entries: Iterable[Entry], closing: Closing | None) -> list[Write]:
    rows = [Row(episode, entry) for entry in entries]
    return [*rows, closing] if closing else [*rows]


def journal_beside(store: ArtifactStore) -> Journal:
    """The journal in the folder of the artifact store; of a store in memory, the one in memory that belongs to it."""
    if not isinstance(store, MemoryStore):
        return Journal(store.root / "journal.db")
    with _guard:
        return _in_memory.setdefault(store, Journal.in_memory())


def store_beside(journal: Journal) -> ArtifactStore | None:
    """The artifact store in whose folder the journal is, or to which it belongs in memory; None if there is none."""
    if not isinstance(journal, MemoryJournal):
        return ArtifactStore(journal.path.parent)
    with _guard:
        return next((store for store, own in _in_memory.items() if own is journal), None)


_in_memory: weakref.WeakKeyDictionary[ArtifactStore, Journal] = weakref.WeakKeyDictionary()
_guard = threading.Lock()
