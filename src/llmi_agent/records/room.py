"""Room on the disk: the oldest runs go until what is kept is small enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from llmi_agent.records.clearing import Forgotten
from llmi_agent.records.journal import Journal


@dataclass(frozen=True)
class Files:
    """What is in the store, by digest."""

    sizes: Mapping[str, int]
    """Bytes."""
    young: Collection[str]
    """Those that cannot be deleted yet, whether a record mentions them or not."""
    since: float
    """When they became what they are, or later: seconds since the epoch."""

    @property
    def blocked(self) -> int:
        """Bytes of the young ones."""
        return sum(self.sizes.get(each, 0) for each in self.young)

    def of(self, mentioned: Collection[str]) -> int:
        """Bytes of the others that are mentioned; what nothing mentions is deleted."""
        return sum(self.sizes.get(each, 0) for each in mentioned if each not in self.young)


def make_room(
    journal: Journal, files: Files, most: int, before: float, *, everything: bool = False
) -> tuple[Forgotten, bool]:
    """Forget the oldest runs until records and files are `most` bytes; and no run more.

    before, everything: as in `Journal.forget_runs`. Returns what became of runs, and whether young files stand in the
    way: if there would be too much even without any run, they do not count, and the runs that may have made them stay. Of
    those that stay, only such are counted as running or spared as were reached.
    """
    journal.shrink(alone=False)  # what was deleted or written before is no reason to forget a run
    blocked = files.blocked
    in_the_way = blocked > 0 and journal.least() + blocked > most
    in_the_way = in_the_way and _held(journal, files) + blocked > most
    if in_the_way:
        blocked, before = 0, min(before, files.since)
    old, spared = journal.old_runs(before, everything=everything)
    there = len(journal.episodes())
    gone = reached = 0
    while (much := _held(journal, files) + blocked) > most and reached < len(old):
        some = old[reached : reached + _few(much, most, there - gone)]
        reached += len(some)
        gone += journal.forget(some, before, everything=everything)
    if gone:
        journal.shrink(alone=gone == reached)
    return Forgotten(gone, reached - gone, spared if much > most else 0), in_the_way


def _held(journal: Journal, files: Files) -> int:
    """Bytes of the records, and of the files that they mention, but for the young ones."""
    return journal.used() + files.of(journal.mentioned())


def _few(much: int, most: int, runs: int) -> int:
    """Half of the runs that would have to go if all were alike: they are not, and none must go too soon."""
    return max(1, (much - most) * runs // (2 * much))
