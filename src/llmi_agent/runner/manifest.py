"""The manifest of a batch: what became of each document so far, in a file beside them that only grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from llmi_agent.base.alone import held_alone
from llmi_agent.base.errors import InputError, LlmiError

NAME = "batch.jsonl"


ItemState = Literal["opened", "written", "failed"]


class Item(BaseModel):
    """A line of it; the last one of a document counts."""

    model_config = ConfigDict(frozen=True)

    id: str
    member: int | None
    """Of the prompt's group; None if it has none."""
    state: ItemState
    inputs: str
    """A digest of the prompt, its attachments and its demand."""
    settings: str = ""
    """A digest of what it is written with (`Setup.digest`); empty if that is not known, as in older manifests."""
    episode: str | None = None
    """What is on record of it in the journal; None if it ended before there was one."""
    title: str = ""
    figures: int = 0
    missing: int = 0
    usd: float | None = None
    """US dollars; None is unknown."""
    seconds: float = 0.0
    """That the life of the run took which came to this."""
    files: tuple[str, ...] = ()
    """Below the folder that the manifest is in."""
    message: str = ""
    """Why it failed."""


Key = tuple[str, int | None]


class Manifest:
    """An open manifest. Nobody else has it open: see `opened`."""

    def __init__(self, file: IO[bytes], known: dict[Key, Item]) -> None:
        self._file = file
        self._known = known

    def last(self, key: Key) -> Item | None:
        """What is known of a document, by its id and member."""
        return self._known.get(key)

    def add(self, record: Item) -> None:
        """Append it; it is on the disk then. Raises LlmiError if it cannot be written."""
        try:
            self._file.write(record.model_dump_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise LlmiError(f"cannot write {self._file.name}: {error.strerror}") from None
        self._known[record.id, record.member] = record


@contextmanager
def opened(folder: Path, busy: str = "") -> Iterator[Manifest]:
    """The folder's manifest, made if there is none, and kept from other batches while the block runs.

    busy: what is said to a second one, who chose no folder. The lock falls with the process; where the system has no `flock` there is none. Raises InputError if another
    batch has it, or the file is something else.
    """
    path = folder / NAME
    try:
        file = path.open("a+b")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    with file:
        if not held_alone(file):
            raise InputError(
                busy
                or f"another batch is writing to {folder}; wait for its end, or choose another --out"
            )
        file.seek(0)
        known = _read(file, path)
        _end_line(file)
        yield Manifest(file, known)


def _read(file: IO[bytes], path: Path) -> dict[Key, Item]:
    """The last record of each document. A line that was torn when its process was killed says nothing."""
    known: dict[Key, Item] = {}
    for number, line in enumerate(file, 1):
        try:
            record = Item.model_validate_json(line)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                continue
            raise InputError(
                f"{path}, line {number}: this is not the record of a batch; choose another --out"
            ) from None
        known[record.id, record.member] = record
    return known


def _end_line(file: IO[bytes]) -> None:
    """What is added next must not be joined to a torn line."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
