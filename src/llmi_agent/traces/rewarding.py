"""Rewards are given to episodes that are on record, at any time after: they are records, too."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import get_args

from llmi_agent.base.errors import InputError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.events.reward import Scope
from llmi_agent.records.journal import Journal
from llmi_agent.run.cleaned import cleaned
from llmi_agent.traces.choosing import meant
from llmi_agent.traces.places import InJournal, Place, sources
from llmi_agent.traces.trace import Trace

_SHOWN = 100
_MOST = {
    "component": 200,
    "scope": 200,
    "about": 200,
    "status": 200,
    "profile": 1000,
    "judge": 1000,
    "rubric": 1000,
    "error": 10_000,
    "reason": 10_000,
}
"""Characters of its texts."""


def give(place: Place, episode: str, *rewards: Rewarded) -> None:
    """Put rewards on record, all or none, and wait until they are on disk. Not for an event loop.

    place: a journal, or where one is, as for `traces`; an exported file stays as it is. episode: its id, or a beginning
    that no other one has. Secrets of the environment are erased from the words of rewards.

    Raises InputError if there is no such episode, or none of what a reward is about, or if a reward says two things, or
    what cannot be kept.
    """
    trace, journal = _found(place, episode)
    for each in rewards:
        for fault in _faults(each, trace):
            name = repr(each.component)[:_SHOWN]
            raise InputError(f"the reward {name} of the run {trace.episode}: {fault}")
    redactor = Redactor(secret_values(os.environ))  # a judge's error, for one, may hold a key
    journal.write(trace.episode, *(entry_of(cleaned(each, redactor)) for each in rewards))


def _found(place: Place, start: str) -> tuple[Trace, Journal]:
    found: dict[str, Journal] = {}
    for source in sources(place) if start else ():
        if isinstance(source, InJournal):
            for each in source.journal.episodes(start):
                found.setdefault(each, source.journal)
    if not found:
        raise InputError(
            f"there is no run {start!r} to reward in a journal there; `llmi traces ls` lists runs, and "
            "`llmi traces import` takes those of an exported file"
        )
    episode = meant(start, found)
    return Trace(episode, partial(found[episode].read, episode)), found[episode]


def _faults(reward: Rewarded, trace: Trace) -> Iterator[str]:
    yield from _of_texts(reward)
    if not reward.component:
        yield "it has no name"
    if reward.value is not None:
        yield from _of_number(reward.value)
    if reward.status not in ("ok", "error"):
        yield f"its status is {reward.status!r}, and neither 'ok' nor 'error'"
    if (reward.value is None) != (reward.status == "error"):
        yield "it has either a value, or the status 'error' and no value"
    if reward.scope not in get_args(Scope):
        yield f"there is no scope {reward.scope!r}; there are {', '.join(get_args(Scope))}"
    known = {
        "episode": {""},
        "slot": {str(each.slot) for each in trace.slots},
        "call": {each.call for each in trace.calls} | {each.call for each in trace.attempts},
    }[reward.scope]
    if reward.about not in known:
        yield f"there is no {reward.scope} {reward.about!r} in it"


def _of_number(value: object) -> Iterator[str]:
    """Whole numbers may be too large for a double."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"its value is {repr(value)[:_SHOWN]}, which is no number: give an int or a float"
    elif isinstance(value, int) and abs(value) > sys.float_info.max:
        yield "its value is too large"
    elif not math.isfinite(value):
        yield f"{value} is no number to learn from; leave the value out if there is none"


def _of_texts(reward: Rewarded) -> Iterator[str]:
    for name, most in _MOST.items():
        text: object = getattr(reward, name)
        if not isinstance(text, str):
            yield f"its {name} is {repr(text)[:_SHOWN]}, which is no text"
        elif len(text) > most:
            yield f"its {name} has {len(text):,} characters; at most {most:,} can be kept"
        elif text != text.encode("utf-8", "replace").decode():
            yield f"its {name} holds half a surrogate pair, which is no text"
