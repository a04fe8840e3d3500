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
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from llmi_agent.base.errors import LlmiError, ResourceError
from llmi_agent.base.resources import exhausted

PATIENCE = 90.0
"""Seconds that a write waits for another process's."""
IDLE = 2.0
"""Seconds without work after which the thread ends and lets go of the file."""
PAUSE = 0.05
"""Seconds between two tries where SQLite itself does not wait."""

T = TypeVar("T")
Row = tuple[Any, ...]
_INSERT = (
    "INSERT INTO records (episode, kind, key, data, at, reuse, schema) VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Writer:
    """The thread of one file; it runs while there is work."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Sequence[Row], Future[None]]] = deque()
        self._thread: threading.Thread | None = None
        self._ending = False

    def put(self, rows: Sequence[Row]) -> Future[None]:
        """Have these written, all or none, after whatever was put before; the future is done when they are on disk.

        It has a LlmiError if they cannot be. It cannot be cancelled.
        """
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()
        with self._changed:
            self._waiting.append((rows, done))
            self._ending = False
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="llmi-records", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    self._waiting.pop()
                    raise exhausted(error) or error from None
                self._thread = thread
            self._changed.notify_all()
        return done

    def close(self, patience: float | None = None) -> None:
        """Write what waits, and let go of the file; whatever is put later is written all the same."""
        with self._changed:
            self._ending, thread = True, self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while batch := self._next():
                try:
                    connection = connection or patiently(self._connect, self._path)
                    patiently(lambda: _insert(connection, batch), self._path)  # noqa: B023 - called at once
                except BaseException as error:  # noqa: BLE001 - handed over to those who wait
                    self._fail(batch, _said(error, self._path))
                else:
                    for _, done in batch:
                        done.set_result(None)
        finally:
            if connection is not None:
                connection.close()

    def _next(self) -> list[tuple[Sequence[Row], Future[None]]]:
        """All that waits; empty once nothing has come for a while, and then the thread is no longer there."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, IDLE)
            batch = list(self._waiting)
            self._waiting.clear()
            if not batch:
                self._thread = None
            return batch

    def _fail(self, batch: list[tuple[Sequence[Row], Future[None]]], error: LlmiError) -> None:
        """What came meanwhile fails with it: no record may be there without those before it."""
        with self._changed:
            batch += self._waiting
            self._waiting.clear()
            for _, done in batch:
                done.set_exception(error)


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
    with _guard:
        return _all.setdefault((os.getpid(), path.absolute()), Writer(path, connect))


_all: dict[tuple[int, Path], Writer] = {}
_guard = threading.Lock()


def _insert(connection: sqlite3.Connection | None, batch: Any) -> None:
    assert connection is not None
    with connection:
        for rows, _ in batch:
            connection.executemany(_INSERT, rows)


def _said(error: BaseException, path: Path) -> LlmiError:
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
