"""What is written of an episode in one go: its records, and what the other tables say of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from llmi_agent.records.bodies import packed
from llmi_agent.records.overview import LAST_TOTAL
from llmi_agent.records.record import Entry

BESIDE = ("ordered", "rewarded")
"""Kinds of records that others add to an episode's own."""

_INSERT = (
    "INSERT INTO records (episode, kind, key, data, at, reuse, schema, tokens) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
MENTION = "INSERT OR IGNORE INTO mentions (episode, digest) VALUES (?, ?)"
_REWARD = (
    "INSERT INTO rewards (record, episode, scope, about, component, value, status, at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_TOTAL = f"UPDATE episodes SET reward = {LAST_TOTAL} WHERE episode = ?"
_OUT = "UPDATE episodes SET out = json_extract(?1, '$.order.out') WHERE episode = ?2 AND json_valid(?1)"
_OWN = (
    "SELECT count(*) FROM records WHERE episode = :episode AND kind NOT IN ('ordered', 'rewarded')"
)

_DIGEST = 64
_MARKS = bytes(ord("h") if chr(each) in "0123456789abcdef" else ord(" ") for each in range(256))
"""What is hexadecimal, and what is not: a long run of one letter is found many times faster than a pattern."""
_RUN = b"h" * _DIGEST
_BESIDE = 16
"""Hexadecimal letters that may stand at a digest, as those of an escaped character do. What is longer is no digest."""


class Row(NamedTuple):
    """A record."""

    episode: str
    entry: Entry


class Closing(NamedTuple):
    """An episode's row in `episodes` as a whole."""

    episode: str
    columns: dict[str, Any]
    records: int
    """How many the episode has, without those `BESIDE`. If it has others, somebody went on with it, and the row stays stale."""


Write = Row | Closing


def insert(
    connection: sqlite3.Connection,
    writes: Sequence[Write],
    pack: Callable[[str], str | bytes] = packed,
) -> None:
    """Write all, or none, in a transaction of their own: first the records in their order."""
    rows = [each for each in writes if isinstance(each, Row)]
    values = [_values(row, pack) for row in rows]
    mentions = {(row.episode, digest) for row in rows for digest in digests_in(row.entry.data)}
    with connection:
        if any(row.entry.reward for row in rows):
            for row, each in zip(rows, values, strict=True):
                _reward(connection, row, connection.execute(_INSERT, each).lastrowid)
        else:
            connection.executemany(_INSERT, values)
        connection.executemany(MENTION, mentions)
        connection.executemany(
            _OUT, [(r.entry.data, r.episode) for r in rows if r.entry.kind == "ordered"]
        )
        for closing in writes:
            if isinstance(closing, Closing):
                close(connection, closing)


def close(connection: sqlite3.Connection, closing: Closing, own: str = _OWN) -> bool:
    """Write an episode's whole row, if it has as many records as it says (`own`); returns whether it has."""
    columns = ", ".join(f"{name} = :{name}" for name in closing.columns)
    query = (
        f"UPDATE episodes SET {columns}, reward = {LAST_TOTAL.replace('?', ':episode')}, stale = 0 "
        f"WHERE episode = :episode AND ({own}) = :records"
    )
    about = {"episode": closing.episode, "records": closing.records}
    return connection.execute(query, {**closing.columns, **about}).rowcount > 0


def digests_in(data: str) -> Iterator[str]:
    """Every digest that a record's JSON mentions, and perhaps what only looks like one."""
    plain = data.encode("utf-8", "replace")
    marks, end = plain.translate(_MARKS), 0
    while (start := marks.find(_RUN, end)) >= 0:
        end = marks.find(b" ", start)
        end = len(marks) if end < 0 else end
        word = plain[start:end].decode()
        most = len(word) - _DIGEST
        if most <= _BESIDE:
            yield from (word[at : at + _DIGEST] for at in range(most + 1))
        else:
            yield from _at_ends(word)


def _at_ends(word: str) -> Iterable[str]:
    last = len(word) - _DIGEST
    for start in (*range(_BESIDE + 1), *range(max(_BESIDE + 1, last - _BESIDE), last + 1)):
        yield word[start : start + _DIGEST]


def _values(row: Row, pack: Callable[[str], str | bytes]) -> tuple[Any, ...]:
    e = row.entry
    return row.episode, e.kind, e.key, pack(e.data), e.at, e.reuse, e.schema, e.tokens


def _reward(connection: sqlite3.Connection, row: Row, record: int | None) -> None:
    if row.entry.reward is None:
        return
    connection.execute(_REWARD, (record, row.episode, *row.entry.reward, row.entry.at))
    connection.execute(_TOTAL, (row.episode, row.episode))
