"""Rows of `episodes` that no longer say what the records do: of runs that were killed, that go on, or that an older LLMI made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import events_of
from llmi_agent.records.known import Known
from llmi_agent.records.overview import Tally, summary, unreadable
from llmi_agent.records.record import Record
from llmi_agent.records.rows import MENTION, Closing, close, digests_in

Text = Callable[[str, Any], str]
"""The JSON of a record of a kind, of its body."""
RECORDS = (
    "SELECT kind, key, data, at, schema, tokens IS NOT NULL, id FROM records "
    "WHERE episode = ? AND kind != 'rewarded' ORDER BY id"
)
_LAST = "SELECT max(id) FROM records WHERE episode = :episode AND kind != 'rewarded'"


@dataclass(frozen=True)
class Fresh:
    """What an episode's rows are to say, by its records up to one."""

    closing: Closing
    """`records` is the id of its last record."""
    digests: frozenset[str]


def fresh(episode: str, rows: Sequence[Sequence[Any]], text: Text) -> Fresh:
    """Of what `RECORDS` finds; an episode that cannot be read is as it is, and hinders no other."""
    digests: set[str] = set()
    records: list[Record] = []
    why = ""
    for row in rows:
        try:
            records.append(_record(row, text))
            digests.update(digests_in(records[-1].data))
        except InputError as error:
            why = why or str(error)
    columns = unreadable(why) if why else _columns(records, [bool(row[5]) for row in rows])
    return _fresh(episode, columns, rows, digests)


def broken(episode: str, rows: Callable[..., list[Any]], why: str) -> Fresh:
    """Of an episode whose records are no text."""
    found = rows(
        f"SELECT '', '', '', at, schema, 0, id {RECORDS[RECORDS.index('FROM') :]}", episode
    )
    return _fresh(episode, unreadable(why), found, ())


def _fresh(
    episode: str, columns: dict[str, Any], rows: Sequence[Sequence[Any]], digests: Iterable[str]
) -> Fresh:
    times = [row[3] for row in rows if isinstance(row[3], float)] or [0.0]
    columns = {**columns, "began": times[0], "last": max(times)}
    return Fresh(Closing(episode, columns, rows[-1][6] if rows else 0), frozenset(digests))


def write(
    connection: sqlite3.Connection, found: Sequence[Fresh], shadow: bool = False
) -> list[str]:
    """Put them in place, but for those that were written to meanwhile, which are returned.

    shadow: `episodes` is a table of this connection alone, and nothing else is written.
    """
    if not shadow:
        connection.execute("BEGIN IMMEDIATE")
    return [each.closing.episode for each in found if not _written(connection, each, shadow)]


def _written(connection: sqlite3.Connection, fresh: Fresh, shadow: bool) -> bool:
    episode = fresh.closing.episode
    if not fresh.closing.records:
        gone = "DELETE FROM episodes WHERE episode = ? AND NOT EXISTS (SELECT 1 FROM records WHERE episode = ?)"
        return connection.execute(gone, (episode, episode)).rowcount > 0
    there = close(connection, fresh.closing, own=_LAST)
    if there and not shadow:
        rows = [(episode, digest) for digest in fresh.digests]
        connection.executemany(MENTION, rows)
    return there


def _record(row: Sequence[Any], text: Text) -> Record:
    kind, key, data, at, schema = row[:5]
    json = text(kind, data)
    if not (isinstance(kind, str) and isinstance(key, str) and isinstance(schema, int)):
        raise InputError(f"a record of the type {kind} is damaged; start the run anew")
    return Record(kind, key, json, at, schema)


def _columns(records: Sequence[Record], sampled: Sequence[bool]) -> dict[str, Any]:
    known, tally = Known(), Tally()
    tally.sampled = sum(sampled)
    try:
        for _, event in events_of(records):
            tally.take(event)
            known.take(event)
    except (InputError, RecursionError) as error:
        return unreadable(str(error))
    out = known.ordered.order.get("out") if known.ordered else None
    return {**summary(known, tally), "out": out if isinstance(out, str) else None}
