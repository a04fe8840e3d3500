# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH211
"""Go at a user's files from within the sandbox's layers, on every kernel that may be below it; a line of JSON for each.

    python kernels.py FOLDER [UID]

In FOLDER a user's files are laid out anew for each line, and owned by UID, who makes the attempts. A kernel is made
out of this one by taking away: newer versions of Landlock, namespaces, seccomp. The lines: {"landlock": version, or
-1 for no layer at all, "namespaces", "seccomp", "missing": the needed layers that cannot be had, "on": {layer: how},
"harmed": the files that are not what they were}. The kernel's calls go by their own names here, not by Path's.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import resource
import shutil
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from llmi_sandbox import confine, landlock, linux, seccomp
from llmi_sandbox.job import Job, Places

NEWEST = landlock.version()
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE = 4
_OPEN_TREE, _OPENAT2 = 428, 437
_FILE_SETATTR, _SETXATTRAT = 469, 463


@dataclass(frozen=True)
class Kernel:
    """What it offers."""

    landlock: int
    namespaces: bool
    seccomp: bool = True


OPEN = Kernel(-1, namespaces=False, seccomp=False)
"""No layer is put on."""


def kernels() -> Iterator[Kernel]:
    """All of them; the last one is open."""
    for version, namespaces in itertools.product(range(NEWEST + 1), (False, True)):
        yield Kernel(version, namespaces)
    for version, namespaces in itertools.product((0, 1, NEWEST), (False, True)):
        yield Kernel(version, namespaces, seccomp=False)
    yield OPEN


def attempts(file: Path, own: Path) -> Iterator[Callable[[], object]]:
    """Whatever could change `file`, or what is beside it; `own` is a file of the code's own."""
    new, name = file.parent / "new", bytes(file)
    for access, create in itertools.product(range(4), (0, os.O_CREAT)):
        yield lambda how=access | create | os.O_TRUNC: os.open(file, how)  # type: ignore[misc]
    for access in range(4):
        yield lambda how=access: os.ftruncate(os.open(file, how), 0)  # type: ignore[misc]
        yield lambda how=access: os.posix_fallocate(os.open(file, how), 0, 4096)  # type: ignore[misc]
    yield lambda: os.truncate(file, 0)
    yield lambda: os.truncate(file, 9000)
    yield lambda: os.ftruncate(os.open(file, os.O_PATH), 0)
    yield lambda: os.pwrite(os.open(file, os.O_RDWR), b"x", 0)
    yield lambda: os.pwrite(os.open(file, os.O_WRONLY | os.O_APPEND), b"x", 0)
    yield lambda: _checked(_libc.creat(name, 0o600))
    yield lambda: linux.syscall(_OPENAT2, -100, name, _words(os.O_TRUNC, 0, 0), 24)
    yield lambda: os.open(new, os.O_CREAT | os.O_RDONLY)
    yield lambda: os.open(file.parent, os.O_TMPFILE | os.O_RDWR)
    yield lambda: os.rename(own, file)
    yield lambda: os.rename(file, new)
    yield lambda: os.rename(file, own)
    yield lambda: _checked(_libc.renameat2(-100, bytes(own), -100, name, 2))
    yield lambda: os.link(file, new)
    yield lambda: os.link(file, own.with_name("link"))
    yield lambda: os.symlink("/", new)
    yield lambda: os.mkdir(new)
    yield lambda: os.mkfifo(new)
    yield lambda: os.mknod(new)
    yield lambda: os.rmdir(file.parent / "empty")
    yield lambda: os.unlink(file)
    # what no version of Landlock guards
    yield lambda: os.chmod(file, 0)
    yield lambda: os.chmod(file.parent, 0o700)
    yield lambda: os.fchmod(os.open(file, os.O_RDONLY), 0)
    yield lambda: os.chown(file, os.getuid(), os.getgid())
    yield lambda: os.utime(file, (1, 1))
    yield lambda: os.utime(os.open(file, os.O_RDONLY), (1, 1))
    yield lambda: os.setxattr(file, "user.llmi", b"x")
    yield lambda: linux.syscall(_SETXATTRAT, -100, name, 0, b"user.llmi", _words(0, 0), 16)
    yield lambda: linux.syscall(_FILE_SETATTR, -100, name, _words(0, 0, 0), 24, 0)
    yield lambda: linux.syscall(_OPEN_TREE, -100, bytes(file.parent), 1)


