"""Water: what stands above it, mirrored and broken by waves."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas
from llmi_sketch.noise import Floats, Rng, field, smoothstep
from llmi_sketch.palette import Palette, mix


def paint_water(
    canvas: Canvas, palette: Palette, rng: Rng, top: float, calm: float, light_x: float | None
) -> None:
    """Fill everything below the row `top`. `calm` is 1 for a lake, less for a sea.

    `light_x` is the column under the sun or moon, whose light glitters on the waves.
    """
    start = int(top)
    depth = canvas.height - start
    if depth < 2:
        return
    waves = _waves(canvas, rng, depth)
    far = np.linspace(0, 1, depth, dtype=np.float32)[:, None]
    mirrored = _mirrored(canvas, start, waves, far, calm)
    tint = np.asarray(mix(palette.sky[1], palette.near, 0.34), np.float32)
    share = (0.3 + 0.34 * far + 0.16 * (1 - calm))[..., None]
    colour = mirrored + (tint - mirrored) * share
    crest = smoothstep(0.56, 0.86, waves) * (0.07 + 0.15 * far) * (1.25 - calm)
    colour += (np.asarray(palette.sky[3], np.float32) - colour) * crest[..., None]
    trough = smoothstep(0.5, 0.16, waves) * (0.06 + 0.2 * far) * (1.2 - 0.6 * calm)
    colour *= 1 - trough[..., None]
    canvas.pixels[start:] = colour
    if light_x is not None:
        _glitter(canvas, palette, start, waves, far, light_x)
    line = np.exp(-np.abs(canvas.rows[start:] - top) / (3.0 * canvas.unit)) * 0.35
    canvas.blend(np.broadcast_to(line, waves.shape).astype(np.float32), palette.haze, start)


def _waves(canvas: Canvas, rng: Rng, depth: int) -> Floats:
    """Ripples, 0 to 1: thin and close at the horizon, broad in front."""
    plane = field(rng, (canvas.width, 420), (canvas.width / 90, 60), 3)
    at = np.log1p(np.arange(depth) / (depth * 0.07)) / np.log1p(1 / 0.07)
    waves: Floats = plane[np.clip((at * 419).astype(int), 0, 419)]
    return waves


def _mirrored(canvas: Canvas, start: int, waves: Floats, far: Floats, calm: float) -> Floats:
    depth = canvas.height - start
    swing = (waves - 0.5) * canvas.unit
    rough = 1.35 - calm
    up = np.arange(depth)[:, None] * min(1.0, start / depth) + swing * (14 + 60 * far) * rough
    across = canvas.columns + swing * (5 + 44 * far) * rough
    rows = np.clip(start - 1 - up, 0, start - 1).astype(int)
    columns = np.clip(across, 0, canvas.width - 1).astype(int)
    mirrored: Floats = canvas.pixels[rows, columns]
    return mirrored


def _glitter(
    canvas: Canvas, palette: Palette, start: int, waves: Floats, far: Floats, light_x: float
) -> None:
    width = canvas.unit * (26 + 170 * far)
    beam = np.exp(-(((canvas.columns - light_x) / width) ** 2))
    sparks = smoothstep(0.42, 0.66, waves) * 0.75 + 0.08
    canvas.blend((beam * sparks * (0.95 - 0.45 * far)).astype(np.float32), palette.light, start)
