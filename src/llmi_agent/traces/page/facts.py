"""What a page says of the whole of a trace: its numbers, its costs, its rewards, and how the run was set up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from llmi_agent.base.text import one_line
from llmi_agent.document.render.wording import bill, dollars, size
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import TOTAL, Resumed, Rewarded
from llmi_agent.records.outcome import Dropped, Kept
from llmi_agent.traces.page.calls import Fact, came_to, plain
from llmi_agent.traces.page.room import Passage, Room
from llmi_agent.traces.trace import Reward, Trace
from llmi_agent.traces.words import duration, moment, scope_of, worth

_MOST_OPTIONS = 20_000
MOST_REWARDS = 400
_MOST_WORTH, _MOST_REASON = 28, 400
"""Characters on a card, and of a reason: why there is no reward stands whole with the rewards."""


@dataclass(frozen=True)
class Bill:
    """The calls of one model or tool for one purpose."""

    name: str
    purpose: str
    calls: int
    known: str
    estimated: str
    unknown: int
    read: str
    written: str


@dataclass(frozen=True)
class Grade:
    """A reward as it was given."""

    worth: str
    when: str
    why: str
    """In the judge's words."""
    by: str
    """Who judged, and by what."""
    error: bool
    superseded: bool
    """Another one was given later for the same."""
    before: bool
    """The run has gone on since."""


@dataclass(frozen=True)
class Rewards:
    """Rewards side by side: a row for each component of each scope, a column for each who gave them."""

    givers: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, list[list[Grade]]]] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True)
class About:
    """How the run was set up."""

    facts: list[Fact]
    files: list[Fact]
    options: Passage


def numbers(trace: Trace) -> list[Fact]:
    """The few that say most."""
    kept = sum(isinstance(each.verdict, Kept) for each in trace.slots)
    missing = sum(isinstance(each.verdict, Dropped) for each in trace.slots)
    open_ = len(trace.slots) - kept - missing
    figures = f"{kept} kept" + (f", {missing} missing" if missing else "")
    written = [each.output_tokens for each in trace.calls if each.output_tokens is not None]
    made = sum(not each.cached for each in trace.attempts)
    failed = sum(each.failure is not None for each in trace.attempts)
    ended = sum(each.outcome is None for each in trace.attempts)
    totals = [
        each
        for each in trace.rewards
        if each.given.component == TOTAL and each.given.scope == "episode"
    ]
    found = [
        Fact("Figures", figures + (f", {open_} open" if open_ else "")),
        Fact("Model calls", f"{len(trace.calls):,}"),
        Fact("Tool calls", f"{made:,}" + came_to(failed, ended)),
        Fact("Took", duration(trace.ended - trace.began)),
        Fact("Cost", bill(trace.costs) or "free"),
        Fact("Tokens written", f"{sum(written):,}" if written else ""),
        Fact("Reward", one_line(worth(totals[-1].given), _MOST_WORTH) if totals else ""),
    ]
    return [each for each in found if each.value]


def bills(trace: Trace) -> list[Bill]:
    """What was paid for what."""
    groups: dict[tuple[str, str, str], list[Charge]] = defaultdict(list)
    for charge in trace.costs.charges:
        groups[charge.call, charge.name, charge.purpose].append(charge)
    return [_bill(name, purpose, own) for (_, name, purpose), own in sorted(groups.items())]


def _bill(name: str, purpose: str, charges: list[Charge]) -> Bill:
    def usd(basis: str) -> str:
        own = [each.usd for each in charges if each.basis == basis and each.usd is not None]
        return dollars(sum(own)) if own else ""

    def tokens(which: str) -> str:
        own = [count for each in charges if (count := getattr(each, which)) is not None]
        return f"{sum(own):,}" if own else ""

    unknown = sum(each.usd is None for each in charges)
    counts = tokens("input_tokens"), tokens("output_tokens")
    return Bill(name, purpose, len(charges), usd("known"), usd("estimated"), unknown, *counts)


def given(trace: Trace) -> Rewards:
    """All rewards; those that were given again are there with what they were."""
    shown = trace.rewards[-MOST_REWARDS:]
    givers = list(dict.fromkeys(map(_giver, shown)))
    cells: dict[tuple[str, str], dict[str, list[Reward]]] = defaultdict(lambda: defaultdict(list))
    for each in shown:
        cells[scope_of(each.given), each.given.component][_giver(each)].append(each)
    order = sorted(cells, key=lambda row: (row[0] != "episode", row[0], row[1] != TOTAL, row[1]))
    rows = [(*row, [_grades(cells[row][giver]) for giver in givers]) for row in order]
    return Rewards(givers, rows, len(trace.rewards) - len(shown))


def _giver(reward: Reward) -> str:
    """A profile's hash has its judges in it, so that rewards of one stand in one column."""
    return reward.given.profile or _judged_by(reward.given) or "no profile"


def _judged_by(given: Rewarded) -> str:
    parts = (given.judge and f"judge {given.judge}", given.rubric and f"rubric {given.rubric}")
    return ", ".join(part for part in parts if part)


def _grades(rewards: list[Reward]) -> list[Grade]:
    """The last one first."""
    return [
        Grade(
            worth=worth(each.given),
            when=moment(each.at),
            why=one_line(each.given.reason, _MOST_REASON),
            by=_judged_by(each.given),
            error=each.given.status == "error",
            superseded=number > 0,
            before=not each.current,
        )
        for number, each in enumerate(reversed(rewards))
    ]


def about(trace: Trace, room: Room) -> About:
    """What holds for the whole run."""
    files = [
        Fact(each.name, f"{each.media_type}, {size(each.size)}, {each.digest[:16]}")
        for each in trace.attachments
    ]
    options = room.text(plain(dict(trace.options)), _MOST_OPTIONS)
    return About([each for each in _facts(trace) if each.value], files, options)


def _facts(trace: Trace) -> Iterator[Fact]:
    opened = trace.opened
    yield Fact("Episode", trace.episode)
    yield Fact("Began", moment(trace.began))
    yield Fact("Last record", moment(trace.ended))
    yield Fact("Model", trace.model)
    yield Fact("Tools", ", ".join(f"{kind}: {tool}" for kind, tool in trace.known.bindings.items()))
    yield Fact("Group", trace.group)
    yield Fact("Member", "" if trace.member is None else str(trace.member))
    yield Fact("Split", trace.split)
    yield Fact("Goes on from", opened.parent)
    yield Fact("Seed", str(opened.seed))
    yield Fact("Graph", opened.graph)
    yield Fact("Set-up", opened.setup)
    yield Fact("LLMI", opened.llmi)
    lives = [at for at, event in trace.events if isinstance(event, Resumed)]
    yield Fact("Went on", ", ".join(moment(at) for at in lives[:20]))
    yield Fact("Records", f"{len(trace.records):,}")
