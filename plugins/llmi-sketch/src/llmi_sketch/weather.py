"""What falls or drifts in front of the scene: rain, snow, fog, lightning."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas, Pen
from llmi_sketch.noise import Floats, Rng, field
from llmi_sketch.palette import Palette, mix
from llmi_sketch.words import Scene


def paint_lightning(canvas: Canvas, palette: Palette, rng: Rng, horizon: float) -> None:
    """A bolt behind the land, with branches and glow."""
    x = canvas.width * rng.uniform(0.25, 0.75)

    def bolt(pen: Pen, at: tuple[float, float], end: float, width: float) -> None:
        path = [at]
        while path[-1][1] < end:
            last = path[-1]
            step = canvas.unit * rng.uniform(14, 36)
            path.append((last[0] + step * rng.normal(0.1, 0.75), last[1] + step))
            if width > 2 and rng.random() < 0.2:
                bolt(
                    pen,
                    path[-1],
                    min(end, path[-1][1] + canvas.unit * rng.uniform(60, 150)),
                    width * 0.45,
                )
        pen.line(path, canvas.unit * width, 1.0)

    mask = canvas.mask(lambda pen: bolt(pen, (x, horizon * 0.12), horizon * 0.96, 3.2))
    rows, columns = canvas.rows - horizon * 0.3, canvas.columns - x
    halo = np.exp(-np.hypot(columns, rows * 0.7) / (canvas.unit * 230)) * 0.5
    canvas.glow(halo.astype(np.float32), (0.72, 0.78, 1.0))
    canvas.blend(mask, mix(palette.light, (1, 1, 1), 0.8))


def paint_rain(canvas: Canvas, palette: Palette, rng: Rng, strength: float = 1.0) -> None:
    """Two curtains of streaks, the near one longer."""
    slant = rng.uniform(0.1, 0.26) * (1 if rng.random() < 0.5 else -1)
    colour = mix(palette.sky[3], (1, 1, 1), 0.5)
    for count, length, width, alpha in ((950, 26, 0.7, 0.3), (260, 58, 1.1, 0.34)):
        drops = rng.random((int(count * strength * canvas.width / 1536), 3))

        def draw(
            pen: Pen, drops: Floats = drops, length: float = length, width: float = width
        ) -> None:
            for x, y, size in drops:
                long = canvas.unit * length * (0.6 + 0.8 * size)
                left, top = (x * 1.3 - 0.15) * canvas.width, (y * 1.1 - 0.1) * canvas.height
                pen.line(
                    [(left, top), (left + slant * long, top + long)],
                    canvas.unit * width,
                    0.5 + 0.5 * size,
                )

        canvas.blend(canvas.mask(draw) * alpha, colour)


def paint_snow(canvas: Canvas, rng: Rng) -> None:
    """Flakes at three distances; the nearest are large and out of focus."""
    for count, radius, blur, alpha in (
        (700, 1.3, 0.0, 0.75),
        (220, 2.7, 0.8, 0.8),
        (34, 8.5, 4.5, 0.6),
    ):
        flakes = rng.random((int(count * canvas.width / 1536), 3))

        def draw(pen: Pen, flakes: Floats = flakes, radius: float = radius) -> None:
            for x, y, size in flakes:
                pen.disc(
                    x * canvas.width,
                    y * canvas.height,
                    canvas.unit * radius * (0.6 + 0.8 * size),
                    1.0,
                )

        canvas.blend(canvas.mask(draw, blur=blur * canvas.unit) * alpha, (1.0, 1.0, 1.0))


def paint_fog(
    canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, horizon: float, strength: float
) -> None:
    """Banks that drift across, thickest about the horizon."""
    banks = field(rng, canvas.size, (2.6, 7.0), 4)
    band = np.exp(-(((canvas.rows - horizon * 1.04) / (canvas.height * 0.24)) ** 2))
    thick = np.clip(banks * 1.5 - 0.28, 0, 1) * band * strength
    canvas.blend(thick.astype(np.float32), mix(palette.haze, palette.light, 0.15))
