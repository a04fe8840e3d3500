"""A record, as it is read, and the entry that becomes one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

SCHEMA = 3
"""Of the records that are written."""
SCHEMA_OF_EVENTS = 2
"""Since then a record is an event as JSON. Those of 1, which were there before records said theirs, are read by `former`."""
REWARDED = "rewarded"
"""The kind of those that are no part of what a run did: one that cannot be read is left out, and the run is not."""


@dataclass(frozen=True)
class Record:
    """One line of the journal."""

    kind: str
    key: str
    data: str
    """JSON, made and read by who knows the kind."""
    at: float
    """When it happened, in seconds since the epoch."""
    schema: int = SCHEMA
    """Of `kind`, `key` and `data`."""
    tokens: bytes | None = None
    """The token arrays of a model's answer, packed, if they were kept and asked for."""


@dataclass(frozen=True)
class Entry:
    """A record to be written. It is stamped when it is made: that is when it happened, however late it is written.

    The `key` of an `opened` one is the id of the episode's group, if it has one.
    """

    kind: str
    key: str = ""
    data: str = "null"
    """JSON."""
    reuse: str | None = None
    """What `Journal.reusable` finds it by."""
    at: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    tokens: bytes | None = None
    """The token arrays of a model's answer, packed."""
    reward: tuple[str, str, str, float | None, str] | None = None
    """Of a `rewarded` record, what it is found by: scope, about, component, value, status."""
    schema: int = SCHEMA
    """Of `kind`, `key` and `data`: another one only if it comes from elsewhere."""


def damaged(kind: str, how: object) -> str:
    """What is said of a record of this kind, and what to do: without a reward of it, a run is as good as before."""
    way = "score the run again" if kind == REWARDED else "start the run anew"
    return f"a record of the type {kind} is damaged ({how}); {way}"
