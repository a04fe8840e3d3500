"""Traces counted: how kinds, tools and models did, what they cost, and the rewards. Nothing unknown counts as 0.

Of each trace only numbers stay, so that it does not matter how many there are.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llmi_agent.base.errors import InputError
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import Rewarded
from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.traces.parts import Attempt, ModelCall, TracedSlot
from llmi_agent.traces.trace import Trace

UNREADABLE = "(unreadable)"
"""The kind of a slot that cannot be read."""
_MOST_NAMED = 20


@dataclass(frozen=True)
class Spread:
    """How numbers are spread; all are None if there is none."""

    count: int
    mean: float | None = None
    least: float | None = None
    lower: float | None = None
    median: float | None = None
    upper: float | None = None
    p95: float | None = None
    most: float | None = None

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """That of these; quantiles lie between two values as far as they have to."""
        own = sorted(values)
        if not own:
            return cls(0)
        points = (quantile(own, share) for share in (0, 0.25, 0.5, 0.75, 0.95, 1))
        return cls(len(own), sum(own) / len(own), *points)


def quantile(values: Sequence[float], share: float) -> float:
    """What `share` of the sorted values are below, between the two nearest."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


@dataclass
class Cost:
    """US dollars by how they are known, each with the number of calls; and how many calls have an unknown cost."""

    known: float = 0.0
    known_calls: int = 0
    estimated: float = 0.0
    estimated_calls: int = 0
    unknown_calls: int = 0

    def take(self, charge: Charge) -> None:
        """One more call."""
        if charge.usd is None:
            self.unknown_calls += 1
        elif charge.basis == "estimated":
            self.estimated += charge.usd
            self.estimated_calls += 1
        else:
            self.known += charge.usd
            self.known_calls += 1


@dataclass
class OfKind:
    """What drafts asked for, by the kind that they asked for."""

    slots: int = 0
    kept: int = 0
    stood_in: int = 0
    """Of the kept ones, those that another kind stands in for."""
    missing: int = 0
    open: int = 0
    """Without a verdict: the run was cut, or goes on."""
    first: int = 0
    """Kept at the first attempt."""
    attempts: int = 0

    def take(self, slot: TracedSlot) -> None:
        """One more slot."""
        self.slots += 1
        self.attempts += len(slot.attempts)
        match slot.verdict:
            case Kept() as kept:
                self.kept += 1
                self.stood_in += bool(kept.instead_of)
                self.first += kept.attempts == 1
            case Dropped():
                self.missing += 1
            case None:
                self.open += 1


@dataclass
class OfTool:
    """The calls of one tool for one kind."""

    calls: int = 0
    """Those that were made; what was found on record is none."""
    worked: int = 0
    failed: int = 0
    stopped: int = 0
    """By the run, or there was no money: the tool did not answer."""
    cut: int = 0
    found: int = 0
    """Results that were found on record."""
    seconds: array[float] = field(default_factory=lambda: array("d"))
    """Of each call that the tool answered."""
    found_seconds: array[float] = field(default_factory=lambda: array("d"))
    cost: Cost = field(default_factory=Cost)

    def take(self, call: Attempt) -> None:
        """One more call."""
        if call.cached:
            self.found += 1
            if call.seconds is not None:
                self.found_seconds.append(call.seconds)
            return
        self.calls += 1
        if call.outcome is None:
            self.cut += 1
        elif call.by == "nobody":
            self.stopped += 1
        else:
            self.failed += call.failure is not None
            self.worked += call.failure is None
            if call.seconds is not None:
                self.seconds.append(call.seconds)


@dataclass
class OfModel:
    """The requests to one model for one purpose."""

    calls: int = 0
    accepted: int = 0
    refused: int = 0
    """Ended, and the run did not go on with the answer."""
    cut: int = 0
    input_tokens: int = 0
    input_counted: int = 0
    """Calls whose vendor counted what was read."""
    output_tokens: int = 0
    output_counted: int = 0
    sampled: int = 0
    """Calls whose tokens are on record."""
    seconds: array[float] = field(default_factory=lambda: array("d"))
    first: array[float] = field(default_factory=lambda: array("d"))
    """Seconds to the first word."""
    cost: Cost = field(default_factory=Cost)

    def take(self, call: ModelCall) -> None:
        """One more call."""
        self.calls += 1
        self.accepted += call.accepted
        self.cut += call.ended is None
        self.refused += call.ended is not None and not call.accepted
        self.sampled += call.tokens is not None
        if call.input_tokens is not None:
            self.input_tokens += call.input_tokens
            self.input_counted += 1
        if call.output_tokens is not None:
            self.output_tokens += call.output_tokens
            self.output_counted += 1
        if call.seconds is not None:
            self.seconds.append(call.seconds)
        if call.first is not None:
            self.first.append(call.first - call.started)


