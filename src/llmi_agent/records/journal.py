"""The journal: what an episode has done so far, durable the moment it is written.

A run that was cut goes on from here: a draft that was complete is not asked for again, a call whose end is on
record is not started again, a vendor's job is picked up by its id. Records hold digests; the bytes are in the
artifact store beside it, always written first. The same records are the cache: `reuse` says what a result was an
answer to, whoever asked.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.records.outcome import Finished
from llmi_agent.store.artifacts import ArtifactStore

Kind = Literal[
    "opened",
    "order",
    "asked",
    "text",
    "drafted",
    "answer",
    "started",
    "job",
    "charge",
    "finished",
    "verdict",
    "composed",
]

BUSY_SECONDS = 5.0
"""How long a write waits for another process's."""

_VERSION = 1
"""Of the tables; what has a lower one is brought up to date when it is opened."""
_TABLE = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    episode TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    data TEXT NOT NULL,
    at REAL NOT NULL,
    reuse TEXT
)
"""
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS records_of_episode ON records (episode, id)",
    "CREATE INDEX IF NOT EXISTS records_to_reuse ON records (reuse, id) WHERE reuse IS NOT NULL",
)
_DIGESTS = re.compile("[0-9a-f]{64,}")


@dataclass(frozen=True)
class Record:
    """One line of the journal."""

    kind: Kind
    key: str
    data: Any
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class Entry:
    """A record to be written."""

    kind: Kind
    key: str = ""
    data: Any = None
    reuse: str | None = None
    """What `Journal.reusable` finds it by."""


class Journal:
    """The records of all episodes, in one SQLite file that several processes may share."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        """A connection must not be used by a forked child."""

    def write(self, episode: str, *entries: Entry) -> None:
        """Append records, all or none; they survive the process from here on."""
        insert = (
            "INSERT INTO records (episode, kind, key, data, at, reuse) VALUES (?, ?, ?, ?, ?, ?)"
        )
        now = time.time()
        rows = [(episode, e.kind, e.key, json.dumps(e.data), now, e.reuse) for e in entries]
        with self._lock, self._open() as connection:
            connection.executemany(insert, rows)

    def read(self, episode: str) -> list[Record]:
        """An episode's records, oldest first."""
        query = "SELECT kind, key, data, at FROM records WHERE episode = ? ORDER BY id"
        with self._lock:
            rows = self._open().execute(query, (episode,)).fetchall()
        return [Record(kind, key, json.loads(data), at) for kind, key, data, at in rows]

    def episodes(self, start: str = "") -> list[str]:
        """The episodes whose id begins with `start`, newest first."""
        query = (
            "SELECT episode FROM records WHERE kind = 'opened' AND substr(episode, 1, ?) = ? "
            "GROUP BY episode ORDER BY min(id) DESC"
        )
        with self._lock:
            rows = self._open().execute(query, (len(start), start)).fetchall()
        return [episode for (episode,) in rows]

    def reusable(self, reuse: str) -> Finished | None:
        """The last result on record that was an answer to this."""
        query = "SELECT data FROM records WHERE reuse = ? ORDER BY id DESC LIMIT 1"
        with self._lock:
            row = self._open().execute(query, (reuse,)).fetchone()
        return Finished.model_validate_json(row[0]) if row else None

    def reusables(self) -> list[str]:
        """What there are reusable results for."""
        query = "SELECT DISTINCT reuse FROM records WHERE reuse IS NOT NULL"
        with self._lock:
            return [reuse for (reuse,) in self._open().execute(query)]

    def forget_reusables(self, before: float) -> int:
        """Results on record before then (seconds since the epoch) are no longer found; returns how many."""
        old = "reuse IS NOT NULL AND at < ?"
        with self._lock, self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            query = f"SELECT count(DISTINCT reuse) FROM records WHERE {old}"
            (count,) = connection.execute(query, (before,)).fetchone()
            connection.execute(f"UPDATE records SET reuse = NULL WHERE {old}", (before,))
        return int(count)

    def forget_runs(self, before: float) -> tuple[int, int]:
        """Delete all records of the runs whose last one is older; returns how many went, and how many still run.

        Each is held meanwhile, so that one that goes on, or is just being resumed, keeps everything.
        """
        query = "SELECT episode FROM records GROUP BY episode HAVING max(at) < ?"
        with self._lock:
            old = [episode for (episode,) in self._open().execute(query, (before,))]
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

        Raises InputError if it is running elsewhere. Where the system has no `flock`, nothing is held.
        """
        path = self.path.parent / "running" / episode
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            if not _locked(file):
                raise InputError(f"the run {episode} is still going on elsewhere")
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _forget(self, episode: str) -> bool:
        """Delete a run's records unless it is running."""
        try:
            with self.hold(episode), self._lock, self._open() as connection:
                connection.execute("DELETE FROM records WHERE episode = ?", (episode,))
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
            try:
                connection = self._connect()
            except (OSError, sqlite3.Error) as error:
                raise ConfigError(
                    f"no records can be kept in {self.path.parent}: {error}; set LLMI_HOME to a folder of yours"
                ) from None
            self._connection, self._process = connection, os.getpid()
            weakref.finalize(self, connection.close)
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)  # it holds prompts and drafts
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
            _bring_up_to_date(connection)
        return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Readers and a writer at once. Where others open a new file at the same time, SQLite itself does not wait."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or add what an older LLMI's lack. Another process may be about to do the same."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TABLE)
        columns = [column[1] for column in connection.execute("PRAGMA table_info(records)")]
        if "reuse" not in columns:
            connection.execute("ALTER TABLE records ADD COLUMN reuse TEXT")
        for index in _INDEXES:
            connection.execute(index)
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _locked(file: IO[str]) -> bool:
    """Whether the file is ours now, and still the one that others would open."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0


def journal_beside(store: ArtifactStore) -> Journal:
    """The journal in the folder of the artifact store."""
    return Journal(store.root / "journal.db")
