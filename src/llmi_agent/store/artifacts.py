"""The artifact store: bytes kept once, under the SHA-256 of their content.

State, journal, traces and documents hold digests; only the store holds bytes. Files are written beside
their place and renamed, so a reader never sees half of one and a crash leaves no torn file. A store may also be in
memory; then nothing is on disk but what a tool asks a file of.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llmi_agent.store import decoder
from llmi_agent.store.intake import Caps, Picture, admit, admitted

_QUICK = 2**17
"""Bytes that are digested in less time than a thread costs."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Size:
    """How much some files are."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.files + other.files, self.bytes + other.bytes)


@dataclass(frozen=True)
class Artifact:
    """A picture in the store."""

    digest: str
    media_type: str
    width: int
    height: int


class ArtifactStore:
    """Bytes by digest, in a folder that is made when the first bytes come."""

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root)

    @staticmethod
    def in_memory() -> ArtifactStore:
        """A store that is gone when nobody has it any more, for those who keep nothing; it grows until `sweep`. It has no `root`."""
        return MemoryStore()

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    @property
    def place(self) -> str:
        """Where the bytes are, in words for people."""
        return str(self._root)

    def put(self, data: bytes) -> str:
        """Keep `data`; returns its digest. The same bytes are kept once."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.renew(digest):
            _write_whole(self._place(digest), data)
        return digest

    def renew(self, digest: str) -> bool:
        """Whether there are bytes under `digest`. If so they count as put just now, and `sweep` spares them."""
        try:
            os.utime(self._place(digest))
        except FileNotFoundError:
            return False
        except OSError:  # a store of somebody else's, which may only be read
            return digest in self
        return True

    def read(self, digest: str) -> bytes:
        """The bytes under `digest`. Raises KeyError if there are none."""
        return self.path(digest).read_bytes()

    def path(self, digest: str) -> Path:
        """The file that holds them. Raises KeyError if there is none."""
        path = self._place(digest)
        if not path.is_file():
            raise KeyError(digest)
        return path

    def __contains__(self, digest: str) -> bool:
        return bool(_DIGEST.fullmatch(digest)) and self._place(digest).is_file()

    def size(self) -> Size:
        """All that is in the store."""
        return sum((Size(1, size) for _, size in self.sizes()), Size())

    def sizes(self, since: float = -math.inf) -> Iterator[tuple[str, int]]:
        """Each digest that there are bytes under, and how many they are.

        since: only what was put or renewed then or later, in seconds since the epoch.
        """
        for path in self._files():
            if (status := _status(path)) and status.st_mtime >= since:
                yield path.name, status.st_size

    def sweep(self, keep: Collection[str], before: float) -> tuple[Size, Size]:
        """Delete what is not in `keep`; returns what is gone, and what stays since it is too young.

        before: seconds since the epoch. What was put or renewed since then may belong to a run that has not written
        it down yet. Folders stay: somebody may be about to write into one.
        """
        gone, young = Size(), Size()
        for path in self._files():
            if path.name in keep or not (status := _status(path)):
                continue
            size = Size(1, status.st_size)
            if status.st_mtime >= before or not _removed(path, before):
                young += size
            else:
                gone += size
        return gone, young

    def put_image(self, data: bytes, caps: Caps | None = None) -> tuple[Artifact, Picture]:
        """Take a picture in (`intake.admit`) and keep it. Raises IntakeError."""
        picture = admit(data, caps)
        return _artifact(self.put(picture.data), picture), picture

    async def take_image(self, data: bytes, caps: Caps | None = None) -> tuple[Artifact, Picture]:
        """`put_image`, without keeping the event loop. Raises IntakeError."""
        picture = await admitted(data, caps)
        digest = await decoder.shared.off_the_loop(partial(self.put, picture.data))
        return _artifact(digest, picture), picture

    def _files(self) -> Iterator[Path]:
        """Those under a digest, and what a process that was killed left half-written."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(folder.iterdir())

    def _place(self, digest: str) -> Path:
        return self.root / digest[:2] / _checked(digest)


@dataclass
class _Kept:
    data: bytes
    at: float
    """When it was last put or renewed, in seconds since the epoch."""


class MemoryStore(ArtifactStore):
    """Bytes by digest. It grows until `sweep`, or until nobody has it any more."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._folder: Path | None = None
        """Made for the first tool that wants a file, removed with the store."""
        self._lock = threading.Lock()

    @property
    def root(self) -> Path:
        raise AttributeError("an artifact store in memory has no folder")

    @property
    def place(self) -> str:
        return "memory"

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            self._kept[digest] = _Kept(bytes(data), time.time())
        return digest

    async def take_image(self, data: bytes, caps: Caps | None = None) -> tuple[Artifact, Picture]:
        picture = await admitted(data, caps)
        if len(picture.data) > _QUICK:
            digest = await decoder.shared.off_the_loop(partial(self.put, picture.data))
        else:
            digest = self.put(picture.data)
        return _artifact(digest, picture), picture

    def renew(self, digest: str) -> bool:
        with self._lock:
            if kept := self._kept.get(digest):
                kept.at = time.time()
            return kept is not None

    def read(self, digest: str) -> bytes:
        return self._kept[digest].data

    def path(self, digest: str) -> Path:
        """A copy in a temporary folder, for tools that need a file. Raises KeyError."""
        data = self.read(_checked(digest))
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="llmi-store-"))
                weakref.finalize(self, _remove_folder, self._folder, os.getpid())
            path = self._folder / digest
            if not path.is_file():
                _write_whole(path, data)
        return path

    def __contains__(self, digest: str) -> bool:
        return digest in self._kept

    def sizes(self, since: float = -math.inf) -> Iterator[tuple[str, int]]:
        with self._lock:
            return iter([(d, len(each.data)) for d, each in self._kept.items() if each.at >= since])

    def sweep(self, keep: Collection[str], before: float) -> tuple[Size, Size]:
        gone, young = Size(), Size()
        with self._lock:
            for digest in self._kept.keys() - set(keep):
                size = Size(1, len(self._kept[digest].data))
                if self._kept[digest].at >= before:
                    young += size
                    continue
                del self._kept[digest]
                gone += size
                if self._folder is not None:
                    (self._folder / digest).unlink(missing_ok=True)
        return gone, young


def _artifact(digest: str, picture: Picture) -> Artifact:
    return Artifact(digest, picture.media_type, picture.width, picture.height)


def _checked(digest: str) -> str:
    """The digest, if it has the form of one. Raises KeyError."""
    if not _DIGEST.fullmatch(digest):
        raise KeyError(digest)
    return digest


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _status(path: Path) -> os.stat_result | None:
    """None if somebody has deleted it."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _removed(path: Path, before: float) -> bool:
    """Delete the file, unless it is renewed at the very last moment.

    Between a look at its time and `unlink` it could be renewed; once it is aside, nobody can renew it any more: who
    tries finds it gone and writes it anew.
    """
    aside = path.with_name(f".old-{path.name}")
    try:
        path.rename(aside)
        if aside.stat().st_mtime >= before:
            aside.rename(path)
            return False
        aside.unlink()
    except FileNotFoundError:  # somebody else sweeps, too
        return True
    return True


def _remove_folder(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in its forked children
        shutil.rmtree(folder, ignore_errors=True)
