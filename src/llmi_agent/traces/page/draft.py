"""The draft as the model wrote it: its prose, what was left out of the document, and its slots where they stand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import fmean

from llmi_agent.records.events import Tokens
from llmi_agent.records.outcome import Candidate, Kept
from llmi_agent.traces.page.calls import Try, came_to, tries
from llmi_agent.traces.page.room import Passage, Room, Shown
from llmi_agent.traces.parts import Span, TracedSlot
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.words import verdict_of

MOST_DRAFT = 400_000
"""Characters of a draft that are shown."""
MOST_SLOTS = 250
"""Slots with all that there is to say of them; of the others, that they are there."""
_MOST_SOURCE = 8_000
_MOST_CANDIDATES = 12
_MOST_MARKS = 20_000
"""Pieces of a draft that are shaded by their logprobs."""
_STEPS = (-0.1, -0.5, -1.2, -2.5, -4.5)
"""Logprobs between one shade and the next."""
_KINDS = ("search", "diffusion", "code", "edit")


@dataclass(frozen=True)
class Mark:
    """A piece of prose, shaded by how unlikely the model found what it wrote."""

    text: str
    shade: int = 0


@dataclass(frozen=True)
class Prose:
    """Text between slots."""

    marks: list[Mark]
    apart: bool = False
    """It is left out of the document: what the model thought, the marks of a fence."""
    type: str = "prose"


@dataclass(frozen=True)
class Candid:
    """A picture that was made for a slot."""

    shown: Shown
    size: str
    kept: bool
    blank: bool


@dataclass(frozen=True)
class Place:
    """A slot where it stands."""

    slot: TracedSlot
    style: str
    source: Passage
    state: str
    said: str
    pictures: list[Candid] = field(default_factory=list)
    more: int = 0
    """Pictures that are left out."""
    tries: list[Try] = field(default_factory=list)
    came: str = ""
    """How many of them failed, or never ended."""
    whole: bool = True
    type: str = "slot"


@dataclass(frozen=True)
class Drafted:
    """The whole of it."""

    complete: bool
    parts: list[Prose | Place]
    left: int
    """Characters that are not shown."""
    slots: int
    """Slots in what is not shown."""
    shaded: bool
    length: int


def style_of(kind: str) -> str:
    """The class of a kind's colour."""
    return f"k-{kind}" if kind in _KINDS else "k-other" if kind else "k-bad"


def drafted(trace: Trace, room: Room) -> Drafted:
    """The draft that holds, or what there is of it."""
    text = trace.draft if trace.draft is not None else _begun(trace)
    shown = room.text(text, MOST_DRAFT)
    shades = _Shades(_tokens(trace, text))
    parts = list(_parts(trace, shown.text, shades, room))
    there = sum(isinstance(each, Place) for each in parts)
    return Drafted(
        complete=trace.draft is not None,
        parts=parts,
        left=shown.left,
        slots=len(trace.slots) - there,
        shaded=shades.there,
        length=len(text),
    )


def _begun(trace: Trace) -> str:
    return next((each.text for each in reversed(trace.calls) if each.purpose == "draft"), "")


def _tokens(trace: Trace, text: str) -> Tokens | None:
    call = next((c for c in reversed(trace.calls) if c.purpose == "draft" and c.accepted), None)
    return call.tokens if call and call.raw == text and trace.known.given is None else None


def _parts(trace: Trace, text: str, shades: _Shades, room: Room) -> Iterator[Prose | Place]:
    read = trace.known.read
    prose = read.texts if read is not None and read.wrapper is None else ((0, len(text)),)
    at = 0
    for number, slot in enumerate(sorted(trace.slots, key=lambda each: each.span)):
        start, end = slot.span
        if end > len(text) or start < at:  # not shown, or not yet on record
            continue
        yield from _prose((at, start), text, prose, shades)
        yield _place(trace, slot, room, whole=number < MOST_SLOTS)
        at = end
    yield from _prose((at, len(text)), text, prose, shades)


