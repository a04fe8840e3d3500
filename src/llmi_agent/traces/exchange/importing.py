"""Traces of other homes and machines into a home of one's own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from llmi_agent.base.errors import InputError, ResourceError
from llmi_agent.records.codec import entry_again, events_of
from llmi_agent.records.events import Event, Opened
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.record import Record
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.home import default_store
from llmi_agent.store.intake import IntakeError, admit
from llmi_agent.traces.exchange.back import MOST_ID
from llmi_agent.traces.exchange.merging import comparable, merged
from llmi_agent.traces.exchange.pictures import LyingDigestError, files_of, found_in
from llmi_agent.traces.places import Place, Source, sources
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify import verify

MOST_NAMED = 1_000
"""Refusals that are named; the rest are counted."""
MOST_RECORDS, MOST_TEXT = 1_000_000, 2**28
"""Records of an episode, and characters of them."""
PATIENCE, _PAUSE = 30.0, 0.02
"""Seconds that an episode is waited for which something else here holds, and between two looks at it."""
_TIMES = (0.0, 253_402_300_800.0)
"""Seconds since the epoch that are a date: until the year 10000."""


@dataclass
class Imported:
    """What became of an import."""

    new: int = 0
    completed: int = 0
    """Episodes that went on elsewhere, or got further rewards there."""
    same: int = 0
    pictures: int = 0
    """Pictures and attachments that were taken over."""
    absent: int = 0
    """Those that did not come along, and are not here either."""
    refused: int = 0
    named: list[tuple[str, str]] = field(default_factory=list)
    """Some of the refused episodes or files, and why."""

    def refuse(self, what: str, why: str) -> None:
        """An episode, or the rest of a file, is not taken."""
        self.refused += 1
        if len(self.named) < MOST_NAMED:
            self.named.append((what, why))


def import_traces(
    places: Place, into: ArtifactStore | None = None, *, unchecked: bool = False
) -> Imported:
    """Merge the traces at these places into a home; what cannot be taken is refused, and the rest taken.

    into: the store of that home; by default the user's. Results that come with the traces are not reused by later runs.
    unchecked: also those in which `verify` finds an error, as far as they can be read.
    Each episode is taken as a whole, or not at all; an import that was interrupted goes on when it is repeated.

    Raises InputError for a place where there is nothing to read, ConfigError or ResourceError if the home cannot be
    written to.
    """
    store = into or default_store()
    journal = journal_beside(store)
    done = Imported()
    for source in sources(places):
        if _is_own(source, journal):
            raise InputError(
                f"{source.name} is what is imported into; name another place, or another --into"
            )
        try:
            for trace in source.traces():
                _take(trace, source, journal, store, done, unchecked=unchecked)
        except ResourceError:
            raise
        except InputError as error:
            done.refuse(source.name, str(error))
    return done


def _is_own(source: Source, journal: Journal) -> bool:
    own, other = journal.path, Path(source.name)
    try:
        return other.exists() and own.exists() and other.samefile(own)
    except OSError:
        return False


def _take(
    trace: Trace,
    source: Source,
    journal: Journal,
    store: ArtifactStore,
    done: Imported,
    *,
    unchecked: bool,
) -> None:
    try:
        _check(trace)
        files = _new_files(trace, store, done)
        with _held(journal, trace.episode):
            ours, theirs = comparable(journal.read(trace.episode)), comparable(trace.records)
            whole = merged(ours, theirs)
            if ours != whole and not unchecked:
                _check_true(trace)
            for data in files:
                store.put(data)
            if ours != whole:
                keep = _shared(ours, whole)
                entries = [entry_again(each) for each in whole[keep:]]
                journal.adopt(trace.episode, entries, keep=keep, of=len(ours))
    except (InputError, IntakeError, RecursionError) as error:
        done.refuse(trace.episode, f"{error} ({source.name})")
        return
    done.pictures += len(files)
    if not ours:
        done.new += 1
    elif ours != whole:
        done.completed += 1
    else:
        done.same += 1


@contextmanager
def _held(journal: Journal, episode: str) -> Iterator[None]:
    """`Journal.hold`, after a wait for another import, which is soon done with an episode."""
    until = time.monotonic() + PATIENCE
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(journal.hold(episode))
                break
            except InputError:
                if time.monotonic() >= until:
                    raise
            time.sleep(_PAUSE)
        yield


def _check_true(trace: Trace) -> None:
    """Raises InputError with the first error that `verify` finds, and how many more."""
    errors = [f for f in verify(trace, trace.pictures, elsewhere=True) if f.level == "error"]
    if errors:
        more = f", and {len(errors) - 1} more" if errors[1:] else ""
        raise InputError(f"{errors[0].record}: {errors[0].message}{more}")


def _shared(one: Sequence[Record], other: Sequence[Record]) -> int:
    """How many records both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _check(trace: Trace) -> None:
    """Raises InputError for what no LLMI wrote."""
    records, name = trace.records, trace.episode
    if not (0 < len(name) <= MOST_ID and name.isprintable()):
        raise InputError("it has no id that an episode can have")
    if len(records) > MOST_RECORDS or sum(len(each.data) for each in records) > MOST_TEXT:
        raise InputError("it has more records than any run makes")
    for record in records:
        if not _TIMES[0] <= record.at < _TIMES[1]:
            raise InputError(f"a record of it was made at {record.at!r} s, which is no time")
    if sum(isinstance(event, Opened) for _, event in trace.events) != 1:
        raise InputError("it has no beginning, or several")
    for record, event in _said(trace):
        if event.key != record.key:
            raise InputError(
                f"a record of the type {record.kind} is damaged: its key is another one's"
            )


def _said(trace: Trace) -> Iterator[tuple[Record, Event]]:
    """Each record that is an event, and that event; those of schema 1 are in other words."""
    if all(each.schema > 1 for each in trace.records):
        events = events_of(trace.records, strict=True)
        yield from zip(trace.records, (event for _, event in events), strict=True)
        return
    for record in trace.records:
        if record.schema > 1:
            yield from ((record, event) for _, event in events_of([record]))


def _new_files(trace: Trace, store: ArtifactStore, done: Imported) -> list[bytes]:
    """The files that the episode names and the store lacks. Raises InputError if one is not what it should be."""
    pictures = {each.digest for each in found_in(trace)}
    found: list[bytes] = []
    for digest in files_of(trace):
        if digest in store:
            continue
        try:
            if trace.pictures is None:
                raise KeyError(digest)
            data = trace.pictures.read(digest)
        except (KeyError, OSError):
            done.absent += 1
            continue
        if not _is(data, digest):
            raise LyingDigestError(f"its file {digest[:12]}… is not what its digest says")
        if digest in pictures:
            admit(data)
        found.append(data)
    return found


def _is(data: bytes, digest: str) -> bool:
    return hashlib.sha256(data).hexdigest() == digest
