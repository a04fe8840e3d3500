"""Two accounts of one episode, made into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from llmi_agent.base.errors import InputError
from llmi_agent.records import arrays
from llmi_agent.records.events import Rewarded
from llmi_agent.records.record import Record


@dataclass(frozen=True)
class Account:
    """An episode's records, of which those that a run made come in its order, and rewards in between."""

    records: tuple[Record, ...]

    @cached_property
    def own(self) -> list[Record]:
        """Without the rewards."""
        return [each for each in self.records if each.kind != Rewarded.type]

    @cached_property
    def rewards(self) -> Counter[tuple[int, Record]]:
        """Each with how many records came before it: it was given to what there was then."""
        found: Counter[tuple[int, Record]] = Counter()
        before = 0
        for each in self.records:
            if each.kind == Rewarded.type:
                found[before, each] += 1
            else:
                before += 1
        return found


def merged(ours: Sequence[Record], theirs: Sequence[Record]) -> list[Record]:
    """All that is in either. Raises InputError if they contradict each other.

    One's records must be a beginning of the other's, rewards aside: those come together, each where it was given, by
    their times. It makes no difference who is merged into whom.
    """
    one, other = Account(tuple(ours)), Account(tuple(theirs))
    shared = min(len(one.own), len(other.own))
    for place in range(shared):
        if one.own[place] != other.own[place]:
            raise InputError(
                f"there is another account of it here: they differ in record {place + 1} of {shared}"
            )
    longer = max(one.own, other.own, key=len)
    rewards = sorted(
        (one.rewards | other.rewards).elements(), key=lambda e: (e[0], e[1].at, e[1].key, e[1].data)
    )
    found: list[Record] = []
    for place in range(len(longer) + 1):
        while rewards and rewards[0][0] == place:
            found.append(rewards.pop(0)[1])
        found += longer[place : place + 1]
    return found


def comparable(records: Iterable[Record]) -> list[Record]:
    """The same; token arrays, which may be packed in several ways, are packed anew."""
    return [
        replace(each, tokens=arrays.pack(arrays.unpack(each.tokens))) if each.tokens else each
        for each in records
    ]
