"""Locks on episodes: they exclude within a process and between processes, and fall with the process that holds them.

All are byte ranges of one file, so a process needs one handle for it, however many episodes it runs. The byte of an
episode is a digest of its id; where two share one (of 2^62), they exclude each other between processes only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TAKEN = (errno.EACCES, errno.EAGAIN)
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a file system or a kernel answers that has no such locks: then they exclude within the process only."""


class Locks:
    """The locks in one file, as this process holds them. There is one object for each file: see `locks_in`.

    Without a file they exclude within the process only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._bytes: Counter[int] = Counter()
        self._handle: int | None = None

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Whether `name` is ours while the block runs. Raises OSError if the file cannot be opened."""
        if not self._take(name):
            yield False
            return
        try:
            yield True
        finally:
            self._release(name)

    def forget(self) -> None:
        """In a forked child: the locks are the parent's, and must not outlive it here."""
        if self._handle is not None:
            os.close(self._handle)

    def _take(self, name: str) -> bool:
        byte = _byte(name)
        with self._lock:
            if name in self._held:
                return False
            if (
                self._path
                and byte not in self._bytes
                and not _locked(self._opened(self._path), byte)
            ):
                if not self._bytes:
                    self._unlock(byte)
                return False
            self._held.add(name)
            self._bytes[byte] += 1
            return True

    def _release(self, name: str) -> None:
        byte = _byte(name)
        with self._lock:
            if name not in self._held:  # taken before a fork, released in the child
                return
            self._held.discard(name)
            self._bytes[byte] -= 1
            if not self._bytes[byte]:
                del self._bytes[byte]
                self._unlock(byte)

    def _unlock(self, byte: int) -> None:
        """The handle stays until the last lock goes: on some systems to close it ends every lock in the file."""
        if self._handle is None:
            return
        if self._bytes:
            _unlock(self._handle, byte)
        else:
            os.close(self._handle)
            self._handle = None

    def _opened(self, path: Path) -> int:
        """The file's handle. If somebody has deleted the file, what is held is locked in the new one as well."""
        if self._handle is not None and not _same(self._handle, path):
            os.close(self._handle)
            self._handle = None
        if self._handle is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            for byte in list(self._bytes):
                _locked(self._handle, byte)
        return self._handle


def locks_in(path: Path) -> Locks:
    """The one object for this file in this process."""
    with _guard:
        return _all.setdefault(path.absolute(), Locks(path.absolute()))


_all: dict[Path, Locks] = {}
_guard = threading.Lock()


def _after_fork() -> None:
    global _guard  # noqa: PLW0603 - another thread of the parent may have held it
    _guard = threading.Lock()
    for each in _all.values():
        each.forget()
    _all.clear()


def _byte(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 2


def _same(handle: int, path: Path) -> bool:
    try:
        there, ours = path.stat(), os.fstat(handle)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


if sys.platform == "win32":

    def _locked(handle: int, byte: int) -> bool:
        return True

    def _unlock(handle: int, byte: int) -> None:
        return

else:
    import fcntl

    os.register_at_fork(after_in_child=_after_fork)
    # Locks of the open file rather than of the process are not lost when another handle of the file is closed.
    _OF_THE_FILE = sys.platform == "linux" and sys.maxsize > 2**32

    def _set(handle: int, kind: int, byte: int) -> None:
        if _OF_THE_FILE:
            request = struct.pack("hhqqi0q", kind, os.SEEK_SET, byte, 1, 0)
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, request)
        else:
            flags = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.lockf(handle, flags, 1, byte)

    def _locked(handle: int, byte: int) -> bool:
        try:
            _set(handle, fcntl.F_WRLCK, byte)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            if error.errno not in _WITHOUT_LOCKS:
                raise
        return True

    def _unlock(handle: int, byte: int) -> None:
        try:
            _set(handle, fcntl.F_UNLCK, byte)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
