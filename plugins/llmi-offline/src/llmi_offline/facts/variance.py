"""Shares of variance, straight lines and correlations: plain least squares, safe on degenerate data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Line:
    """A least-squares line."""

    slope: float
    intercept: float
    r: float
    """Pearson's correlation."""


def eta_squared(values: pd.Series[Any], groups: pd.Series[Any]) -> float:
    """The share of the values' variance that lies between the groups; 0 where it is undefined."""
    known = values.notna() & groups.notna()
    numbers = values[known].astype("float64")
    if len(numbers) < 3:
        return 0.0
    with np.errstate(all="ignore"):
        total = float(((numbers - numbers.mean()) ** 2).sum())
        within = groups[known]
        means = numbers.groupby(within, observed=True).transform("mean")
        between = float(((means - numbers.mean()) ** 2).sum())
    return between / total if total > 0 and np.isfinite(between / total) else 0.0


def noise(groups: int, rows: int) -> float:
    """The share of the variance below which a grouping tells nothing: twice what chance gives."""
    return min(0.5, max(0.02, 2 * (groups - 1) / max(1, rows - 1)))


def line(x: ArrayLike, y: ArrayLike) -> Line | None:
    """The line through the points, or None where there is no telling one."""
    xs, ys = np.asarray(x, dtype="float64"), np.asarray(y, dtype="float64")
    if len(xs) < 3:
        return None
    with np.errstate(all="ignore"):
        dx, dy = xs - xs.mean(), ys - ys.mean()
        xx, yy, xy = float(dx @ dx), float(dy @ dy), float(dx @ dy)
        if not (xx > 0 and yy > 0 and np.isfinite(xx * yy)):
            return None
        slope = xy / xx
        return Line(
            slope, float(ys.mean() - slope * xs.mean()), xy / float(np.sqrt(xx) * np.sqrt(yy))
        )
