"""The table's time: from when to when, how fine, how regular."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from datetime import datetime

    from llmi_offline.roles import Roles

_PERIODS = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
_REGULAR = 0.6
_ALMOST_ALL = 0.9


@dataclass(frozen=True)
class Clock:
    """The column that says when, and how the rows lie in time."""

    column: str
    grain: str
    """hour, day, week, month, quarter or year: the finest that the dates tell apart."""
    start: datetime
    end: datetime
    single: bool
    """No two rows have the same date."""
    steps: int
    """Different dates that occur."""
    expected: int
    """Dates of this grain from start to end; working days only, if no row is on a weekend."""
    weekdays_only: bool
    stride: int
    """The usual distance between dates, in grains: 5 for a row every five years."""
    panel: str = ""
    """The category that, with the date, tells every row apart."""

    @property
    def regular(self) -> bool:
        """The rows are readings in time, rather than events that happen now and then."""
        return self.dense and (self.single or bool(self.panel))

    @property
    def dense(self) -> bool:
        """Most of the dates that there could be are there, however many rows each has."""
        return self.steps >= max(3, _REGULAR * self.expected)

    @property
    def gaps(self) -> int:
        return max(0, self.expected - self.steps)

    @property
    def years(self) -> float:
        """The length in years."""
        return (self.end - self.start).days / 365.25

    @property
    def seasonal(self) -> bool:
        """Long and fine enough to compare the months of different years."""
        return self.grain not in ("year", "quarter") and self.years >= 2.4 and self.stride == 1


def clock_of(frame: pd.DataFrame, roles: Roles) -> Clock | None:
    """The clock of a table, if a column of at least two different dates is there."""
    columns = [column for column in roles.dates if frame[column].nunique() > 1]
    if not columns:
        return None
    column = max(columns, key=lambda name: (frame[name].notna().sum() // 2, frame[name].nunique()))
    dates = pd.DatetimeIndex(frame[column].dropna().drop_duplicates().sort_values())
    grain = _grain(dates)
    weekdays_only = grain == "day" and len(dates) > 20 and bool((dates.day_of_week < 5).all())
    stride = _stride(dates, grain)
    single = len(dates) == int(frame[column].notna().sum())
    return Clock(
        column=column,
        grain=grain,
        start=dates[0].to_pydatetime(warn=False),
        end=dates[-1].to_pydatetime(warn=False),
        single=single,
        steps=len(dates),
        expected=_expected(dates, grain, weekdays_only, stride),
        weekdays_only=weekdays_only,
        stride=stride,
        panel="" if single else _panel(frame, column, roles.categories),
    )


def _grain(dates: pd.DatetimeIndex) -> str:
    if not bool((dates == dates.normalize()).all()):
        return "hour"
    if bool((dates.day == 1).all()):
        months = set(dates.month)
        if months == {1}:
            return "year"
        return "quarter" if months <= {1, 4, 7, 10} and len(dates) > 2 else "month"
    return (
        "week" if len(dates) > 2 and bool((np.diff(dates.to_numpy()) == _DAY * 7).all()) else "day"
    )


_DAY = np.timedelta64(1, "D")


def _expected(dates: pd.DatetimeIndex, grain: str, weekdays_only: bool, stride: int) -> int:
    if weekdays_only:
        first, after = dates[0].to_datetime64(), dates[-1].to_datetime64() + _DAY
        return int(np.busday_count(first.astype("datetime64[D]"), after.astype("datetime64[D]")))
    if grain == "hour":
        step = np.median(np.diff(dates.to_numpy()).astype("int64"))
        return round((dates[-1] - dates[0]) / np.timedelta64(1, "us") / _in_us(dates, step)) + 1
    ordinals: Any = dates.to_period(_PERIODS[grain])
    return int((ordinals[-1] - ordinals[0]).n) // stride + 1


def _stride(dates: pd.DatetimeIndex, grain: str) -> int:
    """The distance of almost all neighbouring dates in grains, 1 if they differ."""
    if grain == "hour" or len(dates) < 4:
        return 1
    ordinals: Any = dates.to_period(_PERIODS[grain])
    gaps = np.diff(ordinals.astype("int64"))
    usual = int(np.median(gaps))
    return usual if usual > 1 and np.mean(gaps % usual == 0) >= _ALMOST_ALL else 1


def _in_us(dates: pd.DatetimeIndex, step: Any) -> float:
    unit = np.datetime_data(dates.dtype)[0]  # type: ignore[arg-type]
    return float(step) * {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}[unit]


def _panel(frame: pd.DataFrame, column: str, categories: list[str]) -> str:
    for category in categories:
        if not frame.duplicated([column, category]).any():
            return category
    return ""
