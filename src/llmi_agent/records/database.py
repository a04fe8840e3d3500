"""The SQLite file of the records: its tables, and connections to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmi_agent.base.errors import ConfigError, LlmiError
from llmi_agent.base.resources import exhausted
from llmi_agent.records.writer import is_busy

BUSY_SECONDS = 1.0
"""How long SQLite itself waits for another process; `writer.patiently` has it wait again."""

_VERSION = 2
"""Of the tables; what has a lower one is brought up to date when it is opened."""
_TABLE = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    episode TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    data TEXT NOT NULL,
    at REAL NOT NULL,
    reuse TEXT,
    schema INTEGER NOT NULL DEFAULT 1
)
"""
_ADDED = {"reuse": "TEXT", "schema": "INTEGER NOT NULL DEFAULT 1"}
"""Columns that older files lack. To add one touches no row; an older LLMI that goes on with the file leaves them out."""
_INDEXES = (  # with all that is asked for, `kind` too, so that no row is looked at
    "CREATE INDEX IF NOT EXISTS records_of_episode ON records (episode, id)",
    "CREATE INDEX IF NOT EXISTS records_to_reuse ON records (reuse, id) WHERE reuse IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS records_opened ON records (kind, episode) WHERE kind = 'opened'",
    "CREATE INDEX IF NOT EXISTS records_of_group ON records (kind, key, episode) WHERE kind = 'opened' AND key != ''",
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made or brought up to date if need be.

    Raises ConfigError if there can be none, OperationalError if another process keeps it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds prompts and drafts
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer at once
            connection.execute("PRAGMA synchronous = NORMAL")
            if connection.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
                _bring_up_to_date(connection)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        if is_busy(error):
            raise
        raise unusable(error, path) from None
    return connection


def tables_in_memory() -> sqlite3.Connection:
    """A connection to tables that are gone with it."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    _bring_up_to_date(connection)
    return connection


def unusable(error: BaseException, path: Path) -> LlmiError:
    """Why there can be no records. SQLite does not say that there are no handles left, so it is tried."""
    if why := exhausted(error) or _no_handles(path):
        return why
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    ):
        return ConfigError(
            f"the records in {path} are damaged: {error}; move that file elsewhere, or set LLMI_HOME to another folder"
        )
    return ConfigError(
        f"no records can be kept in {path.parent}: {error}; set LLMI_HOME to a folder of yours"
    )


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """What SQLite raises while the block runs, as a LlmiError; but that another process keeps the file is raised as it is."""
    try:
        yield
    except sqlite3.Error as error:
        if is_busy(error):
            raise
        raise unusable(error, path) from None


def _no_handles(path: Path) -> LlmiError | None:
    """SQLite needs three: for the file, its log and its index."""
    try:
        with path.open("rb"), path.open("rb"), path.open("rb"):
            return None
    except OSError as error:
        return exhausted(error)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or add what an older LLMI's lack. Another process may be about to do the same."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TABLE)
        columns = [column[1] for column in connection.execute("PRAGMA table_info(records)")]
        for column, form in _ADDED.items():
            if column not in columns:
                connection.execute(f"ALTER TABLE records ADD COLUMN {column} {form}")
        for index in _INDEXES:
            connection.execute(index)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
