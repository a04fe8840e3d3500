"""How it moves over time, for tables whose rows are readings through several years."""

from __future__ import annotations

from calendar import month_name
from typing import TYPE_CHECKING

from llmi_offline.blocks import chart_figure
from llmi_offline.charts import time as charts
from llmi_offline.charts.time import FEW_YEARS
from llmi_offline.facts.seasons import (
    Cut,
    Season,
    Years,
    cut_of,
    season,
    within,
    years,
)
from llmi_offline.facts.series import highest, level_with, lowest
from llmi_offline.facts.variance import line
from llmi_offline.phrases import (
    capital,
    label,
    listed,
    named,
    others,
    plain,
    rounded,
    share,
    spelled,
    told_cut,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from llmi_offline.blocks import Block
    from llmi_offline.facts.clock import Clock
    from llmi_offline.facts.study import Study


"""The share of the variance below which a month's mean tells nothing."""


def calendar(study: Study, clock: Clock) -> list[Block]:
    """The months, the months of each year, and the years."""
    seasons = [found for measure in study.measures if (found := season(study, measure))]
    if not seasons:
        return []
    lead, rest = seasons[0], [other for other in seasons[1:] if other.share >= other.chance]
    blocks: list[Block] = [
        " ".join([_months(study, lead), *_beside(lead, rest[:3])])
        + told_cut(cut_of(clock, "month"), "month"),
        chart_figure(
            _season_caption(lead),
            charts.months_by_year(study, clock, lead.measure, _season_title(lead)),
            _season_intro(clock),
        ),
    ]
    blocks += _map(study, clock, _unlike(lead, rest))
    blocks += _years(study, [lead.measure, *(other.measure for other in rest[:2])])
    return blocks


def _months(study: Study, lead: Season) -> str:
    compared = 1 < len(study.roles.measures) == len(study.measures) and not study.asks(lead.measure)
    more = " more than any other number here" if compared else ""
    accounts = f"the month alone accounts for {share(lead.share, 1)} of its variance"
    if lead.marked:
        first = f"The calendar shapes {named(lead.measure)}{more}: {accounts}."
    else:
        first = f"The calendar leaves little mark on {named(lead.measure)}: {accounts}."
    low, high = lead.means.loc[lead.low], lead.means.loc[lead.high]
    return (
        f"{first} Taking all years together, its mean is lowest in {month_name[lead.low]}, at "
        f"{rounded(low)}, and highest in {month_name[lead.high]}, at {rounded(high)}."
    )


def _beside(lead: Season, rest: list[Season]) -> list[str]:
    """How the other measures' years compare with the leading one's, likes told together."""
    likeness = [(_likeness(lead, other), other) for other in rest]
    told = []
    for (one, several), fits in _MANNERS:
        alike = [other for r, other in likeness if fits(r)]
        if alike:
            names = capital(listed([named(other.measure) for other in alike]))
            ranges = listed([_range(other) for other in alike])
            told.append(f"{names} {one if len(alike) == 1 else several}, {ranges}.")
    return told


_MANNERS: tuple[tuple[tuple[str, str], Callable[[float], bool]], ...] = (
    (("keeps the same calendar", "keep the same calendar"), lambda r: r > 0.7),
    (("runs the other way", "run the other way"), lambda r: r < -0.7),
    (("follows a course of its own", "follow courses of their own"), lambda r: -0.7 <= r <= 0.7),
)


def _likeness(lead: Season, other: Season) -> float:
    both = lead.means.index.intersection(other.means.index)
    fit = line(lead.means.loc[both], other.means.loc[both])
    return fit.r if fit else 0.0


def _range(seen: Season) -> str:
    low, high = (f"{rounded(seen.means.loc[m])} in {month_name[m]}" for m in (seen.low, seen.high))
    return f"from {low} to {high}"


def _season_intro(clock: Clock) -> str:
    if clock.end.year - clock.start.year < FEW_YEARS:
        return "The chart has a line for each year, the later the darker."
    return "The shaded band in the chart spans the lowest and the highest year."


def _season_title(lead: Season) -> str:
    return (
        f"{capital(plain(label(lead.measure)))} peaks in {month_name[lead.high]} and is lowest in "
        f"{month_name[lead.low]}"
    )


def _season_caption(lead: Season) -> str:
    low, high = rounded(lead.means.loc[lead.low]), rounded(lead.means.loc[lead.high])
    return (
        f"Monthly means of {plain(label(lead.measure))}, year by year: from {low} in an average "
        f"{month_name[lead.low]} to {high} in an average {month_name[lead.high]}."
    )


def _unlike(lead: Season, rest: list[Season]) -> Season:
    """The measure whose year says most that the leading one's did not."""
    different = [other for other in rest if _likeness(lead, other) < 0.7]
    return max(different or rest, key=lambda other: other.share, default=lead)


def _map(study: Study, clock: Clock, seen: Season) -> list[Block]:
    cut = cut_of(clock, "month")
    monthly = _single_months(study, clock, seen.measure, cut)
    if len(monthly) < 20 or clock.end.year - clock.start.year > 60:
        return []
    high, low = highest(monthly), lowest(monthly)
    peak = f"{month_name[high[1]]} {high[0]}"
    name = plain(label(seen.measure))
    as_low = others(level_with(monthly, low), "month")
    text = (
        f"Single months say more than averages do. Of the {spelled(len(monthly), 'month')}, {peak} has the "
        f"highest mean of {named(seen.measure)}, {rounded(monthly.loc[high])}, and {month_name[low[1]]} {low[0]}{as_low} "
        f"the lowest, {rounded(monthly.loc[low])}."
    )
    intro = "The map shows them all, darker where the mean is higher."
    caption = f"Every month's mean of {name}; the darkest cell is {peak} with {rounded(monthly.loc[high])}."
    title = f"{peak} has the highest monthly mean of {name}"
    return [
        text,
        chart_figure(caption, charts.year_map(study, clock, seen.measure, title, cut), intro),
    ]


def _single_months(study: Study, clock: Clock, measure: str, cut: Cut) -> pd.Series[float]:
    part = within(study.filled(clock.column, measure), clock, cut)
    when = part[clock.column].dt
    return part[measure].groupby([when.year.rename("y"), when.month.rename("m")]).mean()


def _years(study: Study, measures: list[str]) -> list[Block]:
    found = [seen for measure in measures if (seen := years(study, measure))]
    if not found:
        return []
    told = [_year_course(found[0]), _year_line(found[0])]
    told += [_year_beside(seen) for seen in found[1:]]
    return [" ".join(filter(None, told))]


def _year_course(seen: Years) -> str:
    means = seen.means
    first, last = int(means.index[0]), int(means.index[-1])
    if len(means) <= FEW_YEARS:
        values = listed([f"{rounded(value)} in {year}" for year, value in means.items()])
        course = f"By calendar year, the mean of {named(seen.measure)} was {values}"
    else:
        course = (
            f"Over the {spelled(len(means))} complete calendar years, the yearly mean of {named(seen.measure)} "
            f"went from {rounded(means.iloc[0])} in {first} to {rounded(means.iloc[-1])} in {last}"
        )
    steps = means.diff().iloc[1:]
    if len(means) > 2 and (steps > 0).all():
        return course + ", higher every year than the year before."
    if len(means) > 2 and (steps < 0).all():
        return course + ", lower every year than the year before."
    return course + "."


def _year_line(seen: Years) -> str:
    if not seen.trend:
        return ""
    verb = "rises" if seen.trend.slope > 0 else "falls"
    text = (
        f"A straight line through these {spelled(len(seen.means))} means {verb} by "
        f"{rounded(abs(seen.trend.slope))} a year"
    )
    if len(seen.means) < 10:
        return f"{text}; with so few years, that describes them and does not establish a trend."
    return f"{text} and accounts for {share(seen.trend.r**2, 1)} of the variance between them."


def _year_beside(seen: Years) -> str:
    high, low = int(highest(seen.means)), int(lowest(seen.means))
    return (
        f"For {named(seen.measure)}, the yearly mean was highest in {high} ({rounded(seen.means.loc[high])}) "
        f"and lowest in {low} ({rounded(seen.means.loc[low])})."
    )
