"""The SQLite file of the records: connections to it, and what they raise."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmi_agent.base.errors import ConfigError, LlmiError
from llmi_agent.base.resources import exhausted
from llmi_agent.records.tables import VERSION, bring_up_to_date, keep_dictionary, refuse_others
from llmi_agent.records.writer import is_busy

BUSY_SECONDS = 1.0
"""How long SQLite itself waits for another process; `writer.patiently` has it wait again."""
FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What Python's sqlite3 raises of a file; the latter where the words of SQLite quote what is damaged."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made or brought up to date if need be.

    Raises ConfigError if there can be none, OperationalError if another process keeps it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds prompts and drafts
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
    except (OSError, *FAULTS) as error:
        if is_busy(error):
            raise
        raise unusable(error, path) from None
    return connection


def only_read(path: Path) -> bool:
    """Whether there is such a file, and it or its folder cannot be written."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def tables_in_memory() -> sqlite3.Connection:
    """A connection to tables that are gone with it."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    bring_up_to_date(connection)
    return connection


def unusable(error: BaseException, path: Path) -> LlmiError:
    """Why there can be no records. SQLite does not say that there are no handles left, so it is tried."""
    if why := exhausted(error) or _no_handles(path):
        return why
    damaged = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in damaged or isinstance(error, UnicodeDecodeError):
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
    except FAULTS as error:
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


def _prepare(connection: sqlite3.Connection) -> None:
    former = connection.execute("PRAGMA user_version").fetchone()[0] < VERSION
    if former:
        refuse_others(connection)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file: see `clearing`
    connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer at once
    connection.execute("PRAGMA synchronous = NORMAL")
    if former:
        bring_up_to_date(connection)
    keep_dictionary(connection)
