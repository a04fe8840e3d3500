"""Walking folders: which pictures are there, and which sidecars speak about them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmi_gallery.captions import Caption, SidecarError, read_many, read_one
from llmi_gallery.words import from_name

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MOST_FILES = 200_000
"""Pictures of one gallery."""
_SHARED = ("captions.json", "captions.csv")


@dataclass(frozen=True)
class Described:
    """What the index keeps of one picture: words to find it by, and what to say about it."""

    name: str
    """The words of its file name."""
    folder: str
    """The words of the folders it lies in, below the gallery's own."""
    caption: Caption


@dataclass(frozen=True)
class Found:
    """One picture file, not yet described: that may mean reading sidecars."""

    path: str
    stamp: str
    """Another one as soon as the file or a sidecar about it changed."""
    describe: Callable[[], Described]


@dataclass
class Scan:
    """One walk over one folder. `warn` gets a line for whatever had to be left out."""

    root: Path
    warn: Callable[[str], None]
    most: int = MOST_FILES
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _shared: dict[Path, dict[str, Caption]] = field(default_factory=dict)

    def pictures(self) -> Iterator[Found]:
        """Every picture below the root, hidden folders left out; no folder is entered twice."""
        count = 0
        waiting: list[tuple[Path, Mapping[Path, str]]] = [(self.root, {})]
        while waiting:
            folder, above = waiting.pop()
            files, folders = self._list(folder)
            shared = {**_stamps(folder, files, _SHARED), **above}
            for name in sorted(files):
                if name.lower().endswith(SUFFIXES):
                    count += 1
                    if count > self.most:
                        self.warn(
                            f"more than {self.most:,} pictures in {self.root}: the rest is left out"
                        )
                        return
                    yield self._found(folder / name, files, shared)
            waiting += [(path, shared) for path in sorted(folders, reverse=True)]

    def _list(self, folder: Path) -> tuple[dict[str, os.stat_result], list[Path]]:
        files: dict[str, os.stat_result] = {}
        folders = []
        try:
            entries = list(os.scandir(folder)) if self._is_new(folder) else []
        except OSError as error:
            self.warn(f"{folder} cannot be listed: {error.strerror}")
            entries = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(Path(entry.path))
            elif entry.is_file():
                with contextlib.suppress(OSError):  # gone in the meantime
                    files[entry.name] = entry.stat()
        return files, folders

    def _is_new(self, folder: Path) -> bool:
        """Symbolic links may lead in circles; a folder is known by its place on the disk."""
        status = folder.stat()
        key = (status.st_dev, status.st_ino)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _found(
        self, path: Path, files: Mapping[str, os.stat_result], shared: Mapping[Path, str]
    ) -> Found:
        own = _stamps(path.parent, files, _own_sidecars(path))
        stamp = "|".join([_stamp(files[path.name]), *own.values(), *shared.values()])
        return Found(str(path), stamp, lambda: self._describe(path, list(own), list(shared)))

    def _describe(self, path: Path, own: list[Path], shared: list[Path]) -> Described:
        caption = Caption()
        for sidecar in own:
            try:
                caption = caption.completed(read_one(sidecar))
            except SidecarError as error:
                self.warn(f"{sidecar} is left out: {error}")
        for sidecar in shared:
            name = path.relative_to(sidecar.parent).as_posix()
            caption = caption.completed(self._captions(sidecar).get(name, Caption()))
        below = path.parent.relative_to(self.root).parts
        return Described(from_name(path.stem), from_name(" ".join(below)), caption)

    def _captions(self, sidecar: Path) -> dict[str, Caption]:
        if sidecar not in self._shared:
            self._shared[sidecar] = {}
            try:
                self._shared[sidecar] = read_many(sidecar)
            except SidecarError as error:
                self.warn(f"{sidecar} is left out: {error}")
        return self._shared[sidecar]


def _own_sidecars(path: Path) -> list[str]:
    names = (f"{path.name}.json", f"{path.stem}.json", f"{path.stem}.txt")
    return [name for name in names if name not in _SHARED]


def _stamps(
    folder: Path, files: Mapping[str, os.stat_result], names: tuple[str, ...] | list[str]
) -> dict[Path, str]:
    return {folder / name: f"{name}:{_stamp(files[name])}" for name in names if name in files}


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}:{status.st_size}"
