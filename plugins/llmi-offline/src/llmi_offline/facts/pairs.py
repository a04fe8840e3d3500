"""Which numbers move together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from llmi_offline.facts.variance import Line, line

if TYPE_CHECKING:
    from llmi_offline.facts.sample import Sample

_FEWEST = 10
_TWIN = 0.98


@dataclass(frozen=True)
class Pair:
    """Two measures and the line between them."""

    x: str
    y: str
    line: Line
    rows: int

    @property
    def twin(self) -> bool:
        """So close that the one all but repeats the other."""
        return abs(self.line.r) >= _TWIN


def pairs(sample: Sample) -> list[Pair]:
    """All pairs of measures by strength of correlation."""
    found = [pair for x, y in combinations(sample.measures[:8], 2) if (pair := _pair(sample, x, y))]
    return sorted(found, key=lambda pair: -abs(pair.line.r))


def without_season(sample: Sample, pair: Pair) -> float | None:
    """The correlation that is left once each month's own mean is taken from both measures."""
    clock = sample.clock
    if not clock or not clock.seasonal or not clock.regular:
        return None
    part = sample.filled(clock.column, pair.x, pair.y)
    both = part[[pair.x, pair.y]].astype("float64")
    rest = both - both.groupby(part[clock.column].dt.month).transform("mean")
    left = line(rest[pair.x], rest[pair.y])
    return left.r if left else None


def _pair(sample: Sample, x: str, y: str) -> Pair | None:
    part = sample.filled(x, y)
    fit = line(part[x], part[y]) if len(part) >= _FEWEST else None
    return Pair(x, y, fit, len(part)) if fit else None
