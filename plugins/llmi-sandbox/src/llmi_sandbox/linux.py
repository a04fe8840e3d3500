"""The few calls of the Linux kernel that Python has no function for, through ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522

_NEWNS = 0x00020000
_NEWIPC = 0x08000000
_NEWUSER = 0x10000000
_NEWPID = 0x20000000
_NEWNET = 0x40000000

_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID = 0x1, 0x2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(
    number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | ctypes.Structure
) -> int:
    """Call the kernel; structures go by reference. Raises OSError."""
    return _checked(int(_libc.syscall(ctypes.c_long(number), *map(_argument, arguments))))


def _argument(value: int | bytes | ctypes.Array[ctypes.c_char] | ctypes.Structure) -> object:
    match value:
        case int():
            return ctypes.c_long(value)
        case bytes():
            return ctypes.c_char_p(value)
        case _:
            return ctypes.byref(value)


def prctl(option: int, value: int = 0) -> None:
    """Set one attribute of this process. Raises OSError."""
    _checked(int(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it is gone."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own: none gets away by a double fork."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def be_opaque() -> None:
    """Leave no core dump, and let no other process of the user look into this one."""
    prctl(_PR_SET_DUMPABLE, 0)


def be_first_to_go() -> None:
    """When the machine runs out of memory, let the kernel kill this process rather than another."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def give_up_privileges() -> None:
    """Drop every capability, for good. Raises OSError."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _checked(int(_libc.capset(header, none)))


def leave_network() -> bool:
    """Enter an empty network, as an ordinary user within a user namespace; False if it is not allowed.

    A container or a hardened host often forbids it.
    """
    uid, gid = os.getuid(), os.getgid()
    if not _unshare(_NEWUSER | _NEWNET):
        return _unshare(_NEWNET)
    with contextlib.suppress(OSError):
        _map_ids(uid, gid)
    return True


def leave_objects() -> bool:
    """Leave the host's IPC objects (System V, POSIX queues) behind; False if it is not allowed."""
    return _unshare(_NEWIPC)


def leave_processes() -> bool:
    """Have the next child be the first process of a world of its own; False if it is not allowed.

    When that child ends, the kernel kills everything that it left.
    """
    return _unshare(_NEWPID)


def change_root(root: Path, readable: list[Path], writable: list[Path]) -> None:
    """Make `root`, an empty folder, this process's `/`: it holds the given paths and nothing else.

    They keep their names; all but `writable` cannot be written to. No other process notices. Raises OSError, and
    then the old root is still there.
    """
    if not _unshare(_NEWNS):
        raise OSError(ctypes.get_errno(), "no mount namespace is allowed here")
    _mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    shown: list[Path] = []
    for path in sorted(readable):
        if not any(path.is_relative_to(each) for each in shown) and path.exists():
            _show(path, root)
            shown.append(path)
    places = [_inside(root, path) for path in writable]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    _forbid_writing(root)
    for path, place in zip(writable, places, strict=True):
        _mount(str(path), place, "", _MS_BIND)
    os.chdir(root)
    syscall(_PIVOT_ROOT[os.uname().machine], b".", b".")
    _checked(int(_libc.umount2(b".", _MNT_DETACH)))
    os.chdir("/")


def _inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _show(path: Path, root: Path) -> None:
    """Let `path` appear below `root`."""
    place = _inside(root, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        place.symlink_to(path.readlink())
        return
    if path.is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()
    _mount(str(path), place, "", _MS_BIND | _MS_REC)


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "namespace")
    )


def _forbid_writing(root: Path) -> None:
    attributes = _MountAttributes(set=_ATTR_RDONLY | _ATTR_NOSUID)
    size = ctypes.sizeof(attributes)
    syscall(_MOUNT_SETATTR, _AT_FDCWD, bytes(root), _AT_RECURSIVE, attributes, size)


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    _checked(
        int(
            _libc.mount(
                source.encode(),
                bytes(target),
                kind.encode() or None,
                ctypes.c_ulong(flags),
                options.encode() or None,
            )
        )
    )


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
