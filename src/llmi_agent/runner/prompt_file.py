"""The prompts of a batch: a file with one a line, all of it checked before anything runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from llmi_agent.base.errors import InputError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.base.text import slug
from llmi_agent.contract.judging import Demand
from llmi_agent.runner.prompt_line import (
    Line,
    WrongLineError,
    check_keys,
    line_of,
    object_of,
)
from llmi_agent.store.attachments import MAX_BYTES

STDIN = "-"
MOST_PROMPTS = 100_000
MOST_LINE = 1024 * 1024
"""Bytes of a line."""
MOST_ALL = 256 * 1024 * 1024
"""Bytes of all lines: they are held in memory."""

_FOLDER = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?")
_TAKEN = ("batch.jsonl",)


@dataclass(frozen=True)
class Prompt:
    """A line of the file."""

    id: str
    folder: str
    """The id, or what a folder can be called in its place."""
    text: str
    attach: tuple[Path, ...]
    split: str = ""
    """The part of a data set that it is from; empty if that is not said."""
    demand: Demand | None = None
    """What it asks for, as a rule can check it; None if that is not said."""
    language: str = ""
    """That it is written in; empty if that is not said."""


def read_prompts(name: str, split: str = "", *, below: bool = False) -> list[Prompt]:
    """The prompts of a file, or of stdin ("-").

    split: of those whose lines say none. below: attachments must be below the file's folder, wherever links lead: a stranger's
    file must not name what is on this machine.

    Raises InputError, naming the file, the first wrong line and its reason, if they cannot all be used.
    """
    with _opened(name) as (file, shown, folder):
        reader = _Reader(folder, split, below)
        size = 0
        for number, line in enumerate(_lines(file), 1):
            size += len(line)
            try:
                if size > MOST_ALL:
                    raise WrongLineError(f"the lines so far have more than {MOST_ALL:,} bytes")
                if line.strip():
                    reader.read(number, line)
            except WrongLineError as error:
                raise InputError(f"{shown}, line {number}: {error}") from None
    if not reader.prompts:
        raise InputError(f'{shown} has no prompts; write one a line: {{"prompt": "..."}}')
    return reader.prompts


@contextmanager
def _opened(name: str) -> Iterator[tuple[IO[bytes], str, Path]]:
    """The file, what it is called in messages, and the folder that attachments are relative to."""
    if name == STDIN:
        if sys.stdin is None:
            raise InputError("the prompts were to come from stdin, which is closed")
        yield sys.stdin.buffer, "stdin", Path()
        return
    try:
        with Path(name).open("rb") as file:
            yield file, name, Path(name).parent
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from None


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, but for one that is too long, which is cut just there."""
    while line := file.readline(MOST_LINE + 1):
        yield line


class _Reader:
    """Takes one line after the other."""

    def __init__(self, folder: Path, split: str, below: bool) -> None:
        self.prompts: list[Prompt] = []
        self._folder = folder
        self._split = split
        self._below = below
        self._redactor = Redactor(secret_values(os.environ))
        self._lines: dict[str, int] = {}
        """By the name of its folder, as systems compare them that ignore case."""

    def read(self, number: int, line: bytes) -> None:
        """Raises WrongLineError."""
        if len(line) > MOST_LINE:
            raise WrongLineError(f"it has more than {MOST_LINE:,} bytes")
        if len(self.prompts) == MOST_PROMPTS:
            raise WrongLineError(f"there are more than {MOST_PROMPTS:,} prompts")
        data = object_of(line)
        check_keys(data)
        said = line_of(data)
        name = self._free(self._made_up(said)) if said.id is None else said.id
        folder = _folder(name)
        if first := self._lines.get(folder.casefold()):
            raise WrongLineError(f"the id {name!r} is that of line {first} already")
        self._lines[folder.casefold()] = number
        paths = tuple(self._paths(said.attach))
        split = said.split or self._split
        self.prompts.append(
            Prompt(name, folder, said.text, paths, split, said.demand, said.language)
        )

    def _made_up(self, said: Line) -> str:
        """An id that stays the same wherever in the file the line stands."""
        asked: list[object] = [said.text, said.attach]
        asked += [asdict(said.demand)] if said.demand else []
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:8]
        return f"{slug(self._redactor.text(said.text), 40)}-{digest}"

    def _free(self, name: str) -> str:
        """Lines that are the same are numbered: it does not matter which is which."""
        free, count = name, 1
        while _folder(free).casefold() in self._lines:
            count += 1
            free = f"{name}-{count}"
        return free

    def _paths(self, names: Iterable[str]) -> Iterator[Path]:
        seen: set[str] = set()
        for name in names:
            path = self._folder / name
            if self._below:
                _check_below(path, self._folder, name)
            _check(path)
            if path.name in seen:
                raise WrongLineError(f"two attachments are named {path.name}; rename one of them")
            seen.add(path.name)
            yield path


def _check_below(path: Path, folder: Path, name: str) -> None:
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        raise WrongLineError(f"the attachment {name!r:.80} cannot be read") from None
    if not inside:
        raise WrongLineError(
            f"the attachment {name!r:.80} is out of the folder of the prompts; put it beside them"
        )


def _check(path: Path) -> None:
    """Whether a file is there that can be attached; what is in it is seen when its turn comes."""
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise WrongLineError(f"the attachment {path} {what}")
        size = path.stat().st_size
        readable = os.access(path, os.R_OK)
    except (OSError, ValueError) as error:
        raise WrongLineError(f"the attachment {path} cannot be read: {error}") from None
    if not readable:
        raise WrongLineError(f"the attachment {path} may not be read")
    if size > MAX_BYTES:
        raise WrongLineError(
            f"the attachment {path} has {size:,} bytes; at most {MAX_BYTES:,} can be attached"
        )


def _folder(name: str) -> str:
    """The id if any system can have a folder of that name, else its words and a digest."""
    if _FOLDER.fullmatch(name) and name.casefold() not in _TAKEN:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{slug(name, 40)}-{digest}"
