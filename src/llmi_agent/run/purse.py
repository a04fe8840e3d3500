"""A purse: money that several episodes share, above what each of them may spend."""

from __future__ import annotations

import asyncio
import threading
from weakref import WeakValueDictionary

from llmi_agent.records.codec import events_of
from llmi_agent.records.journal import Journal
from llmi_agent.records.known import Known

_A_WHILE = 1.0
"""Seconds: what another thread gives back at the very moment may go unheard."""


class Purse:
    """A budget, and what each episode holds of it. Episodes may run in several event loops.

    holder: whose it is, in words. flag: what raises it.
    """

    def __init__(self, budget: float, holder: str = "group", flag: str = "--group-budget") -> None:
        self.budget = budget
        self.holder = holder
        self.flag = flag
        self._spent = 0.0
        """By those that are at their end."""
        self._held: dict[str, float] = {}
        self._due: set[str] = set()
        """Episodes with a running call, which may give some back."""
        self._waiting: set[asyncio.Future[None]] = set()
        self._filling = threading.Lock()
        self._filled = False

    @property
    def left(self) -> float:
        """US dollars that nobody holds."""
        return self.budget - self._spent - sum(tuple(self._held.values()))

    def hold(self, episode: str, usd: float, *, due: bool = False) -> None:
        """What the episode has spent, or has set aside, in all; due: some of it may be given back."""
        less = usd < self._held.get(episode, 0.0) or (episode in self._due and not due)
        self._held[episode] = usd
        (self._due.add if due else self._due.discard)(episode)
        if less:
            for each in tuple(self._waiting):
                each.get_loop().call_soon_threadsafe(_wake, each)

    def close(self, episode: str) -> None:
        """The episode is at its end, and spends no more: what it holds is kept in one sum with that of others."""
        self._spent += self._held.pop(episode, 0.0)
        self._due.discard(episode)

    def due(self, episode: str) -> bool:
        """Whether an episode other than this one may give some back."""
        return bool(self._due - {episode})

    async def changed(self) -> None:
        """Returns when some was given back, when an episode can give back no more, or after a while."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait({future}, timeout=_A_WHILE)
        finally:
            self._waiting.discard(future)

    def fill(self, journal: Journal, group: str) -> None:
        """Take out what is on record of the group, once, before any of its episodes holds something."""
        with self._filling:
            if self._filled:
                return
            for episode in journal.group(group):
                known = Known(event for _, event in events_of(journal.read(episode)))
                charges = known.charges.values()
                self.hold(episode, sum(e.charge.held(e.reserved) for e in charges if e.charge))
            self._filled = True

    @property
    def filled(self) -> bool:
        return self._filled


class Purses:
    """The purses of a graph's groups, each for as long as one of its episodes runs.

    Episodes of a group that run in another process at the same time are not seen.
    """

    def __init__(self, journal: Journal, budget: float | None) -> None:
        self._journal = journal
        self._budget = budget
        self._purses: WeakValueDictionary[str, Purse] = WeakValueDictionary()

    async def of(self, group: str) -> Purse | None:
        """The group's, less what its episodes on record have spent; None where groups have no budget."""
        if not group or self._budget is None:
            return None
        purse = self._purses.setdefault(group, Purse(self._budget))
        if not purse.filled:
            await asyncio.to_thread(purse.fill, self._journal, group)
        return purse


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
