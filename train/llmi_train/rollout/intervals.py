"""Means over prompts with bootstrap intervals: how far they would move with other prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
_AT_ONCE = 4_000_000
"""Numbers that are drawn at once."""


@dataclass(frozen=True)
class Mean:
    """A mean over prompts, and its interval."""

    value: float
    low: float
    high: float
    """The percentile bootstrap's, at `LEVEL`, prompts drawn anew; all three are one number where there is one prompt."""
    prompts: int
    """Over how many."""

    def as_json(self) -> dict[str, float | int]:
        return {"mean": self.value, "low": self.low, "high": self.high, "prompts": self.prompts}

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_of(values: Sequence[float], seed: int = 0) -> Mean | None:
    """Of one value for each prompt; None if there is none. The same values and seed give the same interval."""
    if not values:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    count = len(numbers)
    means: list[float] = []
    while (rest := RESAMPLES - len(means)) > 0:
        some = min(rest, max(1, _AT_ONCE // count))
        means += numbers[random.integers(count, size=(some, count))].mean(axis=1).tolist()
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Mean(float(numbers.mean()), float(low), float(high), count)
