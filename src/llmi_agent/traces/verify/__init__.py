"""Whether a trace is whole: every digest, every span, every count and every reference in it, and its document again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import Opened
from llmi_agent.records.record import Record
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify.calls import of_charges, of_models, of_tools
from llmi_agent.traces.verify.columns import of_columns
from llmi_agent.traces.verify.draft import of_draft, of_verdicts
from llmi_agent.traces.verify.files import (
    names_files as names_files,
    of_document,
    of_pictures,
)
from llmi_agent.traces.verify.finding import Finding as Finding, Found, named
from llmi_agent.traces.verify.rewards import of_rewards


def verify(
    trace: Trace, pictures: ArtifactReader | None = None, *, elsewhere: bool = False
) -> Iterator[Finding]:
    """What is wrong with a trace, or worth a note, in the order in which it is found; nothing for a good one.

    pictures: where the bytes of its pictures and attachments are; without it they are not looked at. A record that
    cannot be read is one finding, and the others are looked at without it.
    elsewhere: it is another home's, of which the records are looked at: pictures need not be there, the folder that it
        names is not of this machine, and the other columns of an exported row do not matter.
    """
    for found in _all_of(trace, pictures, elsewhere):
        yield Finding(trace.episode, *found)


def _all_of(trace: Trace, pictures: ArtifactReader | None, elsewhere: bool) -> Iterator[Found]:
    try:
        records = trace.records
    except InputError as error:
        yield Found("records", str(error))
        return
    damaged = list(_damaged(records))
    yield from (found for _, found in damaged)
    away = {number for number, _ in damaged}
    sound = tuple(record for number, record in enumerate(records) if number not in away)
    whole = Trace(trace.episode, lambda: sound)
    yield from _beginning(whole)
    if whole.known.opened is None:
        return
    yield from of_models(whole)
    yield from of_tools(whole)
    yield from of_charges(whole)
    yield from of_draft(whole)
    yield from of_verdicts(whole)
    yield from of_rewards(whole)
    if trace.told is not None and not damaged and not elsewhere:
        yield from of_columns(whole, trace.told)
    if pictures is not None:
        yield from of_pictures(whole, pictures, absent=elsewhere)
    if not damaged:
        yield from of_document(whole, pictures, written=not elsewhere)


def _damaged(records: Sequence[Record]) -> Iterator[tuple[int, Found]]:
    """Each record that cannot be read, or that is not about what its key says, by its number."""
    for number, record in enumerate(records):
        about = named(record.kind, record.key)
        try:
            events = [event for _, event in events_of([record], strict=True)]
        except InputError as error:
            yield number, Found(about, f"it cannot be read: {error}")
            continue
        for event in events:
            same = event.type != record.kind or event.key == record.key
            if not same:  # those of former versions are named otherwise
                yield number, Found(about, f"its key is not that of what it says ({event.key!r})")


def _beginning(trace: Trace) -> Iterator[Found]:
    opened = [n for n, (_, event) in enumerate(trace.events) if isinstance(event, Opened)]
    if not opened:
        yield Found("opened", "there is no record of how the run began")
    elif opened[0] != 0:
        yield Found("opened", "it is not the first record", "note")
    if len(opened) > 1:
        yield Found("opened", f"the run begins {len(opened)} times")
