"""Room on the disk: the oldest runs go until what is kept is small enough."""

from __future__ import annotations

from collections.abc import Mapping

from llmi_agent.records.clearing import Forgotten
from llmi_agent.records.journal import Journal


def make_room(
    journal: Journal,
    files: Mapping[str, int],
    most: int,
    before: float,
    *,
    everything: bool = False,
) -> Forgotten:
    """Forget the oldest runs until records, and the files that they mention, are `most` bytes; and no run more.

    files: the bytes of each, by its digest; those that no record mentions are not counted. before, everything: as in
    `Journal.forget_runs`. Of those that stay, only such are counted as running or spared as were reached.
    """
    journal.shrink(alone=False)  # what was deleted or written before is no reason to forget a run
    old, spared = journal.old_runs(before, everything=everything)
    there = len(journal.episodes())
    gone = reached = 0
    while (much := held(journal, files)) > most and reached < len(old):
        some = old[reached : reached + _few(much, most, there - gone)]
        reached += len(some)
        gone += journal.forget(some, before, everything=everything)
    if gone:
        journal.shrink(alone=gone == reached)
    return Forgotten(gone, reached - gone, spared if much > most else 0)


def held(journal: Journal, files: Mapping[str, int]) -> int:
    """Bytes of the records, and of the files that they mention."""
    return journal.used() + sum(files.get(each, 0) for each in journal.mentioned())


def _few(much: int, most: int, runs: int) -> int:
    """Half of the runs that would have to go if all were alike: they are not, and none must go too soon."""
    return max(1, (much - most) * runs // (2 * much))
