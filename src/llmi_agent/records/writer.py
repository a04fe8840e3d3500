"""One thread that writes all records of a process to a file: nobody's event loop waits for the disk.

What comes while it writes is written next, all in one transaction, in the order in which it came. Another process may
hold the database for long (a backup, a `VACUUM`): that is waited for, with patience.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from llmi_agent.base.errors import LlmiError, ResourceError
from llmi_agent.base.resources import exhausted
from llmi_agent.records.commit import Commit
from llmi_agent.records.rows import Write, insert

PATIENCE = 90.0
"""Seconds that a write waits for another process's."""
IDLE = 2.0
"""Seconds without work after which the thread ends and lets go of the file."""
PAUSE = 0.05
"""Seconds between two tries where SQLite itself does not wait."""

T = TypeVar("T")


class Writer:
    """The thread of one file; it runs while there is work."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._changed = threading.Condition()
        self._rows: list[Write] = []
        self._commit = Commit()
        """Of `_rows`."""
        self._thread: threading.Thread | None = None
        self._ending = False

    def put(self, rows: Sequence[Write]) -> Commit:
        """Have these written, all or none, after whatever was put before.

        What is put while the thread writes shares a transaction, and its `Commit`, which has a LlmiError if they cannot
        be written.
        """
        with self._changed:
            self._ending = False
            if self._thread is None:
                self._thread = self._started()
            if not self._rows:
                self._changed.notify()
            self._rows += rows
            return self._commit

    def close(self, patience: float | None = None) -> None:
        """Write what waits, and let go of the file; whatever is put later is written all the same."""
        with self._changed:
            self._ending, thread = True, self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="llmi-records", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise exhausted(error) or error from None
        return thread

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while batch := self._next():
                rows, commit = batch
                try:
                    connection = connection or patiently(self._connect, self._path)
                    patiently(partial(insert, connection, rows), self._path)
                except BaseException as error:  # noqa: BLE001 - handed over to those who wait
                    self._fail(commit, said(error, self._path))
                else:
                    commit.end()
        finally:
            if connection is not None:
                connection.close()

    def _next(self) -> tuple[list[Write], Commit] | None:
        """All that waits; None once nothing has come for a while, and then the thread is no longer there."""
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self._ending, IDLE)
            if not self._rows:
                self._thread = None
                return None
            return self._taken()

    def _taken(self) -> tuple[list[Write], Commit]:
        batch = self._rows, self._commit
        self._rows, self._commit = [], Commit()
        return batch

    def _fail(self, commit: Commit, error: LlmiError) -> None:
        """What came meanwhile fails with it: no record may be there without those before it."""
        with self._changed:
            _, later = self._taken()
        commit.end(error)
        later.end(error)


def patiently(work: Callable[[], T], path: Path) -> T:
    """Do it again while another process keeps the database, for `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            if time.monotonic() > end:
                raise ResourceError(
                    f"the records in {path} could not be written for {PATIENCE:.0f} s, since another program keeps "
                    "them to itself; end it (a backup, or `llmi cache clear --runs`), then go on with "
                    "`llmi run --resume`"
                ) from error
            time.sleep(PAUSE)


def is_busy(error: BaseException) -> bool:
    """Whether another process keeps the database, and it is worth to wait."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def writer_of(path: Path, connect: Callable[[], sqlite3.Connection]) -> Writer:
    """The one writer of this file in this process."""
    key = os.getpid(), path.absolute()
    with _guard:
        found = _all.get(key)
        if found is None:
            found = _all[key] = Writer(path, connect)
        return found


_all: dict[tuple[int, Path], Writer] = {}
_guard = threading.Lock()


def said(error: BaseException, path: Path) -> LlmiError:
    """Why records cannot be written, in words for people."""
    if isinstance(error, LlmiError):
        return error
    why = exhausted(error) or error
    return ResourceError(f"the records in {path} cannot be written: {why}")


def _after_fork() -> None:
    global _guard  # noqa: PLW0603 - another thread of the parent may have held it
    _guard = threading.Lock()
    _all.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _finish() -> None:
    for each in list(_all.values()):
        each.close(5.0)
