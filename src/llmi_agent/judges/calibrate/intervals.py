"""Differences of pairs, and how sure their mean is: Student's t, a difference for each topic."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """The mean of differences, of which each topic has one."""

    mean: float
    deviation: float
    """Their standard deviation; 0 for a single one."""
    count: int

    @classmethod
    def of(cls, differences: Sequence[float]) -> Difference | None:
        """None if there are none."""
        if not differences:
            return None
        deviation = statistics.stdev(differences) if len(differences) > 1 else 0.0
        return cls(statistics.fmean(differences), deviation, len(differences))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Where the true mean lies, in this share of cases; of a single difference nothing is known."""
        if self.count == 1:
            return -math.inf, math.inf
        half = quantile(level, self.count - 1) * self.deviation / math.sqrt(self.count)
        return self.mean - half, self.mean + half

    def beyond(self, tolerance: float, level: float) -> bool:
        """Whether it is more than is tolerated, and surely not 0."""
        low, high = self.interval(level)
        return abs(self.mean) > tolerance and not low <= 0 <= high


@cache
def quantile(level: float, freedom: int) -> float:
    """How many standard errors on both sides hold this share of Student's t distribution."""
    low, high = 0.0, 1.0
    while within(high, freedom) < level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < level else (low, middle)
    return high


def within(t: float, freedom: int) -> float:
    """The share of Student's t distribution between -t and t; freedom: its degrees, a whole number.

    The finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    if freedom == 1:
        return 2 * angle / math.pi
    term = total = cosine if odd else 1.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
