"""Reads and changes of a journal's file, in whatever thread, through one connection that is opened when it is first needed."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.records.bodies import LARGEST_DICTIONARY, Bodies
from llmi_agent.records.database import connect, only_read, usable
from llmi_agent.records.writer import patiently

T = TypeVar("T")

_CANNOT_WRITE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
)
_NO_TEXT = "Could not decode to UTF-8"
"""What Python's sqlite3 says, without a code, of a column that is no text."""


class Tables:
    """One file's."""

    def __init__(self, path: Path, connection: sqlite3.Connection | None = None) -> None:
        """connection: of what is in memory."""
        self._path = path
        self._lock = threading.Lock()
        self._connection = connection
        self._process = os.getpid()
        """A connection must not be used by a forked child."""
        self._in_memory = connection is not None
        self._copied: LlmiError | None = None
        """Why the file cannot be written, if a copy of it is read instead."""
        self._bodies = Bodies()

    def rows(self, query: str, *values: Any) -> list[Any]:
        """What a query finds. Raises InputError if a row holds what is no text."""
        with self._lock, usable(self._path):
            connection = self._open()
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if not str(error).startswith(_NO_TEXT):
                    raise
                raise InputError(f"a record is damaged ({error}); start the run anew") from None

    def text(self, kind: str, body: Any) -> str:
        """The JSON of a record of this kind. Raises InputError if it is damaged."""
        return self._bodies.text(kind, body, self._dictionary)

    def change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """In a transaction of its own, as soon as nobody else writes. Raises LlmiError if the file may only be read."""
        with self._lock, usable(self._path):
            connection = self._open()
            if self._copied:
                raise self._copied
            return patiently(partial(_in_transaction, connection, change), self._path)

    def attempt(self, change: Callable[[sqlite3.Connection], T]) -> T | None:
        """The same, for what only keeps what can be worked out again: in the copy, too. None if it cannot be written now."""
        with self._lock, usable(self._path):
            connection = self._open()
            try:
                return _in_transaction(connection, change)
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _CANNOT_WRITE:
                    raise
                return None

    def apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Work that makes transactions of its own, or none. Raises OperationalError if somebody else keeps the file."""
        with self._lock, usable(self._path):
            return work(self._open())

    def close(self) -> None:
        """The next use opens the file again."""
        with self._lock:
            if self._connection is not None and not self._in_memory:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or (self._process != os.getpid() and not self._in_memory):
            connection = patiently(self._connected, self._path)
            connection.execute("PRAGMA secure_delete = FAST")  # see `clearing.shrink`
            self._connection, self._process = connection, os.getpid()
            weakref.finalize(self, connection.close)
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        try:
            return connect(self._path)
        except LlmiError as error:
            if not only_read(self._path):
                raise
            self._copied = error
            folder = TemporaryDirectory(prefix="llmi-journal-")
            weakref.finalize(self, folder.cleanup)
            return connect(copied(self._path, Path(folder.name)))

    def _dictionary(self, number: int) -> bytes | None:
        query = "SELECT body FROM dictionaries WHERE id = ? AND length(body) <= ?"
        found = self.rows(query, number, LARGEST_DICTIONARY)
        return found[0][0] if found and isinstance(found[0][0], bytes) else None


def _in_transaction(connection: sqlite3.Connection, change: Callable[[sqlite3.Connection], T]) -> T:
    with connection:
        return change(connection)


def copied(path: Path, folder: Path) -> Path:
    """A copy of a file that somebody may be writing: SQLite makes it, unless the folder lets it do nothing at all."""
    copy = folder / path.name
    try:
        with (
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as source,
            sqlite3.connect(copy) as target,
        ):
            source.backup(target)
        source.close()
        target.close()
    except sqlite3.Error:
        copy.unlink(missing_ok=True)
        for each in (path, path.with_name(f"{path.name}-wal")):
            if each.exists():
                (folder / each.name).write_bytes(each.read_bytes())
    return copy
