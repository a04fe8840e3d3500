"""When what was going on: a lane for what was asked of models, and one for each slot. Long waits are drawn short."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llmi_agent.records.events import Resumed, Rewarded
from llmi_agent.traces.page.calls import MOST_CALLS, anchor_of, state_of
from llmi_agent.traces.page.draft import MOST_SLOTS, style_of
from llmi_agent.traces.parts import Attempt, ModelCall
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.words import came_of, duration

MOST_LANES = 150
_SHORTEST = 0.35
"""Per cent of the width that the shortest call has."""
_LONGEST_WAIT = 0.06
"""Part of the working time that a wait between two calls is drawn as, if it is longer than that and a second."""
_TICKS = 6
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)


@dataclass(frozen=True)
class Bar:
    """A call, from `left` on, in per cent of the width."""

    left: float
    width: float
    style: str
    title: str
    href: str
    first: float = 0.0
    """Per cent of the bar before the first word came."""


@dataclass(frozen=True)
class Lane:
    """What was done one after the other for the same thing."""

    name: str
    href: str
    style: str
    bars: list[Bar]


@dataclass(frozen=True)
class Tick:
    """A mark on the axis."""

    left: float
    label: str
    wait: bool = False
    """A wait that is drawn short."""


@dataclass(frozen=True)
class Timeline:
    """All of it."""

    lanes: list[Lane] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    left: int = 0
    """Lanes that are not drawn."""
    seconds: str = ""


class Axis:
    """From seconds to per cent of the width. Waits in which nothing is going on are cut short."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self.busy = _joined(spans)
        work = sum(end - start for start, end in self.busy) or 1e-3
        self._starts = [start for start, _ in self.busy]
        self.waits: list[tuple[float, float]] = []
        """Those that are cut short: from when on, and how long they were."""
        self._at: list[float] = []
        at, before = 0.0, self.busy[0][0] if self.busy else 0.0
        for start, end in self.busy:
            wait = start - before
            if wait > max(1.0, work * _LONGEST_WAIT):
                self.waits.append((before, wait))
                wait = work * _LONGEST_WAIT
            at += wait
            self._at.append(at)
            at += end - start
            before = end
        self._whole = at or 1e-3

    def place(self, moment: float) -> float:
        """Where a moment is drawn."""
        number = max(bisect_right(self._starts, moment) - 1, 0)
        start, end = self.busy[number]
        inside = self._at[number] + min(max(moment - start, 0.0), end - start)
        wait = max(moment - end, 0.0)
        if wait:
            limit = self._at[number + 1] if number + 1 < len(self._at) else self._whole
            inside = min(inside + wait, limit)
        return 100 * inside / self._whole


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def timeline(trace: Trace) -> Timeline:
    """That of a trace; empty if nothing was called."""
    spans = [(each.started, _end(trace, each)) for each in _all(trace)]
    if not spans:
        return Timeline()
    axis = Axis([(start, max(start, end)) for start, end in spans])
    lanes = list(_lanes(trace, axis))
    ticks = sorted(_ticks(axis), key=lambda tick: tick.left)
    seconds = duration(max(end for _, end in spans) - min(start for start, _ in spans))
    return Timeline(lanes[:MOST_LANES], ticks, max(0, len(lanes) - MOST_LANES), seconds)


def _end(trace: Trace, call: ModelCall | Attempt) -> float:
    """What was cut with its process lasted at least to the last that is on record of that life of the run."""
    if call.ended is not None:
        return call.ended
    later = (at for at, event in trace.events if isinstance(event, Resumed) and at > call.started)
    life = next(later, math.inf)
    return max(
        (at for at, event in trace.events if at < life and not isinstance(event, Rewarded)),
        default=call.started,
    )


def _all(trace: Trace) -> list[ModelCall | Attempt]:
    return [*trace.calls, *trace.attempts]


