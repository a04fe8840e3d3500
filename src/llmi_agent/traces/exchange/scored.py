"""Drafts with their rewards, by group."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from llmi_agent.traces.exchange.answers import Count, Sampled, drafted
from llmi_agent.traces.exchange.pictures import Carrier
from llmi_agent.traces.exchange.row import total
from llmi_agent.traces.trace import Trace


@dataclass(frozen=True)
class Member:
    """An episode of a group that has a reward, and a draft to learn from."""

    number: int
    group: str
    reward: float
    episode: str
    model: str
    split: str


@dataclass(frozen=True)
class Standing:
    """How the rewards of a group are."""

    count: int
    mean: float
    tied: bool
    """All are the same, so that each is the mean, whatever the sum is rounded to."""


class Scored:
    """Drafts with their rewards, by group, on disk: a group's members may lie far apart."""

    def __init__(self) -> None:
        self._tables = sqlite3.connect("")  # a file of SQLite's own, which goes with the connection
        self._tables.execute(
            "CREATE TABLE drafts (number INTEGER PRIMARY KEY, grp TEXT, reward REAL, episode TEXT, model TEXT, "
            "split TEXT, said BLOB)"
        )
        self._tables.execute(
            "CREATE TABLE rewards (grp TEXT, episode TEXT, reward REAL, PRIMARY KEY (grp, episode)) WITHOUT ROWID"
        )

    def take(self, traces: Iterable[Trace], carrier: Carrier, count: Count) -> None:
        """Those that have a group, a reward and a draft; without a draft the reward still counts for the group's mean."""
        for trace in traces:
            reward = total(trace)
            self._rewarded(trace, reward)
            if not trace.group:
                count.left_out["an episode of no group"] += 1
            elif reward is None:
                count.left_out["an episode without a reward"] += 1
            elif said := drafted(trace, carrier, count):
                row = (
                    trace.group,
                    reward,
                    trace.episode,
                    trace.model,
                    trace.split,
                    pickle.dumps(said),
                )
                self._tables.execute(
                    "INSERT INTO drafts (grp, reward, episode, model, split, said) VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )

    def weigh(self, peers: Iterable[Trace]) -> None:
        """All members of the groups, of which those that were taken are some: they make the means."""
        for trace in peers:
            self._rewarded(trace, total(trace))

    def _rewarded(self, trace: Trace, reward: float | None) -> None:
        if trace.group and reward is not None:
            row = (trace.group, trace.episode, reward)
            self._tables.execute("INSERT OR IGNORE INTO rewards VALUES (?, ?, ?)", row)

    def standing(self, group: str) -> Standing:
        """How the rewards of a group are."""
        query = "SELECT count(*), avg(reward), min(reward) = max(reward) FROM rewards WHERE grp = ?"
        count, mean, tied = self._tables.execute(query, (group,)).fetchone()
        return Standing(count, mean, bool(tied))

    def groups(self) -> Iterator[list[Member]]:
        """The members of each group, the best first."""
        rows = self._tables.execute(
            "SELECT number, grp, reward, episode, model, split FROM drafts ORDER BY grp, reward DESC, number"
        )
        for _, members in groupby((Member(*row) for row in rows), key=lambda each: each.group):
            yield list(members)

    def said(self, member: Member) -> Sampled:
        """What was asked, and what came."""
        query = "SELECT said FROM drafts WHERE number = ?"
        (data,) = self._tables.execute(query, (member.number,)).fetchone()
        said: Sampled = pickle.loads(data)
        return said

    def close(self) -> None:
        """Let go of it all."""
        self._tables.close()
