"""Landlock: from here on this process opens only the files it was given.

The numbers are those of linux/landlock.h; its system calls have the same ones on every architecture.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from llmi_sandbox.linux import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REMOVE_DIR = 1 << 4
_REMOVE_FILE = 1 << 5
_MAKE_DIR = 1 << 7
_MAKE_REG = 1 << 8
_REFER = 1 << 13
_TRUNCATE = 1 << 14

_FILE_RIGHTS = _READ_FILE | _WRITE_FILE | _TRUNCATE
_READ = _READ_FILE | _READ_DIR
# No links, sockets, pipes or devices: whoever reads the results must find plain files.
_WRITE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
)
_TCP = 0b11
_SIGNALS_AND_ABSTRACT_SOCKETS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    try:
        return syscall(_CREATE_RULESET, 0, 0, _VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Allow reading below `readable`, reading and writing below `writable`, nothing else.

    Running programs, TCP, and signals to other processes end with it where the kernel's version
    knows them. Needs `no_new_privs`, and binds the calling thread: there must be no other. Raises OSError, also where there is no
    Landlock.
    """
    handled = _handled(version())
    ruleset = syscall(_CREATE_RULESET, handled, _size(version()), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ & handled.files)
        for path in writable:
            _allow(ruleset, path, _WRITE & handled.files)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(known: int) -> _Ruleset:
    bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(known, 16)
    return _Ruleset(
        files=(1 << bits) - 1,
        network=_TCP if known >= 4 else 0,
        scoped=_SIGNALS_AND_ABSTRACT_SOCKETS if known >= 6 else 0,
    )


def _size(known: int) -> int:
    return 8 if known < 4 else 16 if known < 6 else 24


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & _FILE_RIGHTS
        syscall(_ADD_RULE, ruleset, _PATH_BENEATH, _PathBeneath(allowed, handle), 0)
    finally:
        os.close(handle)
