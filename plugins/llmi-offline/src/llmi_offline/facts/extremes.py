"""What stands out: the highest and lowest, the far-out, the long runs, the uneven sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from llmi_offline.facts.series import highest, lowest

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from llmi_offline.facts.study import Study


@dataclass(frozen=True)
class Spread:
    """A measure's values as a whole."""

    measure: str
    filled: int
    low: float
    median: float
    mean: float
    high: float
    low_at: Any
    """The frame's index of the first row with the lowest value."""
    high_at: Any
    lows: int
    """How many rows have the lowest value."""
    highs: int
    fence: tuple[float, float]
    """1.5 interquartile ranges below the lower and above the upper quartile."""
    outside: int
    """Values beyond the fence."""
    zeros: int


@dataclass(frozen=True)
class Run:
    """The longest unbroken run of one value in a regular series."""

    column: str
    value: str
    length: int
    start: datetime
    end: datetime
    equals: int
    """Later runs of the same length, of this or another value."""


def spread(study: Study, measure: str) -> Spread:
    """The distribution of a measure in a few numbers."""
    values = study.frame[measure].dropna()
    numbers = values.astype("float64")
    lower, median, upper = (float(q) for q in np.quantile(numbers, (0.25, 0.5, 0.75)))
    fence = (lower - 1.5 * (upper - lower), upper + 1.5 * (upper - lower))
    low, high = float(numbers.min()), float(numbers.max())
    with np.errstate(all="ignore"):
        mean = float(numbers.mean())
    return Spread(
        measure=measure,
        filled=len(numbers),
        low=low,
        median=median,
        mean=mean,
        high=high,
        low_at=lowest(numbers),
        high_at=highest(numbers),
        lows=int((numbers == low).sum()),
        highs=int((numbers == high).sum()),
        fence=fence,
        outside=int(((numbers < fence[0]) | (numbers > fence[1])).sum()),
        zeros=int((numbers == 0).sum()),
    )


def top_tenth(study: Study, measure: str) -> float:
    """The share of a non-negative measure's sum that its highest tenth of rows holds."""
    numbers = study.frame[measure].dropna().astype("float64").sort_values(ascending=False)
    total = float(numbers.sum())
    return (
        float(numbers.iloc[: max(1, round(len(numbers) / 10))].sum()) / total if total > 0 else 0.0
    )


def longest_run(study: Study, values: pd.Series[Any], column: str) -> Run | None:
    """The longest run of equal values on successive dates, None without a regular clock."""
    clock = study.clock
    if not clock or not clock.regular or not clock.single or clock.grain == "hour":
        return None
    dates = study.frame[clock.column].dropna().sort_values()
    ordered = values.loc[dates.index]
    step = np.diff(dates.dt.to_period({"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
                                      [clock.grain]).astype("int64"), prepend=-1)  # fmt: skip
    broken = (
        (ordered != ordered.shift()) | ordered.isna() | ((step != 1) & (not clock.weekdays_only))
    )
    runs = broken.cumsum()
    sizes = runs[ordered.notna()].value_counts()
    if sizes.empty or sizes.iloc[0] < 3:
        return None
    best = min(sizes[sizes == sizes.iloc[0]].index)
    inside = dates[runs == best]
    value = str(ordered.loc[inside.index[0]])
    start, end = inside.iloc[0].to_pydatetime(), inside.iloc[-1].to_pydatetime()
    equals = int((sizes == sizes.iloc[0]).sum()) - 1
    return Run(column, value, len(inside), start, end, equals)
