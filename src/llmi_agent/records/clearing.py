"""Forgetting runs, so that nothing of them is left."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import NamedTuple, Protocol

from llmi_agent.records.access import Tables

AT_ONCE = 500
"""Runs that are forgotten in one transaction."""
_PAGES = 2000
"""Of the file that are given back in one transaction."""
_LAST = """iif(stale, (
    SELECT max(at) FROM records WHERE records.episode = episodes.episode AND kind != 'rewarded'
), last)"""
_SPARED = "(split != '' OR EXISTS (SELECT 1 FROM rewards WHERE rewards.episode = episodes.episode))"
"""What is not forgotten unless that is asked for: it was given a reward, or is part of a split."""


class Forgotten(NamedTuple):
    """What became of runs that were to be forgotten."""

    runs: int = 0
    """That went."""
    running: int = 0
    """That stay since they are going on."""
    spared: int = 0
    """That stay for their rewards, or since they are part of a split."""


class Hold(Protocol):
    """Takes an episode until the stack is closed; returns whether nobody else has it."""

    def __call__(self, stack: ExitStack, episode: str, /) -> bool: ...


def old(tables: Tables, before: float, everything: bool) -> tuple[list[str], int]:
    """The runs whose last record is older, the oldest first, and how many more there are that are spared."""
    query = f"SELECT episode, {_SPARED} FROM episodes WHERE {_LAST} < ? ORDER BY {_LAST}, number"
    found = tables.rows(query, before)
    going = [episode for episode, spared in found if everything or not spared]
    return going, len(found) - len(going)


def forget(
    tables: Tables,
    hold: Hold,
    episodes: Iterable[str],
    before: float = math.inf,
    everything: bool = True,
) -> int:
    """Delete all of these runs, but for those that are going on or have a record since then.

    everything: also those that are spared otherwise. Returns how many went. Each is held meanwhile, so that one that is
    just being resumed keeps everything.
    """
    waiting, forgotten = list(episodes), 0
    for start in range(0, len(waiting), AT_ONCE):
        with ExitStack() as stack:
            some = [each for each in waiting[start : start + AT_ONCE] if hold(stack, each)]
            forgotten += tables.change(partial(_forget, some, before, everything))
    return forgotten


def _forget(
    episodes: Sequence[str], before: float, everything: bool, connection: sqlite3.Connection
) -> int:
    connection.execute("BEGIN IMMEDIATE")
    marks = ", ".join("?" * len(episodes))
    spared = "false" if everything else f"(stale OR {_SPARED})"
    query = (
        f"SELECT episode FROM episodes WHERE episode IN ({marks}) AND {_LAST} < ? AND NOT {spared}"
    )
    found = connection.execute(query, (*episodes, before)).fetchall()
    for table in ("records", "episodes", "mentions", "rewards"):
        connection.executemany(f"DELETE FROM {table} WHERE episode = ?", found)
    return len(found)


def used(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {about}").fetchone()[0]
        for about in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def least(connection: sqlite3.Connection) -> int:
    """About how many bytes the file has that are no run's: a page of each table and index, and the dictionaries."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (roots,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE rootpage > 0"
    ).fetchone()
    (bodies,) = connection.execute("SELECT total(length(body)) FROM dictionaries").fetchone()
    return int(roots * size + bodies)


def shrink(connection: sqlite3.Connection, alone: bool) -> None:
    """Give back the space of what was deleted, and with it its words: within pages that stay, they are overwritten.

    alone: nobody was seen to go on. What cannot be done while somebody writes is left for the next time.
    """
    with suppress(sqlite3.OperationalError):
        if connection.execute("PRAGMA auto_vacuum").fetchone()[0]:
            while connection.execute("PRAGMA freelist_count").fetchone()[0]:
                # `execute` would stop after the first page
                connection.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
        elif alone:  # a file of an older LLMI, which others may not use meanwhile
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
