"""The prompts of a batch: a file with one a line, all of it checked before anything runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from llmi_agent.base.errors import InputError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.base.text import slug
from llmi_agent.config.layers import suggestion
from llmi_agent.store.attachments import MAX_BYTES

STDIN = "-"
KEYS = ("prompt", "id", "attach", "split")

MOST_PROMPTS = 100_000
MOST_LINE = 1024 * 1024
"""Bytes of a line."""
MOST_ALL = 256 * 1024 * 1024
"""Bytes of all lines: they are held in memory."""
MOST_ATTACHMENTS = 100
MOST_ID = 200
MOST_SPLIT = 200
"""Characters."""

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


class _WrongLine(Exception):  # noqa: N818 - it becomes an InputError where the line's number is known
    """The line cannot be used, and why."""


def read_prompts(name: str, split: str = "") -> list[Prompt]:
    """The prompts of a file, or of stdin ("-").

    split: of those whose lines say none.

    Raises InputError, naming the file, the first wrong line and its reason, if they cannot all be used.
    """
    with _opened(name) as (file, shown, folder):
        reader = _Reader(folder, split)
        size = 0
        for number, line in enumerate(_lines(file), 1):
            size += len(line)
            try:
                if size > MOST_ALL:
                    raise _WrongLine(f"the lines so far have more than {MOST_ALL:,} bytes")
                if line.strip():
                    reader.read(number, line)
            except _WrongLine as error:
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

    def __init__(self, folder: Path, split: str) -> None:
        self.prompts: list[Prompt] = []
        self._folder = folder
        self._split = split
        self._redactor = Redactor(secret_values(os.environ))
        self._lines: dict[str, int] = {}
        """By the name of its folder, as systems compare them that ignore case."""

    def read(self, number: int, line: bytes) -> None:
        """Raises _WrongLine."""
        if len(line) > MOST_LINE:
            raise _WrongLine(f"it has more than {MOST_LINE:,} bytes")
        if len(self.prompts) == MOST_PROMPTS:
            raise _WrongLine(f"there are more than {MOST_PROMPTS:,} prompts")
        data = _object(line)
        text = _text(data)
        names = _names(data)
        split = _split(data) or self._split
        given = _id(data)
        name = self._free(self._made_up(text, names)) if given is None else given
        folder = _folder(name)
        if first := self._lines.get(folder.casefold()):
            raise _WrongLine(f"the id {name!r} is that of line {first} already")
        self._lines[folder.casefold()] = number
        self.prompts.append(Prompt(name, folder, text, tuple(self._paths(names)), split))

    def _made_up(self, text: str, names: list[str]) -> str:
        """An id that stays the same wherever in the file the line stands."""
        digest = hashlib.sha256(json.dumps([text, names]).encode()).hexdigest()[:8]
        return f"{slug(self._redactor.text(text), 40)}-{digest}"

    def _free(self, name: str) -> str:
        """Lines that are the same are numbered: it does not matter which is which."""
        free, count = name, 1
        while _folder(free).casefold() in self._lines:
            count += 1
            free = f"{name}-{count}"
        return free

    def _paths(self, names: list[str]) -> Iterator[Path]:
        seen: set[str] = set()
        for name in names:
            path = self._folder / name
            _check(path)
            if path.name in seen:
                raise _WrongLine(f"two attachments are named {path.name}; rename one of them")
            seen.add(path.name)
            yield path


def _object(line: bytes) -> Mapping[str, Any]:
    """The line's object; a string is one with nothing but a prompt."""
    try:
        data = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _WrongLine("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise _WrongLine(f"it is not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise _WrongLine("it is not JSON that can be read") from None
    if isinstance(data, str):
        return {"prompt": data}
    if not isinstance(data, dict):
        raise _WrongLine('it is neither an object such as {"prompt": "..."} nor a string')
    for key in data:
        if key not in KEYS:
            raise _WrongLine(f"there is no key {key!r}; {suggestion(key, KEYS)}")
    return data


def _text(data: Mapping[str, Any]) -> str:
    text = data.get("prompt")
    if text is None:
        raise _WrongLine('it has no "prompt"')
    if not isinstance(text, str):
        raise _WrongLine('its "prompt" is not a string')
    if not text.strip():
        raise _WrongLine("the prompt is empty: say what the document should be about")
    if not _encodes(text):
        raise _WrongLine("the prompt holds half a surrogate pair, which is no text")
    return text


def _id(data: Mapping[str, Any]) -> str | None:
    given = data.get("id")
    if given is None:
        return None
    name = str(given) if type(given) is int else given
    if not isinstance(name, str) or not name.strip():
        raise _WrongLine('its "id" is neither a string with something in it nor a whole number')
    if len(name) > MOST_ID:
        raise _WrongLine(f"the id has more than {MOST_ID} characters")
    if not name.isprintable():
        raise _WrongLine(f"the id {name!r} holds characters that cannot be printed")
    return name


def _split(data: Mapping[str, Any]) -> str:
    given = data.get("split")
    if given is None:
        return ""
    if not isinstance(given, str):
        raise _WrongLine('its "split" is not a string')
    if why := no_split(given):
        raise _WrongLine(why)
    return given


def no_split(name: str) -> str:
    """Why a split cannot be called that; empty if it can."""
    if len(name) > MOST_SPLIT:
        return f"the split has more than {MOST_SPLIT} characters"
    return (
        "" if name.isprintable() else f"the split {name!r} holds characters that cannot be printed"
    )


def _names(data: Mapping[str, Any]) -> list[str]:
    names = data.get("attach") or []
    if not isinstance(names, list) or not all(isinstance(each, str) and each for each in names):
        raise _WrongLine('its "attach" is not a list of paths')
    if len(names) > MOST_ATTACHMENTS:
        raise _WrongLine(f"it has more than {MOST_ATTACHMENTS} attachments")
    return names


def _check(path: Path) -> None:
    """Whether a file is there that can be attached; what is in it is seen when its turn comes."""
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise _WrongLine(f"the attachment {path} {what}")
        size = path.stat().st_size
        readable = os.access(path, os.R_OK)
    except (OSError, ValueError) as error:
        raise _WrongLine(f"the attachment {path} cannot be read: {error}") from None
    if not readable:
        raise _WrongLine(f"the attachment {path} may not be read")
    if size > MAX_BYTES:
        raise _WrongLine(
            f"the attachment {path} has {size:,} bytes; at most {MAX_BYTES:,} can be attached"
        )


def _folder(name: str) -> str:
    """The id if any system can have a folder of that name, else its words and a digest."""
    if _FOLDER.fullmatch(name) and name.casefold() not in _TAKEN:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{slug(name, 40)}-{digest}"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
