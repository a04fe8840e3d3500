"""The few calls of the Linux kernel that Python has no function for, through ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522

_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | ctypes.Structure) -> int:
    """Call the kernel; structures go by reference. Raises OSError."""
    values = [
        ctypes.c_long(value) if isinstance(value, int) else ctypes.byref(value)
        for value in arguments
    ]
    return _checked(int(_libc.syscall(ctypes.c_long(number), *values)))


def prctl(option: int, value: int = 0) -> None:
    """Set one attribute of this process. Raises OSError."""
    _checked(int(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)))


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it is gone."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def be_first_to_go() -> None:
    """When the machine runs out of memory, let the kernel kill this process rather than another."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def give_up_privileges() -> None:
    """Drop every capability, for good."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _checked(int(_libc.capset(header, none)))


def enter_namespaces() -> bool:
    """Leave the host's network, IPC objects and, for children still to come, its processes.

    Returns whether the kernel allowed it; a container or a hardened host often does not.
    """
    uid, gid = os.getuid(), os.getgid()
    apart = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWPID
    if not _unshare(_CLONE_NEWUSER | apart):
        return _unshare(apart)
    with contextlib.suppress(OSError):
        _map_ids(uid, gid)
    return True


def _unshare(flags: int) -> bool:
    return int(_libc.unshare(flags)) == 0


def _map_ids(uid: int, gid: int) -> None:
    """Keep the same numbers inside the user namespace, so that files still have an owner."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
