"""What is found out about a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from llmi_agent.base.text import one_line

Level: TypeAlias = Literal["error", "note"]
"""`error`: what is on record contradicts itself, or is not there any more. `note`: it is odd, and may well be true."""
MOST = 500
"""Characters of what is said of one thing."""


class Found(NamedTuple):
    """A finding about a trace that is known."""

    record: str
    message: str
    level: Level = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a trace, or worth a note."""

    episode: str
    record: str
    """The type of the record that it is about, and what that is about: `call_ended 1f0c…`."""
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        return one_line(f"{self.episode}: {self.record}: {self.message}", MOST)


def named(kind: str, key: str | int = "") -> str:
    """A record, in words."""
    return f"{kind} {key}".strip()


def number_of_times(count: int) -> str:
    """ "once", "3 times"."""
    return "once" if count == 1 else f"{count} times"