def _lanes(trace: Trace, axis: Axis) -> Iterator[Lane]:
    numbers = {each.call: number for number, each in enumerate(trace.calls)}
    asked = [each for each in trace.calls if each.slot is None]
    for purpose in dict.fromkeys(each.purpose for each in asked):
        own = [each for each in asked if each.purpose == purpose]
        bars = [_asked(trace, each, numbers, axis) for each in own]
        yield Lane(purpose, "#model-calls", "k-model", bars)
    standing = {(each.call, each.started) for slot in trace.slots for each in slot.attempts}
    kinds = {each.slot: each.kind for each in trace.slots}
    made, repairs = defaultdict[int, list[Attempt]](list), defaultdict[int, list[ModelCall]](list)
    for attempt in trace.attempts:
        made[attempt.slot].append(attempt)
    for call in trace.calls:
        if call.slot is not None:
            repairs[call.slot].append(call)
    for number in sorted({*kinds, *made, *repairs}):
        kind = kinds.get(number) or (made[number][-1].kind if made[number] else "")
        bars = [_made(trace, e, axis, (e.call, e.started) in standing) for e in made[number]]
        bars += [_asked(trace, each, numbers, axis) for each in repairs[number]]
        href = f"#slot-{number}" if number in kinds else "#void"
        yield Lane(f"{number} {kind or 'unreadable'}", href, style_of(kind), bars)


def _asked(trace: Trace, call: ModelCall, numbers: dict[str, int], axis: Axis) -> Bar:
    end = _end(trace, call)
    left, width = _extent(axis, call.started, end)
    first = 0.0
    if call.first is not None and end > call.started:
        first = min(100.0, 100 * max(0.0, call.first - call.started) / (end - call.started))
    state = "" if call.accepted else " bad" if call.ended is not None else " cut"
    took = "never ended" if call.seconds is None else duration(call.seconds)
    number = numbers[call.call]
    href = f"#model-{number}" if number < MOST_CALLS else "#model-calls"
    title = f"{call.purpose} by {call.model}, {took}: {came_of(call)}"
    return Bar(left, width, f"k-model{state}", title[:300], href, first)


def _made(trace: Trace, call: Attempt, axis: Axis, standing: bool) -> Bar:
    left, width = _extent(axis, call.started, _end(trace, call))
    state = state_of(call)
    took = (
        "found on record"
        if call.cached
        else "never ended"
        if call.seconds is None
        else duration(call.seconds)
    )
    failure = call.failure
    came = (
        f"failed ({failure.reason}): {failure.message}"
        if failure
        else "made a picture"
        if call.outcome
        else "cut"
    )
    void = "" if standing else " (for a draft that was void later)"
    title = f"attempt {call.attempt} by {call.tool}, {took}: {came}{void}"
    href = f"#{anchor_of(call)}" if call.slot < MOST_SLOTS else "#draft"
    return Bar(
        left,
        width,
        f"{style_of(call.kind)} {state}{'' if standing else ' void'}",
        title[:300],
        href,
    )


def _extent(axis: Axis, start: float, end: float) -> tuple[float, float]:
    left = axis.place(start)
    width = max(axis.place(max(start, end)) - left, _SHORTEST)
    return round(min(left, 100 - _SHORTEST), 3), round(
        min(width, 100 - min(left, 100 - _SHORTEST)), 3
    )


def _ticks(axis: Axis) -> Iterator[Tick]:
    began = axis.busy[0][0]
    for start, wait in axis.waits:
        middle = (axis.place(start) + axis.place(start + wait)) / 2
        yield Tick(round(middle, 3), duration(wait), wait=True)
    work = sum(end - start for start, end in axis.busy)
    if axis.waits:
        return
    step = next((each for each in _steps(work) if work / each <= _TICKS), 86400.0)
    count = int((axis.busy[-1][1] - began) / step)
    for number in range(min(count, 4 * _TICKS) + 1):
        left = round(axis.place(began + number * step), 3)
        if left <= 96:
            yield Tick(left, _label(number * step))


def _steps(work: float) -> Iterator[float]:
    for power in (1e-3, 1e-2, 1e-1):
        yield from (power * each for each in (1, 2, 5))
    yield from map(float, _STEPS)


def _label(seconds: float) -> str:
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:g} ms"
    return f"{seconds:g} s" if seconds < 120 else duration(seconds)
