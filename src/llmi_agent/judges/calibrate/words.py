"""A report for people, and as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from llmi_agent.base.text import one_line
from llmi_agent.document.render.wording import dollars, plural
from llmi_agent.judges.calibrate.collection import CHAIN
from llmi_agent.judges.calibrate.intervals import LEVEL, Difference
from llmi_agent.judges.calibrate.measures import Found
from llmi_agent.judges.calibrate.report import Report
from llmi_agent.records.costs import Costs

_MOST_WHY, _MOST_REASONS = 160, 3


def lines(report: Report) -> Iterator[str]:
    """What was asked, what was found, what it cost, and whether the judge is fit."""
    yield from _asked(report)
    yield from _table("Mean score of each version, from 0 to 1", CHAIN, _means(report))
    yield from _table("Pairs in the right order, ties as halves", ("all", "ties"), _orders(report))
    yield from _table(
        f"Where there should be no difference, with {LEVEL:.0%} intervals",
        ("repeated", "late - early", "long - short", "last - first"),
        _biases(report),
    )
    yield from _table(
        "Documents that tell it what to say, against the same without that",
        ("better", "worse", "of", "mean change"),
        _told(report),
    )
    yield from _missing(report)
    yield from _end(report)


def plain(report: Report) -> dict[str, Any]:
    """For JSON."""
    found = [_plain(each) for each in report.found]
    return {
        "fit": report.fit,
        "reasons": list(report.reasons),
        "set": report.digest,
        "topics": list(report.topics),
        "repeats": report.repeats,
        "judges": [asdict(each) for each in report.judges],
        "judgements": {"asked": report.asked, "whole": report.whole},
        "found": found,
        "seconds": asdict(report.seconds),
        "usd": {
            "known": report.costs.usd - report.costs.estimated,
            "estimated": report.costs.estimated,
            "calls_of_unknown_cost": report.costs.unknown,
        },
        "thresholds": report.thresholds.model_dump(),
    }


def _plain(found: Found) -> dict[str, Any]:
    return {
        "judge": found.judge if found.judge >= 0 else None,
        "component": found.component,
        "means": dict(found.means),
        "accuracy": found.accuracy,
        "ties": found.ties,
        "orders": [asdict(each) | {"accuracy": each.accuracy} for each in found.orders],
        "spread": found.spread,
        "position": _interval(found.position),
        "length": _interval(found.length),
        "order_of_figures": _interval(found.figures),
        "gullibility": {
            "better": found.gullibility.raised,
            "worse": found.gullibility.lowered,
            "of": found.gullibility.count,
            "change": _interval(found.gullibility.lift),
            "by_way": dict(found.gullibility.ways),
        },
        "asked": found.asked,
        "missing": found.missing,
        "why_missing": dict(found.reasons),
    }


def _interval(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    known = difference.count > 1
    low, high = difference.interval() if known else (None, None)
    return {"mean": difference.mean, "low": low, "high": high, "topics": difference.count}


def _asked(report: Report) -> Iterator[str]:
    yield (
        f"{plural(len(report.topics), 'topic')} of the set {report.digest}, each document judged "
        f"{plural(report.repeats, 'time')}: {plural(report.asked, 'judgement')}, {report.whole} of them whole"
    )
    for judge in report.judges:
        who = one_line(", ".join(judge.models)) or "nobody who gives a name"
        yield f"{', '.join(judge.components)}: by {who}; rubric {judge.rubric}"


def _means(report: Report) -> Iterator[list[str]]:
    for each in report.found:
        yield [each.component, *(_number(each.means.get(version)) for version in CHAIN)]


def _orders(report: Report) -> Iterator[list[str]]:
    for each in report.found:
        if each.accuracy is None:
            yield [each.component, "-", "-", "no order is known for it"]
            continue
        steps = [f"{order} {_share(order.accuracy)}" for order in each.orders]
        at_once = 4
        first, *rest = [steps[at : at + at_once] for at in range(0, len(steps), at_once)]
        yield [each.component, _share(each.accuracy), _share(each.ties), ", ".join(first)]
        yield from (["", "", "", ", ".join(more)] for more in rest)


def _biases(report: Report) -> Iterator[list[str]]:
    for each in report.found:
        known = (each.position, each.length, each.figures)
        yield [each.component, _number(each.spread), *map(_difference, known)]


def _told(report: Report) -> Iterator[list[str]]:
    for each in report.found:
        said = each.gullibility
        counts = map(str, (said.raised, said.lowered, said.count))
        yield [each.component, *counts, _difference(said.lift)]


def _missing(report: Report) -> Iterator[str]:
    yield ""
    lost = [each for each in report.found if each.judge >= 0 and each.missing]
    if not lost:
        yield "No score is missing."
        return
    yield "Missing scores"
    for each in lost:
        yield f"  {each.component}: {each.missing} of {each.asked}"
        for why, count in each.reasons[:_MOST_REASONS]:
            yield f"    {plural(count, 'time')}: {one_line(why, _MOST_WHY)}"


def _end(report: Report) -> Iterator[str]:
    took = report.seconds
    yield (
        f"Time: {took.all:.1f} s in all; the median judgement took {took.median:.2f} s, "
        f"the longest {took.longest:.2f} s"
    )
    yield f"Cost: {_cost(report.costs)}"
    yield ""
    if report.fit:
        yield "Fit to train with."
        return
    yield "Not fit to train with:"
    for reason in report.reasons:
        yield f"  - {one_line(reason)}"


def _cost(costs: Costs) -> str:
    known = costs.usd - costs.estimated
    said = [
        f"{dollars(known)} known" if known else "",
        f"{dollars(costs.estimated)} estimated" if costs.estimated else "",
        f"{plural(costs.unknown, 'call')} of unknown cost" if costs.unknown else "",
    ]
    return ", ".join(filter(None, said)) or "nothing"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as what is in them; what stands beyond the last head is written as it is."""
    yield ""
    yield title
    cells = [["", *heads], *rows]
    width = len(heads) + 1
    sizes = [max(len(row[at]) for row in cells) for at in range(width)]
    for row in cells:
        fitted = [row[0].ljust(sizes[0]), *(row[at].rjust(sizes[at]) for at in range(1, width))]
        yield ("  " + "  ".join([*fitted, *row[width:]])).rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _difference(value: Difference | None) -> str:
    if value is None:
        return "-"
    if value.count == 1:
        return f"{value.mean:+.2f}"
    low, high = value.interval()
    return f"{value.mean:+.2f} [{low:+.2f}, {high:+.2f}]"
