"""What the process that has asked and the one that writes tell each other."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from llmi_transformers.folder import Folder
from llmi_transformers.settings import Settings

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Open:
    """The checkpoint to load; it comes first."""

    folder: Folder
    settings: Settings


@dataclass(frozen=True)
class Ask:
    """An answer is wanted."""

    call: int
    messages: Sequence[Mapping[str, Any]]
    """In the form of OpenAI."""
    asked: Mapping[str, Any]
    """How it is to be sampled."""
    stops: Sequence[str] = ()


@dataclass(frozen=True)
class Drop:
    """Nobody wants the answer any more."""

    call: int


@dataclass(frozen=True)
class Stop:
    """Nothing more is written."""


@dataclass(frozen=True)
class Begun:
    """The prompt was read."""

    call: int
    prompt: Sequence[int]
    version: str
    """Of the checkpoint."""


@dataclass(frozen=True)
class Waits:
    """Others are being written, and its turn has not come."""

    call: int


@dataclass(frozen=True)
class Piece:
    """What is new of an answer."""

    call: int
    text: str
    ids: Sequence[int]
    logprobs: Sequence[float]
    parts: Sequence[tuple[int, int]]
    """How many tokens, and how many characters of the text with them."""
    open: bool = False
    """More of the text of its tokens may come with the next piece."""
    finish: str = ""
    """Why the answer ends here; empty if it does not."""


@dataclass(frozen=True)
class Lost:
    """There will be no answer, or no more of it."""

    call: int
    message: str
    reason: Literal["input", "setting", "unavailable"] = "unavailable"


@dataclass
class Line:
    """One end of a pipe in each direction. What is read of it was written by this package."""

    ingoing: IO[bytes] = field(repr=False)
    outgoing: IO[bytes] = field(repr=False)

    def send(self, value: object) -> None:
        """Raises OSError or ValueError if nobody is there any more."""
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        self.outgoing.write(_LENGTH.pack(len(data)) + data)
        self.outgoing.flush()

    def receive(self) -> Any:
        """The next value; None if nobody is there any more."""
        head = self.ingoing.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(head)
        data = self.ingoing.read(length)
        return pickle.loads(data) if len(data) == length else None
