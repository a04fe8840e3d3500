"""How it moves over time, for short series, yearly series, panels and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmi_offline.blocks import chart_figure
from llmi_offline.charts import time as charts
from llmi_offline.facts.seasons import Path, lines_of, path
from llmi_offline.facts.series import highest, level_with, lowest
from llmi_offline.facts.variance import eta_squared
from llmi_offline.phrases import (
    capital,
    exact,
    label,
    listed,
    moment,
    named,
    plain,
    quoted,
    rounded,
    share,
    spelled,
    told_cut,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from llmi_offline.blocks import Block
    from llmi_offline.facts.clock import Clock
    from llmi_offline.facts.study import Study

_MOST_LINES = 8
_CLOSE = 0.9
_NOISE = 0.02
_CLEARLY = 0.05
"""Of the whole range, by how much one group must gain more than the others to be named for it."""


def course(study: Study, clock: Clock) -> list[Block]:
    """The path of up to two measures, and the daily cycle where there are hours."""
    blocks: list[Block] = []
    for turn, measure in enumerate(_two(study)):
        seen = path(study, measure)
        if seen and not (seen.flat and turn):
            title = _path_title(seen)
            blocks += [
                _path_text(seen, turn),
                chart_figure(
                    _path_caption(seen),
                    charts.along(study, clock, seen, title),
                    "The dashed line in the chart is that straight line."
                    if not turn and seen.trend and not seen.flat
                    else "",
                ),
            ]
    if clock.grain == "hour" and study.measures and clock.years > 5 / 365:
        blocks += _cycle(study, clock, study.measures[0])
    return blocks


def _two(study: Study) -> list[str]:
    """The leading measure and the first that does not just repeat it."""
    first = study.measures[:1]
    close = {
        m
        for pair in study.pairs
        if abs(pair.line.r) >= _CLOSE
        for m in (pair.x, pair.y)
        if first[0] in (pair.x, pair.y)
    }
    return first + [measure for measure in study.measures[1:] if measure not in close][:1]


def panel(study: Study, clock: Clock) -> list[Block]:
    """A measure along time for each group of a panel."""
    if not study.measures or not 2 <= study.frame[clock.panel].nunique() <= _MOST_LINES:
        return []
    measure = study.measures[0]
    seen = path(study, measure)
    if not seen:
        return []
    lines = lines_of(study, clock, seen)
    paths = [(str(name), lines[name].dropna()) for name in lines]
    ends = [(name, float(v.iloc[0]), float(v.iloc[-1])) for name, v in paths if len(v) > 1]
    if len(ends) < 2:
        return []
    ends.sort(key=lambda end: -(end[2] - end[1]))
    averaged = seen.bucket != clock.grain
    shown = rounded if averaged else exact
    told = listed(
        [f"from {shown(first)} to {shown(last)} for {quoted(n)}" for n, first, last in ends]
    )
    whose = f"the mean of {named(measure)}" if averaged else named(measure)
    text = (
        f"{_from_to(seen, [v for _, v in paths if len(v) > 1])}, {whose} went {told}."
        f"{told_cut(seen.cut, seen.bucket)}"
    )
    (name, first, last), (_, from_second, to_second) = ends[:2]
    what = f"{plain(label(measure))} over time by {plain(label(clock.panel))}"
    caption, title = f"{capital(what)}.", capital(what)
    ahead = (last - first) - max(0, to_second - from_second)
    if ahead > _CLEARLY * float(lines.max().max() - lines.min().min()):
        caption = (
            f"{capital(what)}; {plain(name)} gained the most, from {shown(first)} to {shown(last)}."
        )
        title = f"{plain(name)} gained the most in {plain(label(measure))}"
    return [
        text,
        chart_figure(
            caption,
            charts.by_group(study, clock, seen, clock.panel, title),
            "Each line is one of them.",
        ),
    ]


def _from_to(seen: Path, paths: Sequence[pd.Series[float]]) -> str:
    """The first and last period, if the groups have them in common."""
    firsts, lasts = ({series.index[at] for series in paths} for at in (0, -1))
    if len(firsts) > 1 or len(lasts) > 1:
        return f"Between the first and the last {seen.bucket} of each"
    first, last = (moment(when.pop().to_timestamp(), seen.bucket) for when in (firsts, lasts))
    return f"From {first} to {last}"


def _path_text(seen: Path, turn: int) -> str:
    first, last = seen.means.index[0], seen.means.index[-1]
    ends = f"from {_value(seen, first)} {_when(seen, first)} to {_value(seen, last)} {_when(seen, last)}"
    name = (
        f"the mean of {named(seen.measure)} per {seen.bucket}"
        if seen.averaged
        else named(seen.measure)
    )
    opening = (f"{capital(name)} goes {ends}.", f"Over the same time, {name} goes {ends}.")[
        turn % 2
    ]
    if seen.flat:
        told = f"The {seen.bucket}s differ little: {share(seen.share, 1)} of the variance lies between them."
        return f"{opening} {_path_extremes(seen)} {told}{told_cut(seen.cut, seen.bucket)}"
    cut = told_cut(seen.cut, seen.bucket).strip()
    return " ".join(filter(None, [opening, _path_extremes(seen), _path_line(seen), cut]))


def _path_extremes(seen: Path) -> str:
    """Where it is highest and lowest, unless those are its ends."""
    high, low = highest(seen.means), lowest(seen.means)
    ends = (seen.means.index[0], seen.means.index[-1])
    told = [
        f"{word}, {_value(seen, at)}, {_when(seen, at)}{_again(seen, at)}"
        if at not in ends
        else f"{word} {_when(seen, at)}{_again(seen, at)}"
        for word, at in (("highest", high), ("lowest", low))
    ]
    return f"It is {told[0]}, and {told[1]}."


def _again(seen: Path, at: Any) -> str:
    times = level_with(seen.means, at)
    return f" and {spelled(times, 'time')} later" if times else ""


def _value(seen: Path, at: Any) -> str:
    value = float(seen.means.loc[at])
    return rounded(value) if seen.averaged else exact(value)


def _when(seen: Path, at: Any) -> str:
    return f"{_at(seen)} {moment(at, seen.bucket)}"


def _path_line(seen: Path) -> str:
    if not seen.trend:
        return ""
    fit = share(seen.trend.r**2, 1)
    if seen.trend.r**2 < 0.1:
        return f"A straight line explains hardly any of the course, {fit} of the variance."
    verb = "rises" if seen.trend.slope > 0 else "falls"
    return (
        f"A straight line through the {spelled(len(seen.means), 'value')} {verb} by "
        f"{rounded(abs(seen.trend.slope))} a {seen.bucket} and accounts for {fit} of the variance."
    )


def _path_title(seen: Path) -> str:
    if seen.flat:
        return f"The {seen.bucket}s differ little in {plain(label(seen.measure))}"
    high = moment(highest(seen.means), seen.bucket)
    return f"{capital(plain(label(seen.measure)))} is highest {_at(seen)} {high}"


def _path_caption(seen: Path) -> str:
    high, low = highest(seen.means), lowest(seen.means)
    return (
        f"{capital(plain(label(seen.measure)))} by {seen.bucket}: highest {_when(seen, high)} "
        f"({_value(seen, high)}), lowest {_when(seen, low)} ({_value(seen, low)})."
    )


def _at(seen: Path) -> str:
    return "on" if seen.bucket in ("day", "week", "hour") else "in"


def _cycle(study: Study, clock: Clock, measure: str) -> list[Block]:
    part = study.filled(clock.column, measure)
    hours = part[clock.column].dt.hour
    means = part[measure].groupby(hours).mean()
    if len(means) < 6:
        return []
    high, low = int(highest(means)), int(lowest(means))
    if eta_squared(part[measure], hours) < _NOISE:
        return []
    explained = share(eta_squared(part[measure], hours), 1)
    text = (
        f"The hour of the day accounts for {explained} of the variance of {named(measure)}: on average it is "
        f"lowest at {low:02d}:00 ({rounded(means.loc[low])}) and highest at {high:02d}:00 "
        f"({rounded(means.loc[high])})."
    )
    name = plain(label(measure))
    caption = f"The mean of {name} by hour of the day, from {rounded(means.loc[low])} at {low:02d}:00 to {rounded(means.loc[high])} at {high:02d}:00."
    title = f"{capital(name)} is highest at {high:02d}:00 and lowest at {low:02d}:00"
    return [
        text,
        chart_figure(
            caption,
            charts.daily_cycle(study, clock, measure, title),
            "The band holds the middle half of the readings.",
        ),
    ]
