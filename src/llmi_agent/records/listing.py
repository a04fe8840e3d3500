"""Lists of episodes, by the columns of `episodes`, which are brought up to date first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from llmi_agent.base.errors import InputError
from llmi_agent.records.freshness import RECORDS, Fresh, Text, broken, fresh, write
from llmi_agent.records.overview import Chosen, Overview

T = TypeVar("T")

PAGE = 256
"""Rows that are read at once: however many there are, no more are in memory."""
AT_ONCE = 50
"""Episodes that are brought up to date in one transaction."""
TRIES = 3
"""For an episode that goes on while it is read."""

_COLUMNS = ", ".join(Overview._fields)
_STALE = Overview._fields.index("stale")
_ANY_STALE = "SELECT 1 FROM episodes WHERE stale LIMIT 1"
_END = 2**63 - 1
_overview: Callable[[Any], Overview] = partial(tuple.__new__, Overview)
"""As `Overview._make`, for rows that are known to have its length."""
_SHADOW = (
    "DROP TABLE IF EXISTS temp.episodes",
    "CREATE TEMP TABLE episodes AS SELECT * FROM main.episodes",
    "CREATE UNIQUE INDEX temp.episodes_by_id ON episodes (episode)",
    "CREATE UNIQUE INDEX temp.episodes_by_number ON episodes (number)",
)


class Change(Protocol):
    """Does what it is given in a transaction, and returns its result; None if somebody else keeps the file, and nothing was done."""

    def __call__(self, change: Callable[[sqlite3.Connection], T], /) -> T | None: ...


class Listing:
    """One look at the episodes of a file. Where it cannot be written, a copy of their table is, which is this connection's alone."""

    def __init__(self, rows: Callable[..., list[Any]], change: Change, text: Text) -> None:
        """rows: what a query finds, or InputError where a row holds what is no text. text: a body as JSON."""
        self._rows = rows
        self._change = change
        self._text = text
        self._shadowed = False

    def freshen(self, condition: str = "true", values: Sequence[Any] = ()) -> None:
        """Bring those up to date for which an SQL condition holds that needs no fresh row."""
        query = (
            f"SELECT number, episode FROM episodes WHERE stale AND number > ? AND ({condition}) "
            "ORDER BY number LIMIT ?"
        )
        number = 0
        while some := self._rows(query, number, *values, AT_ONCE):
            number = some[-1][0]
            self._bring_up_to_date([episode for _, episode in some])

    def overviews(self, chosen: Chosen, limit: int | None, oldest: bool) -> Iterator[Overview]:
        """In the order in which they came into the file, page by page."""
        if not chosen.plain:
            self.freshen(*chosen.sure.conditions())
        last, left = 0 if oldest else _END, limit
        while left is None or left > 0:
            most = PAGE if left is None else min(PAGE, left)
            page = self._page(chosen, last, oldest, most)
            yield from map(_overview, page)
            if len(page) < most:
                return
            last = page[-1][-1]
            left = left and left - len(page)

    def _page(self, chosen: Chosen, last: int, oldest: bool, most: int) -> list[Any]:
        condition, values = chosen.conditions()
        sign, order = (">", "ASC") if oldest else ("<", "DESC")
        query = (
            f"SELECT {_COLUMNS} FROM episodes WHERE number {sign} ? AND ({condition}) "
            f"ORDER BY number {order} LIMIT ?"
        )
        found = self._rows(query, last, *values, most)
        if not self._rows(_ANY_STALE) or not (stale := [row[0] for row in found if row[_STALE]]):
            return found
        for start in range(0, len(stale), AT_ONCE):
            self._bring_up_to_date(stale[start : start + AT_ONCE])
        return self._rows(query, last, *values, most)

    def _bring_up_to_date(self, episodes: Sequence[str]) -> None:
        for _ in range(TRIES):
            if episodes:
                episodes = self._put([self._fresh(each) for each in episodes])

    def _fresh(self, episode: str) -> Fresh:
        try:
            rows = self._rows(RECORDS, episode)
        except InputError as error:
            return broken(episode, self._rows, str(error))
        return fresh(episode, rows, self._text)

    def _put(self, found: Sequence[Fresh]) -> list[str]:
        """Those that were written to meanwhile."""
        if not self._shadowed:
            left = self._change(partial(write, found=found))
            if left is not None:
                return left
            self._shadowed = True
            self._change(_shadow)
        return self._change(partial(write, found=found, shadow=True)) or []


def _shadow(connection: sqlite3.Connection) -> bool:
    """Have `episodes` mean a table that is gone with the connection, and that nobody else keeps."""
    for statement in _SHADOW:
        connection.execute(statement)
    return True
