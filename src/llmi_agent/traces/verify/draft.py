"""The draft and its slots: where they stand, that nothing of it is lost, and what became of each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from llmi_agent.draft import BadSlot, Slot, slot_digest
from llmi_agent.records.events import CallEnded, CallStarted, Composed, DraftRead, SlotPlanned
from llmi_agent.records.outcome import Finished, Kept
from llmi_agent.traces.parts import Span
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify.calls import planned
from llmi_agent.traces.verify.finding import Found, named

_OPENER = re.compile(r"\s*(?:[<\[{`~◁]|&(?:lt|#60|#x3c);|\\u003c)", re.IGNORECASE)
"""What a slot begins with: a tag, a call of a tool, a fence, or an object that stands by itself."""
_MARK = re.compile(r"[<\[`~◁{]|&(?:lt|#60|#x3c);|\\u003c", re.IGNORECASE)
"""What is left out of a document is marked: what a model thinks, fences, the ends of calls."""
_SHOWN = 60


def of_draft(trace: Trace) -> Iterator[Found]:
    """Spans: within the draft, in its order, beside each other, and with what is prose the whole of it."""
    known = trace.known
    done = any(isinstance(event, Composed) for _, event in trace.events)
    if done and known.opened and known.draft is None:
        yield Found("composed", "there is a document and no complete draft")
    draft, read = known.draft, known.read
    if draft is None or read is None:
        return
    slots = [each for _, each in sorted(known.planned.items())]
    if [each.slot for each in slots] != [*range(len(slots))]:
        numbers = ", ".join(str(each.slot) for each in slots)
        yield Found("slot_planned", f"the draft's slots are not numbered from 0 on: {numbers}")
    yield from _spans(slots, read, len(draft))
    for slot in slots:
        source = draft[slice(*slot.span)]
        if not _OPENER.match(source):
            said = f"the draft has no tag at characters {slot.span[0]} to {slot.span[1]}, but {_words(source)}"
            yield Found(named("slot_planned", slot.slot), said)
    yield from _lost(draft, slots, read)


def _spans(slots: Sequence[SlotPlanned], read: DraftRead, length: int) -> Iterator[Found]:
    pieces = [(named("slot_planned", each.slot), each.span) for each in slots]
    texts = [(named("draft_read"), span) for span in read.texts]
    for about, (start, end) in (*pieces, *texts):
        longest = start < end or about == "draft_read"
        if not (0 <= start <= end <= length and longest):
            yield Found(about, f"characters {start} to {end} are no part of a draft of {length}")
    for own in (pieces, texts):
        for (_, before), (about, span) in pairwise(own):
            if span[0] < before[1]:
                yield Found(about, f"characters {span[0]} to {span[1]} are not after {before[1]}")
    for about, (start, end) in pieces:
        if any(start < text[1] and text[0] < end for text in read.texts):
            yield Found(about, f"characters {start} to {end} are also prose")


def _lost(draft: str, slots: Sequence[SlotPlanned], read: DraftRead) -> Iterator[Found]:
    """What is neither prose nor a slot is marked as something else. Inside a string of JSON it may be an escape."""
    if read.wrapper is not None:
        return
    at = 0
    covered: list[Span] = sorted([*read.texts, *(each.span for each in slots)])
    for start, end in (*covered, (len(draft), len(draft))):
        left = draft[at:start].strip()
        if left and not _MARK.search(left):
            said = f"characters {at} to {start} of the draft are in no part of the document: {_words(left)}"
            yield Found("draft_read", said)
        at = max(at, end)


def of_verdicts(trace: Trace) -> Iterator[Found]:
    """What became of each slot: it is one of the draft, and its picture was made for it."""
    known, slots = trace.known, planned(trace)
    made = _made(trace)
    for number, settled in known.settled.items():
        about = named("slot_settled", number)
        if slots and number not in slots:
            yield Found(about, f"no draft has a slot {number}")
        elif slots and settled.origin not in slots[number]:
            yield Found(
                about, f"it is on a slot of the digest {settled.origin}, which no draft has"
            )
        verdict = settled.verdict
        if isinstance(verdict, Kept) and known.given is None and verdict.digest not in made[number]:
            yield Found(about, f"no call for the slot made the picture {verdict.digest}")
    if known.composed is not None and known.read is not None:
        yield from _unsettled(trace)
    yield from _origins(trace)


def _made(trace: Trace) -> dict[int, set[str]]:
    """The pictures that calls made, by their slot."""
    found: dict[int, set[str]] = defaultdict(set)
    slots = {event.call: event.slot for _, event in trace.events if isinstance(event, CallStarted)}
    for _, event in trace.events:
        if isinstance(event, CallEnded) and isinstance(event.outcome, Finished):
            slot = slots.get(event.call, event.slot)
            found[slot].update(each.digest for each in event.outcome.candidates)
    return found


def _unsettled(trace: Trace) -> Iterator[Found]:
    for slot in trace.slots:
        if slot.verdict is None:
            about = named("slot_planned", slot.slot)
            yield Found(about, "there is a document, and no verdict on this slot of it")


def _origins(trace: Trace) -> Iterator[Found]:
    """A slot's digest is that of what the draft says there, as far as that is on record: its parameters are in its first call."""
    for slot in trace.slots:
        origin = trace.known.planned[slot.slot].origin
        read: list[Slot | BadSlot] = []
        if slot.unread:
            read.append(BadSlot(slot.slot, slot.source, slot.unread))
        for call in slot.attempts:
            same = (call.kind, call.description) == (slot.kind, slot.description)
            if call.attempt == 0 and same:
                read.append(Slot(slot.slot, slot.kind, slot.description, call.params))
        if read and origin not in map(slot_digest, read):
            about = named("slot_planned", slot.slot)
            yield Found(about, f"its digest {origin} is not that of what was asked for")


def _words(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
