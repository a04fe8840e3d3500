"""What was counted of traces, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmi_agent.base.text import one_line
from llmi_agent.cli.text import plural
from llmi_agent.traces.stats import Spread, Stats, share
from llmi_agent.traces.stats_plain import usd
from llmi_agent.traces.words import duration, moment

_CELL = 40


def tables(found: Stats) -> Iterator[str]:
    """All of it, line by line."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    yield f"{plural(found.runs, 'run')}" + (f": {states}" if states else "")
    if found.began:
        yield f"began {moment(found.began[0])} to {moment(found.began[1])}"
    yield f"cost {usd(found.cost)}"
    for title, head, rows in (
        ("Kinds, as the drafts asked for them", _KINDS, _kinds(found)),
        ("Tools", _TOOLS, _tools(found)),
        ("Models", _MODELS, _models(found)),
        ("Failed calls of tools", _COUNTS, _counts(found.failures.items())),
        ("Missing figures", _COUNTS, _counts(found.missing.items())),
        (
            f"Rewards ({found.rewarded} of {plural(found.runs, 'run')} have one)",
            _REWARDS,
            _rewards(found),
        ),
    ):
        body = list(rows)
        if body:
            yield ""
            yield title
            yield from table(head, body)
    if found.outdated:
        yield ""
        yield f"Rewarded before they went on, which does not count: {plural(found.outdated, 'run')}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Aligned columns; numbers to the right, the first column to the left."""
    cells = [head, *([one_line(cell, _CELL) for cell in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    for row in cells:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  " + "  ".join([first, *rest]).rstrip()


_KINDS = (
    "kind",
    "slots",
    "kept",
    "of them stand-ins",
    "missing",
    "open",
    "attempts",
    "kept at the first",
)


def _kinds(found: Stats) -> Iterator[tuple[str, ...]]:
    for kind, own in sorted(found.kinds.items()):
        settled = own.kept + own.missing
        first = f"{percent(own.first, settled)} of {settled}"
        counts = (own.slots, own.kept, own.stood_in, own.missing, own.open, own.attempts)
        yield kind, *map(str, counts), first


_TOOLS = (
    "tool",
    "kind",
    "calls",
    "worked",
    "failed",
    "stopped",
    "cut",
    "median",
    "p95",
    "of",
    "found on record",
    "cost",
)


def _tools(found: Stats) -> Iterator[tuple[str, ...]]:
    for (tool, kind), own in sorted(found.tools.items()):
        counts = (own.calls, own.worked, own.failed, own.stopped, own.cut)
        again = Spread.of(own.found_seconds)
        recalled = f"{own.found} ({_time(again.median)})" if own.found else "0"
        yield (
            tool,
            kind,
            *map(str, counts),
            *_times(Spread.of(own.seconds)),
            recalled,
            usd(own.cost),
        )


_MODELS = ("model", "for", "calls", "accepted", "not", "cut", "read", "written", "tokens on record", "first word", "p95", "of", "median", "p95", "of", "cost")  # fmt: skip


def _models(found: Stats) -> Iterator[tuple[str, ...]]:
    for (model, purpose), own in sorted(found.models.items()):
        counts = (own.calls, own.accepted, own.refused, own.cut)
        read = _tokens(own.input_tokens, own.input_counted, own.calls)
        written = _tokens(own.output_tokens, own.output_counted, own.calls)
        sampled = f"{own.sampled} of {own.calls}"
        times = *_times(Spread.of(own.first)), *_times(Spread.of(own.seconds))
        yield model, purpose, *map(str, counts), read, written, sampled, *times, usd(own.cost)


_COUNTS = ("reason", "to blame", "count")


def _counts(counts: Iterable[tuple[tuple[str, str], int]]) -> Iterator[tuple[str, ...]]:
    for (reason, blame), count in sorted(counts, key=lambda each: (-each[1], each[0])):
        yield reason, blame or "nobody", str(count)


_REWARDS = (
    "component",
    "scope",
    "by",
    "runs",
    "values",
    "not given",
    "mean",
    "least",
    "25%",
    "median",
    "75%",
    "most",
)


def _rewards(found: Stats) -> Iterator[tuple[str, ...]]:
    for (scope, component, profile, judge), own in sorted(found.rewards.items()):
        given = Spread.of(own.values)
        by = ", ".join(part for part in (profile, judge and f"judge {judge}") if part) or "-"
        missing = f"{own.errors} ({percent(own.errors, own.errors + given.count)})"
        points = (given.mean, given.least, given.lower, given.median, given.upper, given.most)
        told = ("-" if each is None else f"{each:.4g}" for each in points)
        yield component, scope, by, str(own.runs), str(given.count), missing, *told


def _tokens(count: int, counted: int, calls: int) -> str:
    if not counted:
        return "not counted"
    return f"{count:,}" if counted == calls else f"{count:,} in {counted} calls"


def _times(spread: Spread) -> tuple[str, str, str]:
    return _time(spread.median), _time(spread.p95), str(spread.count)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)


def percent(part: int, whole: int) -> str:
    """ "80%"; a dash of nothing."""
    found = share(part, whole)
    return "-" if found is None else f"{100 * found:.0f}%"
