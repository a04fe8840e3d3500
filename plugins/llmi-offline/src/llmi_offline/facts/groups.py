"""How rows divide into groups, and how a measure or another grouping differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from llmi_offline.facts.sample import MOST_GROUPS
from llmi_offline.facts.variance import eta_squared, noise

if TYPE_CHECKING:
    from llmi_offline.facts.sample import Sample

_FEWEST = 5


@dataclass(frozen=True)
class Levels:
    """How often each value of a category occurs."""

    column: str
    counts: pd.Series[int]
    """The most frequent first; ties in the order of the values."""
    filled: int

    @property
    def even(self) -> bool:
        """Every value occurs equally often."""
        return int(self.counts.iloc[0]) == int(self.counts.iloc[-1])


@dataclass(frozen=True)
class Contrast:
    """A measure by group."""

    category: str
    measure: str
    means: pd.Series[float]
    """Groups of at least five rows, the highest mean first."""
    counts: pd.Series[int]
    share: float
    """Of the variance, what the group accounts for."""

    @property
    def as_low(self) -> int:
        """How many groups share the lowest mean with the last."""
        return int((self.means == self.means.iloc[-1]).sum()) - 1

    @property
    def telling(self) -> bool:
        """The groups differ more than chance would make them."""
        return self.share >= noise(len(self.means), int(self.counts.sum()))


@dataclass(frozen=True)
class Crossing:
    """Two categories: how the second is spread within each value of the first."""

    rows: str
    columns: str
    table: pd.DataFrame
    """Counts."""
    strength: float
    """Cramér's V, 0 to 1."""


def levels(sample: Sample, column: str) -> Levels:
    """The values of a category and their counts."""
    counts = sample.grouped(column).value_counts(sort=False)
    counts = counts[counts > 0].sort_values(ascending=False, kind="stable")
    return Levels(column, counts, int(counts.sum()))


def ties(seen: Levels) -> int:
    """How many values share the highest count."""
    return int((seen.counts == seen.counts.iloc[0]).sum())


def nearly_level(seen: Levels) -> bool:
    """Whether the two most frequent values are within a few percent of each other."""
    counts = seen.counts
    return len(counts) > 2 and not seen.even and bool(counts.iloc[1] >= 0.97 * counts.iloc[0])


def nearly_even(seen: Levels) -> bool:
    """Whether all values occur about equally often, so that none of them leads."""
    return len(seen.counts) > 1 and bool(seen.counts.iloc[-1] >= 0.85 * seen.counts.iloc[0])


def contrast(sample: Sample, category: str, measure: str) -> Contrast | None:
    """A measure by the groups of a category, if two groups have five rows or more."""
    groups = sample.grouped(category)
    grouped = sample.frame[measure].dropna().astype("float64").groupby(groups, observed=True)
    sizes = grouped.size()
    kept = sizes[sizes >= _FEWEST]
    if not 2 <= len(kept) <= MOST_GROUPS:
        return None
    means = grouped.mean().loc[kept.index].sort_values(ascending=False, kind="stable")
    means.index, kept.index = means.index.astype("str"), kept.index.astype("str")
    share = eta_squared(sample.frame[measure], groups)
    return (
        Contrast(category, measure, means, kept, share) if means.iloc[0] > means.iloc[-1] else None
    )


def contrasts(sample: Sample) -> list[Contrast]:
    """All contrasts between groups and measures, the clearest first."""
    categories = sample.categories[:6]
    pairs = [(c, m) for c in categories for m in sample.measures[:6]]
    found = [seen for c, m in pairs if (seen := contrast(sample, c, m))]
    return sorted(
        found,
        key=lambda seen: -(seen.share + sample.asks(seen.measure) + sample.asks(seen.category)),
    )


def crossing(sample: Sample) -> Crossing | None:
    """The two categories that tell most about each other, short of telling the same."""
    names = [column for column in sample.categories[:7] if sample.size(column) <= MOST_GROUPS]
    found = [_cross(sample, first, second) for first, second in combinations(names, 2)]
    return max((seen for seen in found if seen), key=lambda seen: seen.strength, default=None)


def _cross(sample: Sample, first: str, second: str) -> Crossing | None:
    table = pd.crosstab(sample.grouped(first), sample.grouped(second))
    table.index, table.columns = table.index.astype("str"), table.columns.astype("str")
    table = table[table.sum(axis=1) >= _FEWEST]
    strength = _cramers_v(table.to_numpy())
    found = 0.1 <= strength < 0.98 and not _by_chance(strength, table)
    return Crossing(first, second, table, strength) if found else None


def _by_chance(strength: float, table: pd.DataFrame) -> bool:
    """Whether chi-square is within three standard deviations of what unrelated categories give."""
    rows, columns = len(table), int((table.sum() > 0).sum())
    freedom = (rows - 1) * (columns - 1)
    chi2 = strength**2 * int(table.to_numpy().sum()) * (min(rows, columns) - 1)
    return bool(chi2 < freedom + 3 * np.sqrt(2 * freedom))


def _cramers_v(counts: Any) -> float:
    total = counts.sum()
    counts = counts[:, counts.sum(axis=0) > 0]
    if total == 0 or min(counts.shape, default=0) < 2:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi2 / total / (min(counts.shape) - 1)))
