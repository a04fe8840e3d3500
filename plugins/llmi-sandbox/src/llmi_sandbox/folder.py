"""A run's temporary folder: made, filled, watched, read with distrust, and removed.

Its owner holds a lock (flock) on it, which ends with the owner however that dies. A folder that nobody holds is
left over from an LLMI that was killed, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmi_agent.contract import ArtifactReader, Attachment
from llmi_sandbox.job import Job, Places, dump
from llmi_sandbox.usage import entries

_PREFIX = "llmi-sandbox-"
_PICTURE = 32 * 1024 * 1024
_NOTE = 1024 * 1024
_DEEP = 10
_SUFFIXES = (".png", ".jpg", ".jpeg")


def make(job: Job, attachments: Sequence[Attachment], artifacts: ArtifactReader) -> Places:
    """A new folder with the job in it, and the attachments, not to be written to, in the code's working folder."""
    sweep(Path(tempfile.gettempdir()).resolve())
    places = _new()
    try:
        places.work.mkdir()
        places.out.mkdir()
        places.top.mkdir()
        places.job.write_text(dump(job), encoding="utf-8")
        for attachment in attachments:
            name = Path(attachment.name).name
            shutil.copyfile(artifacts.path(attachment.digest), places.work / name)
            (places.work / name).chmod(0o444)
    except BaseException:
        remove(places)
        raise
    return places


@functools.cache
def sweep(top: Path) -> None:
    """Remove the folders in `top` that this user's killed processes left; once per process."""
    with contextlib.suppress(OSError):
        for root in list(top.glob(f"{_PREFIX}*")):
            with contextlib.suppress(OSError):
                remove(Places(root, _hold(root)))


def _new() -> Places:
    while True:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        try:
            return Places(root, _hold(root))
        except (BlockingIOError, FileNotFoundError):
            continue  # another process's sweep came between; it removes the folder
        except OSError:
            return Places(root)  # a file system without locks: no sweep can hold it either


def _hold(root: Path) -> int:
    """Lock the folder for this process; closing the handle unlocks it.

    Raises BlockingIOError if another process holds it, FileNotFoundError if it is gone, OSError if it
    is no folder of this user's or cannot be locked.
    """
    import fcntl  # here, so that the tool can say on Windows that it does not run there

    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(handle).st_uid != os.geteuid():
            raise PermissionError(f"{root} belongs to another user")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), root.lstat()):
            raise FileNotFoundError(f"{root} was removed before it could be locked")
    except BaseException:
        os.close(handle)
        raise
    return handle


def read_note(path: Path) -> Any:
    """A JSON file that the child wrote; None if there is none that can be read."""
    data = _read(path, _NOTE)
    try:
        return None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        return None


def read_figures(places: Places, names: Sequence[str]) -> list[bytes]:
    """The figures of a report, in order; those that are not plain files of a sane size are left out."""
    found = (_read(places.out / Path(name).name, _PICTURE) for name in names)
    return [data for data in found if data]


def read_saved(places: Places, given: Sequence[Attachment], most: int) -> list[bytes]:
    """The pictures that the code itself saved in its working folder, oldest first."""
    theirs = {places.work / attachment.name for attachment in given}
    paths = [
        Path(entry.path)
        for entry in entries([places.work])
        if entry.name.lower().endswith(_SUFFIXES) and Path(entry.path) not in theirs
    ]
    paths.sort(key=lambda path: (path.lstat().st_mtime_ns, path.name))
    found = (_read(path, _PICTURE) for path in paths[:most])
    return [data for data in found if data]


def remove(places: Places) -> None:
    """Delete the folder whatever is in it: folders nested too deep for a path, or without permissions."""
    root = places.root
    try:
        with contextlib.suppress(RecursionError):
            shutil.rmtree(root, ignore_errors=True)
        if root.exists():
            with contextlib.suppress(OSError):
                _flatten(root)
            shutil.rmtree(root, ignore_errors=True)
    finally:
        if places.lock is not None:
            os.close(places.lock)


def _flatten(root: Path) -> None:
    """Bring folders that lie deep up to the root, and make all of them accessible."""
    waiting = [(root, 0)]
    moved = 0
    while waiting:
        folder, depth = waiting.pop()
        folder.chmod(0o700)
        for path in list(folder.iterdir()):
            if path.is_symlink() or not path.is_dir():
                continue
            if depth < _DEEP:
                waiting.append((path, depth + 1))
            else:
                moved += 1
                waiting.append((path.rename(root / f".moved-{moved}"), 1))


def _read(path: Path, most: int) -> bytes | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_size > most:
            return None
        return file.read(most)