def _prose(span: Span, text: str, prose: tuple[Span, ...], shades: _Shades) -> Iterator[Prose]:
    """What stands between two slots: prose, and what the document does not have of it."""
    at = span[0]
    for start, end in (*_within(prose, span), (span[1], span[1])):
        for own, apart in (((at, start), True), ((start, end), False)):
            if inner := _inner(text, own):
                yield Prose(list(shades.marks(text, inner)), apart)
        at = max(at, end)


def _inner(text: str, span: Span) -> Span | None:
    """Without the empty lines around it; None if nothing is left."""
    piece = text[slice(*span)]
    if not piece.strip():
        return None
    start = span[0] + len(piece) - len(piece.lstrip("\r\n"))
    return start, span[1] - (len(piece) - len(piece.rstrip("\r\n \t")))


def _within(prose: tuple[Span, ...], span: Span) -> Iterator[Span]:
    first = bisect_right(prose, (span[0], -1))
    for start, end in prose[max(first - 1, 0) :]:
        if start >= span[1]:
            return
        if end > span[0]:
            yield max(start, span[0]), min(end, span[1])


class _Shades:
    """Which shade each piece of a draft has."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._ends: list[int] = []
        self._shades: list[int] = []
        self._left = _MOST_MARKS
        if tokens is None or not tokens.logprobs or not tokens.pieces:
            return
        at = 0
        for count, _ in tokens.pieces:
            own = tokens.logprobs[at : at + count]
            at += count
            self._shades.append(_shade(fmean(own)) if own else 0)
        self._ends = list(accumulate(characters for _, characters in tokens.pieces))

    @property
    def there(self) -> bool:
        return bool(self._ends)

    def marks(self, text: str, span: Span) -> Iterator[Mark]:
        at, last = span
        ends, shades = self._ends, self._shades
        piece = bisect_right(ends, at)
        while at < last:
            if piece >= len(ends) or self._left <= 0:
                yield Mark(text[at:last])
                return
            shade = shades[piece]
            while piece + 1 < len(ends) and shades[piece + 1] == shade and ends[piece] < last:
                piece += 1
            end = min(ends[piece], last)
            if end > at:
                yield Mark(text[at:end], shade)
                self._left -= 1
            at, piece = max(at, end), piece + 1


def _shade(logprob: float) -> int:
    return sum(logprob < step for step in _STEPS)


def _place(trace: Trace, slot: TracedSlot, room: Room, *, whole: bool) -> Place:
    verdict = slot.verdict
    state = "open" if verdict is None else verdict.status
    style = "k-bad" if slot.unread else style_of(slot.kind)
    said = "" if isinstance(verdict, Kept) and not verdict.instead_of else verdict_of(slot)
    if not whole:
        return Place(slot, style, Passage(""), state, said, whole=False)
    made = list(_candidates(slot))
    return Place(
        slot=slot,
        style=style,
        source=room.text(slot.source, _MOST_SOURCE),
        state=state,
        said=said,
        pictures=[_candid(slot, each, room) for each in made[:_MOST_CANDIDATES]],
        more=max(0, len(made) - _MOST_CANDIDATES),
        tries=list(tries(trace, slot.attempts, room)),
        came=came_to(
            sum(each.failure is not None for each in slot.attempts),
            sum(each.outcome is None for each in slot.attempts),
        ),
    )


def _candidates(slot: TracedSlot) -> Iterator[Candidate]:
    """Every picture that was made for it, the kept one first, each once."""
    verdict = slot.verdict
    made = {each.digest: each for attempt in slot.attempts for each in attempt.pictures}
    if isinstance(verdict, Kept):
        kept = Candidate(
            **{
                name: getattr(verdict, name)
                for name in ("digest", "media_type", "width", "height", "provenance")
            }
        )
        yield made.pop(verdict.digest, kept)
    yield from made.values()


def _candid(slot: TracedSlot, picture: Candidate, room: Room) -> Candid:
    kept = isinstance(slot.verdict, Kept) and slot.verdict.digest == picture.digest
    what = "The picture that was kept" if kept else "A candidate that was not kept"
    alt = f"{what} for slot {slot.slot}: {slot.description or slot.kind or 'no description'}"
    return Candid(
        room.picture(picture.digest, alt),
        f"{picture.width} x {picture.height}",
        kept,
        picture.blank,
    )