def _words(*values: int) -> ctypes.Array[ctypes.c_char]:
    packed = struct.pack(f"{len(values)}Q", *values)
    return ctypes.create_string_buffer(packed, len(packed))


def _checked(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def attack(files: list[Path], work: Path) -> None:
    """Make every attempt."""
    for file in files:
        own = work / file.name
        for attempt in attempts(file, own):
            with contextlib.suppress(OSError, AttributeError):
                own.write_bytes(b"own")
                attempt()


def state(top: Path) -> dict[str, object]:
    """What of each file could be harmed."""
    found: dict[str, object] = {}
    for path in sorted((top, *top.rglob("*"))):
        seen = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        marks = (content, os.listxattr(path), seen.st_mode, seen.st_uid, seen.st_gid, seen.st_nlink)
        found[str(path.relative_to(top))] = (*marks, seen.st_mtime_ns)
    return found


def lay_out(top: Path, uid: int) -> tuple[list[Path], Places]:
    """The user's files, one of them where the libraries lie, and a run's folder."""
    shutil.rmtree(top, ignore_errors=True)
    places = Places(top / "run")
    files = [top / "user" / "outside" / "thesis.txt", top / "user" / "library" / "font.ttf"]
    for folder in (places.work, places.out, places.top, *(file.parent / "empty" for file in files)):
        folder.mkdir(parents=True)
    for file in files:
        file.write_text("years of work")
        file.chmod(0o640)
    for path in (top, *top.rglob("*")):
        os.chown(path, uid, uid)
    return files, places


def take_away(kernel: Kernel) -> None:
    """Have this process know no more than the kernel would offer."""
    landlock.version = lambda: kernel.landlock
    if not kernel.landlock:
        landlock.restrict = lambda *_: linux.syscall(-1)  # type: ignore[assignment]
    if not kernel.namespaces:
        linux.change_root = lambda *_: linux.syscall(-1)  # type: ignore[assignment]
    if not kernel.seccomp:
        seccomp.restrict = lambda: linux.syscall(-1)  # type: ignore[assignment]


def shut_in(kernel: Kernel, places: Places, library: Path) -> dict[str, object]:
    """Put on what layers there are; returns which."""
    take_away(kernel)
    system = [path for path in confine._SYSTEM if not path.startswith("/dev")]
    confine.library_folders = lambda: [library, *map(Path, system)]  # type: ignore[assignment]
    apart = confine.Apart()
    if kernel.namespaces:
        apart = confine.Apart(linux.leave_network(), linux.leave_objects())
    layers = confine.lock_down(Job(code=None), places, apart)
    on = {layer.name: layer.how for layer in layers if layer.on}
    return {"on": on, "missing": confine.missing(layers)}


def within(kernel: Kernel, top: Path, uid: int) -> dict[str, object]:
    """One line: what a child that is shut in can do."""
    files, places = lay_out(top, uid)
    before = state(top / "user")
    told, note = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            linux.prctl(_PR_SET_DUMPABLE, 1)  # as after an exec: else its namespace has no ids
            shut = {} if kernel == OPEN else shut_in(kernel, places, files[1].parent)
            attack(files, places.work)
            os.write(note, json.dumps(shut).encode())
        except BaseException:  # noqa: BLE001 - a child must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(note)
    with os.fdopen(told, encoding="utf-8") as said:
        row = {**asdict(kernel), **json.loads(said.read())}
    os.waitpid(pid, 0)
    after = state(top / "user")
    harmed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return {**row, "harmed": sorted(harmed)}


if __name__ == "__main__":
    # imported here: the interpreter may lie in a folder that the children cannot read
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    where = Path(sys.argv[1]).resolve() / "run"
    who = int(sys.argv[2]) if len(sys.argv) > 2 else os.getuid()
    for each in kernels():
        print(json.dumps(within(each, where, who)), flush=True)
