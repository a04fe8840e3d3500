"""A seccomp filter: system calls that drawing a chart never needs are refused.

It is a list of what is denied. What it must hold even where namespaces are forbidden (containers): no sockets,
no new processes or programs, no signals to others, no limits, priorities or processors set for others, no
objects that outlive the run (System V, POSIX queues), no way around Landlock.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

from llmi_sandbox.linux import syscall

_MODE_FILTER = 1
_TO_ALL_THREADS = 1
_CLONE_THREAD = 0x00010000

_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_HIGH_HALF = 4
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_REFUSE = _ERRNO | errno.EPERM
# fcntl: F_SETOWN F_SETSIG F_SETOWN_EX, by which the kernel signals any process of the user.
_SIGNALS_BY_FILE = (8, 10, 15)


@dataclass(frozen=True)
class _Table:
    """System call numbers of one architecture."""

    audit: int
    seccomp: int
    clone: int
    tgkill: int
    prlimit: int
    fcntl: int
    denied: tuple[int, ...]
    """Refused with EPERM."""
    idle: tuple[int, ...]
    """Report success and do nothing: Landlock does not guard who owns a file, its mode and times."""


# Both lists in the same order: socket · ptrace process_vm_readv process_vm_writev · execve execveat ·
# kill tkill rt_sigqueueinfo rt_tgsigqueueinfo · setsid setpgid · mount umount2 pivot_root chroot ·
# unshare setns · bpf perf_event_open userfaultfd · add_key request_key keyctl · memfd_create ·
# init_module finit_module kexec_load · name_to_handle_at open_by_handle_at ·
# msgget msgctl msgrcv msgsnd semget semctl semtimedop semop shmget shmctl shmat shmdt · mq_open mq_unlink ·
# setpriority ioprio_set · sched_setaffinity sched_setscheduler sched_setparam sched_setattr ·
# kcmp migrate_pages move_pages; x86 alone: fork vfork
_X86_64 = _Table(
    audit=0xC000003E,
    seccomp=317,
    clone=56,
    tgkill=234,
    prlimit=302,
    fcntl=72,
    denied=(
        *(41, 101, 310, 311, 59, 322, 62, 200, 129, 297, 112, 109, 165, 166, 155, 161),
        *(272, 308, 321, 298, 323, 248, 249, 250, 319, 175, 313, 246, 303, 304),
        *(68, 71, 70, 69, 64, 66, 220, 65, 29, 31, 30, 67, 240, 241),
        *(141, 251, 203, 144, 142, 314, 312, 256, 279, 57, 58),
    ),
    idle=(90, 91, 268, 92, 93, 94, 260, 132, 235, 261, 280, 188, 189, 190, 197, 198, 199),
)
_AARCH64 = _Table(
    audit=0xC00000B7,
    seccomp=277,
    clone=220,
    tgkill=131,
    prlimit=261,
    fcntl=25,
    denied=(
        *(198, 117, 270, 271, 221, 281, 129, 130, 138, 240, 157, 154, 40, 39, 41, 51),
        *(97, 268, 280, 241, 282, 217, 218, 219, 279, 105, 273, 104, 264, 265),
        *(186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 197, 180, 181),
        *(140, 30, 122, 119, 118, 274, 272, 238, 239),
    ),
    idle=(52, 53, 54, 55, 88, 5, 6, 7, 14, 15, 16),
)
_TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}

# The same everywhere: pidfd_send_signal pidfd_open pidfd_getfd · io_uring (3) · open_tree move_mount fsopen
# fsconfig fsmount fspick · process_madvise mount_setattr memfd_secret process_mrelease
_DENIED = (424, 434, 438, 425, 426, 427, 428, 429, 430, 431, 432, 433, 440, 442, 447, 448)
_FCHMODAT2, _SETXATTRAT, _REMOVEXATTRAT = 452, 463, 466
_CLONE3 = 435


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def restrict() -> None:
    """Filter this process and its threads from here on. Needs `no_new_privs`. Raises OSError."""
    table = _TABLES.get(platform.machine())
    if table is None:
        raise OSError(errno.ENOSYS, f"no system call table for {platform.machine()}")
    code = _compile(table, os.getpid())  # as this process sees it: 1 in a namespace of its own
    syscall(table.seccomp, _MODE_FILTER, _TO_ALL_THREADS, _Program(len(code) // 8, code))


def _compile(table: _Table, pid: int) -> bytes:
    parts = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, table.audit, skip_if=1),
        _answer(_KILL),
        _step(_LOAD, _NUMBER),
    ]
    if table is _X86_64:
        parts += [_step(_AT_LEAST, _X32, skip_else=1), _answer(_REFUSE)]
    parts += [_when(number, _REFUSE) for number in (*table.denied, *_DENIED)]
    idle = (*table.idle, _FCHMODAT2, _SETXATTRAT, _REMOVEXATTRAT)
    parts += [_when(number, _ERRNO) for number in idle]
    # clone3 hides its flags behind a pointer; told that it does not exist, libc falls back to clone.
    parts.append(_when(_CLONE3, _ERRNO | errno.ENOSYS))
    parts.append(_unless(table.clone, _FIRST_ARGUMENT, _HAS_BITS, _CLONE_THREAD))
    parts.append(_unless(table.tgkill, _FIRST_ARGUMENT, _EQUAL, pid))
    parts.append(_unless(table.prlimit, _FIRST_ARGUMENT + _HIGH_HALF, _EQUAL, 0, then=None))
    parts.append(_unless(table.prlimit, _FIRST_ARGUMENT, _EQUAL, 0, pid))
    parts += [
        _step(_EQUAL, table.fcntl, skip_else=len(_SIGNALS_BY_FILE) * 2 + 2),
        _step(_LOAD, _SECOND_ARGUMENT),
        *(_when(order, _REFUSE) for order in _SIGNALS_BY_FILE),
        _answer(_ALLOW),
    ]
    parts.append(_answer(_ALLOW))
    return b"".join(parts)


def _step(code: int, value: int, skip_if: int = 0, skip_else: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_else, value)


def _answer(value: int) -> bytes:
    return _step(_RETURN, value)


def _when(number: int, answer: int) -> bytes:
    return _step(_EQUAL, number, skip_else=1) + _answer(answer)


def _unless(
    number: int, argument: int, test: int, *values: int, then: int | None = _ALLOW
) -> bytes:
    """Refuse call `number` unless its argument passes the test with one of the values.

    One that passes gets the answer `then`; with None, what follows decides.
    """
    after = _step(_LOAD, _NUMBER) if then is None else _answer(then)
    tests = [
        _step(test, value, skip_if=left)
        for left, value in zip(range(len(values), 0, -1), values, strict=True)
    ]
    return b"".join(
        (
            _step(_EQUAL, number, skip_else=len(tests) + 3),
            _step(_LOAD, argument),
            *tests,
            _answer(_REFUSE),
            after,
        )
    )
