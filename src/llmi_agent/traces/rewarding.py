"""Rewards are given to episodes that are on record, at any time after: they are records, too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import Journal
from llmi_agent.traces.places import InJournal, Place, sources
from llmi_agent.traces.trace import Trace


def give(place: Place, episode: str, *rewards: Rewarded) -> None:
    """Put rewards on record, all or none, and wait until they are on disk. Not for an event loop.

    place: a journal, or where one is, as for `traces`; an exported file stays as it is.

    Raises InputError if there is no such episode, or none of what a reward is about, or if a reward says two things.
    """
    trace, journal = _found(place, episode)
    for each in rewards:
        for fault in _faults(each, trace):
            raise InputError(f"the reward {each.component!r} of the run {episode}: {fault}")
    journal.write(episode, *map(entry_of, rewards))


def _found(place: Place, episode: str) -> tuple[Trace, Journal]:
    for source in sources(place):
        if isinstance(source, InJournal):
            trace = Trace(episode, partial(source.journal.read, episode))
            if trace.records:
                return trace, source.journal
    raise InputError(
        f"there is no run {episode!r} to reward in a journal there; `llmi traces ls` lists runs, and "
        "`llmi traces import` takes those of an exported file"
    )


def _faults(reward: Rewarded, trace: Trace) -> Iterator[str]:
    if not reward.component:
        yield "it has no name"
    if reward.value is not None and not math.isfinite(reward.value):
        yield f"{reward.value} is no number to learn from; leave the value out if there is none"
    if (reward.value is None) != (reward.status == "error"):
        yield "it has either a value, or the status 'error' and no value"
    known = {
        "episode": {""},
        "slot": {str(each.slot) for each in trace.slots},
        "call": {each.call for each in trace.calls} | {each.call for each in trace.attempts},
    }[reward.scope]
    if reward.about not in known:
        yield f"there is no {reward.scope} {reward.about!r} in it"
