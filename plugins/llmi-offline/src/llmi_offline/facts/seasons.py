"""How a measure moves: through the months, from year to year, along its whole path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from llmi_offline.facts.series import highest, lowest
from llmi_offline.facts.variance import Line, eta_squared, line, noise

if TYPE_CHECKING:
    from llmi_offline.facts.clock import Clock
    from llmi_offline.facts.study import Study

_BUCKETS = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


Cut: TypeAlias = "tuple[pd.Timestamp | None, pd.Timestamp | None]"
_PARTIAL = 0.1
"""Of a bucket, the part that may lack before it counts as incomplete."""


@dataclass(frozen=True)
class Season:
    """A measure by month of the year, all years together."""

    measure: str
    means: pd.Series[float]
    """Indexed by month, 1 to 12, those that occur."""
    share: float
    """Of the variance, what the month accounts for."""
    chance: float
    """The share below which it tells nothing."""

    @property
    def marked(self) -> bool:
        """The months differ enough to speak of a course."""
        return self.share >= max(0.1, self.chance)

    @property
    def low(self) -> int:
        return int(lowest(self.means))

    @property
    def high(self) -> int:
        return int(highest(self.means))


@dataclass(frozen=True)
class Years:
    """A measure by calendar year, complete years only."""

    measure: str
    means: pd.Series[float]
    trend: Line | None
    """Through the yearly means, per year."""


@dataclass(frozen=True)
class Path:
    """A measure along time, averaged in buckets where rows are many."""

    measure: str
    bucket: str
    """hour, day, week, month, quarter or year."""
    means: pd.Series[float]
    """Indexed by each bucket's first moment."""
    trend: Line | None
    """Through the buckets, per bucket."""
    averaged: bool
    """Buckets hold several rows; else each is one row's own value."""
    cut: Cut = (None, None)
    """Where the whole buckets begin and end, if the first or the last is not whole."""
    flat: bool = False
    """The buckets differ hardly more than chance would make them."""
    share: float = 1
    """Of the rows' variance, what lies between the buckets."""


def season(study: Study, measure: str) -> Season | None:
    """The yearly course of a measure, if the clock is fine and long enough."""
    clock = study.clock
    if not clock or not clock.seasonal or not clock.regular:
        return None
    part = within(study.filled(clock.column, measure), clock, cut_of(clock, "month"))
    means = part[measure].groupby(part[clock.column].dt.month).mean()
    if len(means) < 6:
        return None
    chance = noise(len(means), int(part[measure].count()))
    return Season(measure, means, study.rhythm(measure), chance)


def years(study: Study, measure: str) -> Years | None:
    """The yearly means of a measure, if at least two years are complete."""
    clock = study.clock
    if not clock or not clock.regular:
        return None
    part = study.filled(clock.column, measure)
    kept = part[part[clock.column].dt.year.isin(complete_years(part[clock.column], clock))]
    means = kept[measure].groupby(kept[clock.column].dt.year).mean()
    if len(means) < 2:
        return None
    return Years(measure, means, line(means.index.to_numpy(), means.to_numpy()))


def complete_years(dates: pd.Series[Any], clock: Clock) -> list[int]:
    """Calendar years with nothing cut off: all twelve months, in fine data almost all days."""
    if clock.grain == "year":
        return sorted(int(year) for year in dates.dt.year.unique())
    wanted = {"quarter": 4, "month": 12, "week": 50}.get(
        clock.grain, 247 if clock.weekdays_only else 347
    )
    found = dates.dt.normalize().drop_duplicates().dt.year.value_counts()
    return sorted(int(year) for year, days in found.items() if days >= wanted)


def path(study: Study, measure: str) -> Path | None:
    """The course of a measure from the first date to the last, in at most about 120 buckets."""
    clock = study.clock
    if not clock:
        return None
    part = study.filled(clock.column, measure)
    bucket = bucket_of(clock)
    cut = cut_of(clock, bucket)
    part = within(part, clock, cut)
    periods = part[clock.column].dt.to_period(_BUCKETS[bucket])
    means = part[measure].groupby(periods).mean()
    if len(means) < 3:
        return None
    ordinals = np.asarray([period.ordinal for period in means.index])
    means.index = pd.PeriodIndex(means.index).to_timestamp()
    averaged = not clock.single or clock.grain != bucket
    share = eta_squared(part[measure], periods) if averaged and not clock.panel else 1.0
    flat = averaged and share < noise(len(means), len(part))
    trend = line(ordinals, means.to_numpy())
    return Path(measure, bucket, means, trend, averaged, cut, flat, share)


def cut_of(clock: Clock, bucket: str) -> Cut:
    """From when to before when all buckets are whole; None where nothing has to be left out."""
    if clock.grain == bucket:
        return None, None
    first, last = (pd.Period(when, _BUCKETS[bucket]) for when in (clock.start, clock.end))
    if (last - first).n < 4:
        return None, None
    spare = _PARTIAL * (first.end_time - first.start_time)
    step = (clock.end - clock.start) / (clock.steps - 1)
    late = clock.start - first.start_time > max(spare, step)
    early = last.end_time - clock.end > max(spare, step * 1.1)
    return (
        (first + 1).start_time if late else None,
        last.start_time if early else None,
    )


def within(part: pd.DataFrame, clock: Clock, cut: Cut) -> pd.DataFrame:
    """The rows in whole buckets."""
    if cut[0] is not None:
        part = part[part[clock.column] >= cut[0]]
    if cut[1] is not None:
        part = part[part[clock.column] < cut[1]]
    return part


def lines_of(study: Study, clock: Clock, seen: Path) -> pd.DataFrame:
    """The path of each group of a panel: buckets down, groups across, as the chart draws them."""
    part = within(study.filled(clock.column, clock.panel, seen.measure), clock, seen.cut)
    periods = part[clock.column].dt.to_period(_BUCKETS[seen.bucket])
    groups = part[clock.panel].astype("str")
    means: pd.DataFrame = part[seen.measure].groupby([periods, groups]).mean().unstack()
    return means


def bucket_of(clock: Clock) -> str:
    """A grain at which the clock's whole span is readable."""
    if clock.grain in ("year", "quarter", "month", "week"):
        return "year" if clock.years > 30 else clock.grain
    days = clock.years * 365.25
    if days > 3650 * 3:
        return "year"
    if days > 200:
        return "month"
    return clock.grain if days < 4 or (days < 100 and clock.grain == "day") else "day"
