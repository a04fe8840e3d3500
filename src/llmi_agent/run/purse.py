"""A purse: money that several episodes share, above what each of them may spend."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from llmi_agent.records.codec import events_of
from llmi_agent.records.events import Charged
from llmi_agent.records.journal import Journal
from llmi_agent.records.known import Known


class Purse:
    """A budget, and what each episode holds of it."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._held: dict[str, float] = {}

    @property
    def left(self) -> float:
        """US dollars that nobody holds."""
        return self.budget - sum(self._held.values())

    def hold(self, episode: str, usd: float) -> None:
        """What the episode has spent, or has set aside, in all."""
        self._held[episode] = usd


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
        if (known := self._purses.get(group)) is not None:
            return known
        own = await asyncio.to_thread(self._filled, Purse(self._budget), group)
        return self._purses.setdefault(group, own)

    def _filled(self, purse: Purse, group: str) -> Purse:
        for episode in self._journal.group(group):
            known = Known(event for _, event in events_of(self._journal.read(episode)))
            purse.hold(episode, sum(map(_held, known.charges.values())))
        return purse


def _held(charged: Charged) -> float:
    if charged.charge is None:
        return 0.0
    return charged.reserved if charged.charge.usd is None else charged.charge.usd
