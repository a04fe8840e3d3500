"""What a policy is told of an attached file (`llmi_preview`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath


@dataclass(frozen=True)
class TableCopy:
    """A table's content in a form that every reader takes alike. The code tools place it beside the file."""

    name: str
    """A plain file name, other than the file's own: `weather.clean.csv`."""
    media_type: str
    data: bytes

    def __post_init__(self) -> None:
        if PurePath(self.name).name != self.name or not self.name or "\\" in self.name:
            raise ValueError(f"name {self.name!r} of a table's copy: write a plain file name")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `data`, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Preview:
    """A file as a policy is told of it."""

    text: str
    """A few lines: what the file holds, in Markdown without a heading. Bounded: the framework cuts what is too long."""
    doubts: tuple[str, ...] = ()
    """What is doubtful in how it was read, each one sentence for people and for the policy."""
    table: TableCopy | None = None
    """For a table: what was read, as it was understood."""

    def __post_init__(self) -> None:
        text: object = self.text
        doubts: object = self.doubts
        if not isinstance(text, str) or not isinstance(doubts, tuple):
            raise TypeError("a preview's text is a string, and its doubts are a tuple of sentences")
