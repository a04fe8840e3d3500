"""Of the traces at a place, those that are meant: by an episode's id, or by what a list shows of each."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import attrgetter

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import entry_of
from llmi_agent.records.journal import Journal
from llmi_agent.records.overview import Chosen, Overview, unreadable
from llmi_agent.traces.copies import Copies, repeated, whole
from llmi_agent.traces.places import InJournal, Place, Source, sources
from llmi_agent.traces.trace import Trace

EVERY = Chosen()
_SHOWN = 5


def one(place: Place, start: str) -> Trace:
    """The one whose id begins with `start`. Raises InputError if there is none, or more than one."""
    found = {each.episode: each for each in starting(place, start)}
    if not start or not found:
        raise InputError(f"there is no run {start!r}; `llmi traces ls` lists them")
    return found[meant(start, found)]


def meant(start: str, found: Collection[str]) -> str:
    """The one of these ids, which all begin so. Raises InputError if it could be several."""
    if start in found:
        return start
    if len(found) > 1:
        shown = ", ".join(islice(found, _SHOWN))
        raise InputError(f"{len(found)} runs begin with {start!r}: {shown}; write more of the id")
    return next(iter(found))


def starting(place: Place, start: str) -> Iterator[Trace]:
    """Those whose ids begin so, each once: its copies are made into one."""
    found: dict[str, list[Trace]] = {}
    for source in sources(place):
        for trace in _starting(source, start):
            found.setdefault(trace.episode, []).append(trace)
    yield from map(whole, found.values())


def _starting(source: Source, start: str) -> Iterator[Trace]:
    if isinstance(source, InJournal):
        yield from (_of(source, episode) for episode in source.journal.episodes(start))
    else:
        yield from (each for each in source.traces() if each.episode.startswith(start))


def traces(place: Place, chosen: Chosen = EVERY, limit: int | None = None) -> Iterator[Trace]:
    """The traces at a place, the oldest of each file first. An episode that is found more than once is given once, after the
    others: as all its copies together say; copies that contradict each other cannot be read, which is said as for any other.

    chosen: only those that fit it. limit: at most so many, the newest ones.

    Each is read when something is asked of it, and few are in memory at once. Raises InputError for a place where there is
    nothing to read.
    """
    if limit is not None:
        newest = {each.episode for each in overviews(place, chosen, limit)}
        yield from (each for each in _every(place, chosen) if each.episode in newest)
    else:
        yield from _every(place, chosen)


def _every(place: Place, chosen: Chosen) -> Iterator[Trace]:
    found = sources(place)
    several, copies = repeated(found), Copies()
    for source in found:
        if several and isinstance(source, InJournal):
            for episode in filter(several.__contains__, reversed(source.journal.episodes())):
                copies.take(_of(source, episode), source)
        for trace in _within(source, chosen, several):
            if trace.episode not in several:
                yield trace
            elif not isinstance(source, InJournal):
                copies.take(trace, source)
    for trace in copies.traces():
        if chosen == EVERY or _fitting(trace, chosen):
            yield trace


def _once(found: Iterable[Overview]) -> Iterator[Overview]:
    """The first of each episode."""
    seen: set[str] = set()
    for each in found:
        if each.episode not in seen:
            seen.add(each.episode)
            yield each


def _within(source: Source, chosen: Chosen, also: Collection[str]) -> Iterator[Trace]:
    """also: episodes that are given whether they fit or not."""
    if isinstance(source, InJournal):
        for each in source.journal.overviews(chosen, oldest=True):
            yield _of(source, each.episode)
        return
    for trace in source.traces():
        if chosen == EVERY or trace.episode in also or _fitting(trace, chosen):
            yield trace


def overviews(place: Place, chosen: Chosen = EVERY, limit: int | None = None) -> Iterator[Overview]:
    """What a list shows of each of the chosen ones, the newest first; at most `limit`."""
    rows = (_listed(source, chosen, limit) for source in sources(place))
    newest = heapq.merge(*rows, key=attrgetter("began"), reverse=True)
    yield from islice(_once(newest), limit)


def _listed(source: Source, chosen: Chosen, limit: int | None) -> Iterator[Overview]:
    if isinstance(source, InJournal):
        yield from source.journal.overviews(chosen, limit=limit)
        return
    found = (row for trace in source.traces() if (row := _fitting(trace, chosen)))
    began = attrgetter("began")
    if limit is None:
        yield from sorted(found, key=began, reverse=True)
    else:
        yield from heapq.nlargest(limit, found, key=began)


def _of(source: InJournal, episode: str) -> Trace:
    return Trace(episode, partial(source.journal.read, episode), source.pictures)


def _fitting(trace: Trace, chosen: Chosen) -> Overview | None:
    """What a list shows of a trace that is in no journal, if it is chosen: as a journal would have it."""
    try:
        entries = [replace(entry_of(event), at=at) for at, event in trace.events]
        trace.opened  # noqa: B018 - what has no beginning is listed by no journal
    except InputError as error:
        only = replace(chosen, state="") == EVERY and chosen.state in ("", "unreadable")
        return _unreadable(trace.episode, str(error)) if only else None
    journal = Journal.in_memory()
    journal.write(trace.episode, *entries)
    return next(journal.overviews(chosen), None)


def _unreadable(episode: str, why: str) -> Overview:
    known = {"episode": episode, "began": 0.0, "last": 0.0, "reward": None, "stale": False}
    return Overview(**{**unreadable(why), **known})
