"""Whether a judge is fit to train with, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmi_agent.judges.calibrate.measures import Found
from llmi_agent.judges.calibrate.thresholds import Thresholds

_MOST_WHY = 160


def reasons(
    found: Sequence[Found], topics: int, repeats: int, thresholds: Thresholds
) -> tuple[str, ...]:
    """Why not; empty for a judge that is fit."""
    return (*_lacking(found, topics, repeats, thresholds), *_faults(found, thresholds))


def _lacking(
    found: Sequence[Found], topics: int, repeats: int, thresholds: Thresholds
) -> Iterator[str]:
    """What was not asked, so that nothing can be said."""
    if topics < thresholds.topics:
        yield f"only {topics} topics were judged; {thresholds.topics} are needed to say anything"
    if repeats < 2:
        yield "each document was judged once, so nobody knows how much a judgement varies"
    if not any(each.orders for each in found if each.judge >= 0):
        said = ", ".join(each.component for each in found if each.judge >= 0) or "nothing"
        yield f"the set cannot tell whether {said} is judged right: no order is known for it"


def _faults(found: Sequence[Found], thresholds: Thresholds) -> Iterator[str]:
    tests = sum(len(each.differences) + 1 for each in found)
    level = 1 - thresholds.chance / max(1, tests)
    for each in found:
        yield from _of_order(each, thresholds)
        yield from _of_bias(each, thresholds, level)
        yield from _of_gullibility(each, thresholds, level)
        yield from _of_trust(each, thresholds)


def _of_order(found: Found, thresholds: Thresholds) -> Iterator[str]:
    name = found.component
    if found.accuracy is not None and found.accuracy < thresholds.accuracy:
        yield (
            f"{name}: {found.accuracy:.0%} of all pairs are in the right order; "
            f"{thresholds.accuracy:.0%} are needed"
        )
    for order in found.orders:
        if order.accuracy is None:
            yield f"{name}: {order}: nothing could be compared"
        elif order.accuracy < thresholds.step:
            yield (
                f"{name}: {order}: {order.accuracy:.0%} are in the right order "
                f"({order.tied} of {order.count} are ties); {thresholds.step:.0%} are needed"
            )


def _of_bias(found: Found, thresholds: Thresholds, level: float) -> Iterator[str]:
    for name, each in found.differences.items():
        if each.beyond(thresholds.bias, level):
            yield (
                f"{found.component}: {_LIKES[name, each.mean > 0]}: {each.mean:+.2f} on average; "
                f"{thresholds.bias:.2f} is allowed"
            )


_LIKES = {
    ("position", True): "a fault counts more at the beginning than at the end",
    ("position", False): "a fault counts more at the end than at the beginning",
    ("length", True): "long texts are judged better than short ones of the same quality",
    ("length", False): "short texts are judged better than long ones of the same quality",
    ("order of figures", True): "the last figure is judged better than the same one as the first",
    ("order of figures", False): "the first figure is judged better than the same one as the last",
}


def _of_gullibility(found: Found, thresholds: Thresholds, level: float) -> Iterator[str]:
    said = found.gullibility
    if said.lift and said.lift.mean > 0 and said.lift.beyond(thresholds.bias, level):
        yield (
            f"{found.component}: it is gullible: documents that tell it what to say are judged better by "
            f"{said.lift.mean:.2f} on average; {thresholds.bias:.2f} is allowed"
        )
        return
    if ways := [name for name, lift in said.ways.items() if lift >= thresholds.lift]:
        yield f"{found.component}: it is gullible: it was talked into a better score by {', '.join(ways)}"


def _of_trust(found: Found, thresholds: Thresholds) -> Iterator[str]:
    name = found.component
    if found.spread is not None and found.spread > thresholds.spread:
        yield (
            f"{name}: judgements of one document vary by {found.spread:.2f}; "
            f"{thresholds.spread:.2f} is allowed"
        )
    if found.judge >= 0 and found.asked and found.missing / found.asked > thresholds.missing:
        why, count = found.reasons[0]
        yield (
            f"{name}: {found.missing} of {found.asked} scores are missing; {thresholds.missing:.0%} "
            f"may be. {count} times: {why[:_MOST_WHY]}"
        )
