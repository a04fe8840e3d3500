"""How it moves over time, for rows that are things that happened rather than readings."""

from __future__ import annotations

from calendar import month_name
from typing import TYPE_CHECKING, Any

from llmi_offline.blocks import chart_figure
from llmi_offline.charts import time as charts
from llmi_offline.facts.series import highest, level_with, lowest
from llmi_offline.phrases import count, label, moment, others, plain, share

if TYPE_CHECKING:
    import pandas as pd

    from llmi_offline.blocks import Block
    from llmi_offline.facts.clock import Clock
    from llmi_offline.facts.study import Study


def events(study: Study, clock: Clock) -> list[Block]:
    """When the rows fall, where rows are things that happened."""
    if clock.steps < 3:
        return []
    dates = study.frame[clock.column].dropna()
    if clock.years < 2:
        return _short_events(study, clock, dates)
    by_year = dates.dt.year.value_counts().sort_index()
    busiest, most = int(highest(by_year)), count(int(by_year.max()))
    text = (
        f"The rows are scattered over time rather than spaced evenly, so what can be counted is how many "
        f"there are. The fullest year is {busiest}{others(level_with(by_year, busiest), 'year')}, with {most} rows. "
        f"{_through_the_year(dates)}"
    )
    title = f"{busiest} has the most rows, {most}"
    if level_with(by_year, busiest):
        title = f"No year has more than {most} rows"
    caption = f"Rows per year by {plain(label(clock.column))}; most in {busiest}, with {most}."
    blocks: list[Block] = [
        text,
        chart_figure(caption, charts.events(study, clock, title), "The bars count them."),
    ]
    if clock.years < 60:
        blocks += _event_map(study, clock, dates)
    return blocks


def _through_the_year(dates: pd.Series[Any]) -> str:
    by_month = dates.dt.month.value_counts().reindex(range(1, 13), fill_value=0)
    most, least = int(highest(by_month)), int(lowest(by_month))
    full = f"{month_name[most]}{others(level_with(by_month, most), 'month')}"
    empty = f"{month_name[least]}{others(level_with(by_month, least), 'month')}"
    uneven = dates.min().month > 1 or dates.max().month < 12
    covered = (
        " As the dates do not begin and end with the year, not all months are covered equally often."
        if uneven
        else ""
    )
    peak, low = int(by_month.loc[most]), int(by_month.loc[least])
    return (
        f"Through the year, the most rows are in {full}, {count(peak)} ({share(peak, len(dates))}), and the "
        f"fewest in {empty}, {count(low)}.{covered}"
    )


def _short_events(study: Study, clock: Clock, dates: pd.Series[Any]) -> list[Block]:
    by_day = dates.dt.normalize().value_counts().sort_index()
    when, most = highest(by_day), int(by_day.max())
    if most < 2 or level_with(by_day, when):
        return []
    text = f"More rows fall on {moment(when, 'day')} than on any other date, {count(most)} of {count(len(dates))}."
    title = f"Most rows fall on {moment(when, 'day')}"
    return [
        text,
        chart_figure(
            f"{title}: {count(most)} of {count(len(dates))}.",
            charts.events(study, clock, title),
            "The bars count them.",
        ),
    ]


def _event_map(study: Study, clock: Clock, dates: pd.Series[Any]) -> list[Block]:
    months = dates.dt.to_period("M").value_counts().sort_index()
    peak, most = highest(months), int(months.max())
    when = moment(peak.to_timestamp(), "month")
    text = f"The single fullest month is {when}{others(level_with(months, peak), 'month')}, with {count(most, 'row')}."
    caption = f"Rows per month, year by year; the fullest month is {when} with {count(most)}."
    title = f"{when} is the fullest single month"
    return [
        text,
        chart_figure(
            caption, charts.year_map(study, clock, "", title), "The map has a cell for each month."
        ),
    ]
