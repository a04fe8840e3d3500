"""Smooth randomness in one and two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.floating[Any]]
Rng = np.random.Generator


def line(rng: Rng, width: int, waves: float, octaves: int = 4, fall: float = 0.5) -> Floats:
    """A curve of `width` values about 0, within about -1 to 1; `waves` bumps, finer ones on top."""
    total = np.zeros(width)
    weight, sum_ = 1.0, 0.0
    for octave in range(octaves):
        knots = max(3, round(waves * 2**octave) + 3)
        values = rng.uniform(-1, 1, knots)
        total += weight * _smooth(values, width)
        sum_ += weight
        weight *= fall
    return (total / sum_ * 1.6).astype(np.float32)


def field(rng: Rng, size: tuple[int, int], cells: tuple[float, float], octaves: int = 4) -> Floats:
    """A map of `size` (width, height), 0 to 1, with about `cells` bumps across and down."""
    width, height = size
    small = (max(2, width // 2), max(2, height // 2))
    total = np.zeros((small[1], small[0]), np.float32)
    for octave in range(octaves):
        across = min(small[0], max(2, round(cells[0] * 2**octave)))
        down = min(small[1], max(2, round(cells[1] * 2**octave)))
        grid = rng.random((down, across), np.float32)
        total += resized(grid, small) * np.float32(0.5**octave)
    total -= total.min()
    total /= max(float(total.max()), 1e-6)
    values: Floats = np.clip(resized(total, size), 0, 1)
    return values


def resized(values: Floats, size: tuple[int, int]) -> Floats:
    """Bicubic, to (width, height)."""
    picture = Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32)


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below `low`, 1 above `high`, and a smooth way between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    smooth: Floats = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth


def _smooth(values: Floats, width: int) -> Floats:
    at = np.linspace(0, len(values) - 1.001, width)
    left = at.astype(int)
    share = at - left
    share = share * share * (3 - 2 * share)
    smooth: Floats = values[left] * (1 - share) + values[left + 1] * share
    return smooth
