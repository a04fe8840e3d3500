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
from llmi_agent.contract.tool import Failed, Provenance, ToolCall
from llmi_agent.records.outcome import Dropped, Finished, Kept, Outcome, read_verdict
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

PIECE = 256
"""Characters of a streamed draft that make a record..."""
PIECE_SECONDS = 0.5
"""...or seconds since the last one, whichever comes first."""

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


class EpisodeJournal:
    """One episode's side of the journal: what is known of it, and what to add."""

    def __init__(self, journal: Journal, store: ArtifactStore, episode: str) -> None:
        self._journal = journal
        self._store = store
        self._episode = episode
        self.opened: dict[str, Any] | None = None
        """What the run was started with."""
        self.asked: list[dict[str, Any]] = []
        """The messages that the draft answers."""
        self.draft: str | None = None
        """The draft, if it is complete."""
        self.jobs: dict[str, str] = {}
        """Vendor jobs by the key of their call."""
        self.writer = ""
        """The model that wrote the draft."""
        self.cut = ""
        """Why the draft ends early, if it does."""
        self.charges: dict[str, Any] = {}
        """What each call cost, or may cost, by its key, as the ledger has it."""
        self._piece, self._flushed = "", 0.0
        self._waiting: list[Entry] = []
        self._verdicts: dict[int, tuple[str, Kept | Dropped]] = {}
        self._answers: dict[str, str] = {}
        self._outcomes: dict[str, Outcome] = {}
        for record in journal.read(episode):
            self._take(record)

    def open(self, request: dict[str, Any]) -> None:
        """The run begins with this request."""
        self.opened = request
        self._write("opened", data=request)

    def ask(self, messages: list[dict[str, Any]]) -> None:
        """The policy is asked for a draft."""
        self.asked = messages
        self._piece, self._flushed = "", time.monotonic()
        self._write("asked", data=messages)

    def text(self, piece: str) -> None:
        """A piece of the draft as it is being written; kept back until it is worth a record."""
        self._piece += piece
        if len(self._piece) >= PIECE or time.monotonic() - self._flushed >= PIECE_SECONDS:
            self._write("text", data=self._piece)
            self._piece, self._flushed = "", time.monotonic()

    def drafted(self, draft: str, writer: str, cut: str = "") -> None:
        """The draft is complete; `writer` is the model that wrote it, `cut` is why it ends early, if it does."""
        self.draft, self.writer, self.cut, self._piece = draft, writer, cut, ""
        self._write("drafted", writer, [draft, cut])

    def answer(self, slot: int, attempt: int) -> str | None:
        """What the policy answered when it was asked to repair this attempt."""
        return self._answers.get(f"{slot}:{attempt}")

    def answered(self, slot: int, attempt: int, text: str) -> None:
        """The policy's answer to a repair request."""
        self._answers[f"{slot}:{attempt}"] = text
        self._write("answer", f"{slot}:{attempt}", text)

    def started(self, call: ToolCall) -> None:
        """A call begins."""
        data = {"slot": call.slot, "attempt": call.attempt, "kind": call.kind, "tool": call.tool}
        self._write_later("started", call.key, data)

    def job(self, call: ToolCall, job: str) -> None:
        """The vendor's id of a call that is under way."""
        self.jobs[call.key] = job
        self._write("job", call.key, job)

    def charged(self, key: str, data: dict[str, Any] | None, *, ended: bool) -> None:
        """What a call costs; None if it was no charge after all.

        When it has `ended`, this is written with the record of how it did: without that, it is done anew.
        """
        self.charges[key] = data
        write = self._write_later if ended else self._write
        write("charge", key, data)

    def outcome(self, call: ToolCall) -> Outcome | None:
        """What the call came to, if that is on record and its pictures are still in the store."""
        outcome = self._outcomes.get(call.key)
        if isinstance(outcome, Finished) and not pictures_there(outcome, self._store):
            return None
        return outcome

    def finished(self, call: ToolCall, outcome: Outcome, reuse: str | None = None) -> None:
        """A call ended; its pictures are in the store already.

        reuse: what later runs find the result by. A failure, and a picture that shows nothing, is not found again.
        """
        self._outcomes[call.key] = outcome
        useful = isinstance(outcome, Finished) and not all(
            each.blank for each in outcome.candidates
        )
        self._write("finished", call.key, _dump(outcome), reuse if useful else None)

    def verdict(self, slot: int, origin: str) -> Kept | Dropped | None:
        """What became of a slot, if it is still the same slot and its picture is still in the store.

        `origin` is the digest of the slot as the draft has it.
        """
        known, verdict = self._verdicts.get(slot, ("", None))
        if known != origin:
            return None
        if isinstance(verdict, Kept) and not self._store.renew(verdict.artifact.digest):
            return None
        return verdict

    def provenance(self, digest: str) -> Provenance | None:
        """Where a picture that was kept comes from."""
        kept = (each for _, each in self._verdicts.values() if isinstance(each, Kept))
        return next((each.provenance for each in kept if each.artifact.digest == digest), None)

    def settled(self, slot: int, origin: str, verdict: Kept | Dropped) -> None:
        """What became of a slot. That the run was stopped, or had no money left, is no verdict: it may go on."""
        open_ = isinstance(verdict, Dropped) and verdict.reason in ("cancelled", "budget")
        if not open_ and self._verdicts.get(slot) != (origin, verdict):
            self._verdicts[slot] = (origin, verdict)
            self._write("verdict", str(slot), [origin, verdict.model_dump(mode="json")])

    def compose(self, title: str) -> None:
        """The document is there."""
        self._write("composed", data=title)

    def _write(self, kind: Kind, key: str = "", data: Any = None, reuse: str | None = None) -> None:
        self._waiting.append(Entry(kind, key, data, reuse))
        self.flush()

    def flush(self) -> None:
        """Write what waits for the next record."""
        if self._waiting:
            entries = list(self._waiting)
            self._waiting.clear()
            self._journal.write(self._episode, *entries)

    def _write_later(self, kind: Kind, key: str, data: Any) -> None:
        """With the next record: that this one is lost in a crash changes nothing, and each write takes time."""
        self._waiting.append(Entry(kind, key, data))

    def _take(self, record: Record) -> None:
        match record.kind:
            case "opened":
                self.opened = record.data
            case "asked":
                self.asked = record.data
            case "drafted":
                (self.draft, self.cut), self.writer = record.data, record.key
            case "answer":
                self._answers[record.key] = record.data
            case "job":
                self.jobs[record.key] = record.data
            case "charge":
                self.charges[record.key] = record.data
            case "finished":
                self._outcomes[record.key] = _load(record.data)
            case "verdict":
                origin, verdict = record.data
                self._verdicts[int(record.key)] = (origin, read_verdict(verdict))


def pictures_there(outcome: Finished, store: ArtifactStore) -> bool:
    """Whether all its pictures are still in the store; they stay there while the run goes on to use them."""
    return all(store.renew(candidate.artifact.digest) for candidate in outcome.candidates)


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


def _dump(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"failed": vars(outcome)}
    return outcome.model_dump(mode="json")


def _load(data: dict[str, Any]) -> Outcome:
    if "failed" in data:
        return Failed(**data["failed"])
    return Finished.model_validate(data)