@dataclass
class OfReward:
    """One component of one scope, by one profile and judge; of what was given again, the last."""

    values: array[float] = field(default_factory=lambda: array("d"))
    errors: int = 0
    """Those that could not be given."""
    runs: int = 0


@dataclass
class Stats:
    """All that is counted."""

    runs: int = 0
    states: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    """What is said of runs that cannot be read, of the first few; they are counted nowhere else."""
    began: tuple[float, float] | None = None
    """When the first and the last of them began, in seconds since the epoch."""
    rewarded: int = 0
    """Runs with a reward for what they are now."""
    outdated: int = 0
    """Runs that have gone on since their last reward: it is counted nowhere else."""
    kinds: dict[str, OfKind] = field(default_factory=lambda: defaultdict(OfKind))
    tools: dict[tuple[str, str], OfTool] = field(default_factory=lambda: defaultdict(OfTool))
    """By tool and kind."""
    models: dict[tuple[str, str], OfModel] = field(default_factory=lambda: defaultdict(OfModel))
    """By model and purpose."""
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls of tools that failed, by reason and who is to blame."""
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Slots that stay without a picture, in the same way."""
    rewards: dict[tuple[str, str, str, str], OfReward] = field(
        default_factory=lambda: defaultdict(OfReward)
    )
    """By scope, component, profile and judge."""
    cost: Cost = field(default_factory=Cost)

    def take(self, trace: Trace) -> None:
        """One more trace. One that cannot be read is counted as that."""
        try:
            parts = trace.slots, trace.attempts, trace.calls, trace.rewards
            state, began = trace.state, trace.began
        except InputError as error:
            self.states["unreadable"] += 1
            self.runs += 1
            if len(self.unreadable) < _MOST_NAMED:
                self.unreadable.append(str(error))
            return
        self.runs += 1
        self.states[state] += 1
        first, last = self.began or (began, began)
        self.began = min(first, began), max(last, began)
        slots, attempts, calls, rewards = parts
        self._slots(slots)
        for attempt in attempts:
            self.tools[attempt.tool, attempt.kind].take(attempt)
            if attempt.failure is not None and attempt.by != "nobody":
                self.failures[attempt.failure.reason, attempt.blame or ""] += 1
        for call in calls:
            self.models[call.model, call.purpose].take(call)
        self._costs(trace.costs.charges)
        current = [each.given for each in rewards if each.current]
        self.outdated += bool(rewards) and not current
        self._rewards(current)

    def _slots(self, slots: Iterable[TracedSlot]) -> None:
        for slot in slots:
            self.kinds[slot.kind or UNREADABLE].take(slot)
            if isinstance(slot.verdict, Dropped):
                self.missing[slot.verdict.reason, slot.blame or ""] += 1

    def _costs(self, charges: Iterable[Charge]) -> None:
        for charge in charges:
            self.cost.take(charge)
            if charge.call == "model":
                self.models[charge.name, charge.purpose].cost.take(charge)
            else:
                self.tools[charge.name, charge.purpose].cost.take(charge)

    def _rewards(self, given: Sequence[Rewarded]) -> None:
        self.rewarded += any(each.value is not None for each in given)
        last = {(e.scope, e.about, e.component, e.profile, e.judge, e.rubric): e for e in given}
        seen = set[tuple[str, str, str, str]]()
        for each in last.values():
            key = each.scope, each.component, each.profile, each.judge
            own = self.rewards[key]
            own.runs += key not in seen
            seen.add(key)
            if each.value is None:
                own.errors += 1
            else:
                own.values.append(each.value)


def stats(traces: Iterable[Trace]) -> Stats:
    """These traces counted, one after the other."""
    found = Stats()
    for each in traces:
        found.take(each)
    return found


def share(part: int, whole: int) -> float | None:
    """A part of a whole; None of nothing."""
    return part / whole if whole else None
