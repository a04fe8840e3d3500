"""How the numbers go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_offline.blocks import chart_figure
from llmi_offline.charts import numbers as charts
from llmi_offline.facts.pairs import Pair, without_season
from llmi_offline.phrases import (
    capital,
    correlation,
    label,
    named,
    plain,
    rounded,
    spelled,
)

if TYPE_CHECKING:
    from llmi_offline.blocks import Block
    from llmi_offline.facts.study import Study

_WEAK = 0.2
_HARDLY = 0.1
_MOST_HUES = 6


def numbers(study: Study) -> list[Block]:
    """The strongest link between two measures, and all of them where there are several."""
    found = study.pairs
    if not found:
        return []
    main = next((pair for pair in found if not pair.twin), found[0])
    twin = found[0].twin and found[0] is not main
    if abs(main.line.r) < _HARDLY:
        if not twin:
            return [_unlinked(found)]
        alone = "No other two of the numbers compared move together."
        return [f"{_twin(found[0])} {alone}", *_all(study, found)]
    texts = [_twin(found[0])] if twin else []
    texts += [
        _strength(main, alone=not twin, single=len(found) == 1),
        _seasonless(study, main),
        _weakest(found, main),
        _caveat(main),
    ]
    name_x, name_y = plain(label(main.x)), plain(label(main.y))
    way = "rises" if main.line.slope > 0 else "falls"
    caption = f"{capital(name_y)} against {name_x}, with the least-squares line (r = {correlation(main.line.r)})."
    title = (
        f"{capital(name_y)} {way} with {name_x}"
        if abs(main.line.r) >= _WEAK
        else f"{capital(name_y)} and {name_x} hardly move together"
    )
    blocks: list[Block] = [" ".join(filter(None, texts))]
    overview = _all(study, found)
    blocks.append(
        chart_figure(
            caption,
            charts.scatter(study, main, title, _hue(study)),
            _scatter_intro(study, main),
        )
    )
    return blocks + overview


def _unlinked(found: list[Pair]) -> str:
    r = correlation(abs(found[0].line.r))
    if len(found) == 1:
        return f"{capital(named(found[0].x))} and {named(found[0].y)} do not move together (r = {correlation(found[0].line.r)})."
    return f"None of the numbers compared move together: no correlation is above {r} in size."


def _scatter_intro(study: Study, pair: Pair) -> str:
    if pair.rows > charts.MOST_POINTS:
        return f"In the chart, the darker a cell, the more {study.noun}s fall into it."
    return f"In the chart, each {study.noun} is a point."


def _strength(pair: Pair, *, alone: bool, single: bool) -> str:
    r = pair.line.r
    shown = f"(r = {correlation(r)} over {pair.rows:,} rows)"
    if abs(r) < _WEAK and single:
        return f"{capital(named(pair.x))} and {named(pair.y)} are linked only weakly {shown}."
    if abs(r) < _WEAK:
        return (
            f"{'No' if alone else 'No other'} two of the numbers compared move together closely; the strongest link, between {named(pair.x)} and "
            f"{named(pair.y)}, is weak {shown}."
        )
    close = "closely " if abs(r) >= 0.8 else "loosely " if abs(r) < 0.5 else ""
    way = "in the same direction" if r > 0 else "in opposite directions"
    slope = "higher" if pair.line.slope > 0 else "lower"
    return (
        f"{capital(named(pair.x))} and {named(pair.y)} move {close}{way} {shown}: on the fitted line, "
        f"{named(pair.y)} is {rounded(abs(pair.line.slope))} {slope} for each 1 that {named(pair.x)} is higher."
    )


def _seasonless(study: Study, pair: Pair) -> str:
    left = without_season(study, pair)
    if left is None or not study.rhythmic or abs(pair.line.r) < _WEAK:
        return ""
    if abs(left) < abs(pair.line.r) - 0.05:
        meaning = "so part of the link is the season that they share"
    else:
        meaning = "so the link is not just a season that they share"
    return f"With each month's own mean taken out of both, r is {correlation(left)}, {meaning}."


def _weakest(found: list[Pair], main: Pair) -> str:
    last = found[-1]
    if last is main or abs(last.line.r) >= _WEAK:
        return ""
    return f"At the other end, {named(last.x)} and {named(last.y)} have next to nothing to do with each other (r = {correlation(last.line.r)})."


def _caveat(main: Pair) -> str:
    if abs(main.line.r) < _WEAK:
        return ""
    return "A correlation says that two columns move together, not that one drives the other."


def _twin(pair: Pair) -> str:
    return f"{capital(named(pair.x))} and {named(pair.y)} all but repeat each other (r = {correlation(pair.line.r)})."


def _hue(study: Study) -> str:
    """A category to colour the points by, if its groups are few enough to tell apart."""
    for column in study.categories[:1]:
        if column in study.roles.categories and study.frame[column].nunique() <= _MOST_HUES:
            return column
    return ""


def _all(study: Study, found: list[Pair]) -> list[Block]:
    measures = [m for m in study.roles.measures if any(m in (pair.x, pair.y) for pair in found)][:8]
    if len(measures) < 4:
        return []
    strong = sum(abs(pair.line.r) >= 0.5 for pair in found)
    many = spelled(len(found))
    which = (
        f"only {spelled(strong)}"
        if 0 < strong < len(found) / 3
        else spelled(strong)
        if strong
        else "none"
    )
    text = (
        f"Of the {many} pairs of numbers compared, {which} {'have' if strong > 1 else 'has'} a correlation of "
        "at least 0.5 in size."
    )
    top = found[0]
    title = f"{capital(plain(label(top.x)))} and {plain(label(top.y))} are the closest pair (r = {correlation(top.line.r)})"
    caption = f"The correlation of every pair of numbers; the closest is {plain(label(top.x))} with {plain(label(top.y))} at {correlation(top.line.r)}."
    return [
        text,
        chart_figure(
            caption, charts.correlations(study, measures, title), "The grid gives them all."
        ),
    ]
