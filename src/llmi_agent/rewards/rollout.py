"""What was just run, as the trace that it left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.traces.choosing import one
from llmi_agent.traces.places import Place
from llmi_agent.traces.trace import Trace


class HasEpisode(Protocol):
    """A `Document`, or what a `Runner` has `Written`."""

    @property
    def episode(self) -> str: ...


Rollout: TypeAlias = Trace | HasEpisode | Mapping[str, Any] | str
"""A trace; or what names one: a document, what a runner has written, a graph's last state, an episode's id."""


def trace_of(what: Rollout, place: Place | None) -> Trace:
    """Its trace, from the `place` where it was recorded.

    Raises InputError if it names no episode, if nobody said where it is, or if it is not there: a run with
    record="none" leaves nothing.
    """
    if isinstance(what, Trace):
        return what
    episode = _episode(what)
    if place is None:
        raise InputError(
            f"to score the run {episode}, say where it is on record: Scorer(place=...), a store's journal or its folder"
        )
    return one(place, episode)


def _episode(what: HasEpisode | Mapping[str, Any] | str) -> str:
    if isinstance(what, str):
        return what
    if isinstance(what, Mapping):
        document = what.get("document")
        inside = document.get("episode") if isinstance(document, Mapping) else None
        found = what.get("episode") or inside
    else:
        found = getattr(what, "episode", None)
    if isinstance(found, str) and found:
        return found
    raise InputError(
        f"a {type(what).__name__} names no run: give a trace, a document, a graph's last state, or a run's id"
    )
