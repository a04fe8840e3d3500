"""Single things in a landscape: tree, boat, balloons, birds, people, palm."""

from __future__ import annotations

import math

import numpy as np

from llmi_sketch.canvas import Canvas, Parts, Pen
from llmi_sketch.noise import Rng
from llmi_sketch.palette import RGB, Palette, mix, scaled
from llmi_sketch.trees import crown
from llmi_sketch.words import Scene

Point = tuple[float, float]
_WHITE: RGB = (0.95, 0.94, 0.91)
_BOAT: Parts = (
    ("mast", ((-0.015, -1.5), (0.02, -1.5), (0.02, 0.0), (-0.015, 0.0))),
    ("sail", ((0.05, -1.45), (0.05, -0.16), (0.78, -0.16))),
    ("jib", ((-0.05, -1.25), (-0.05, -0.16), (-0.5, -0.16))),
    ("hull", ((-0.7, -0.1), (0.85, -0.1), (0.58, 0.12), (-0.5, 0.12))),
)


def paint_tree(
    canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, foot: Point, height: float
) -> None:
    """One big tree."""
    canvas.shapes(lambda pen: crown(pen, scene, palette, rng, foot, height, 0.04))


def paint_boat(canvas: Canvas, palette: Palette, at: Point, size: float) -> None:
    """A small sailing boat and its reflection."""
    x, y = at
    sail, hull = (
        palette.at(_WHITE, 0.12),
        palette.at(mix(palette.accent, (0.3, 0.15, 0.12), 0.4), 0.06),
    )
    colours = {"sail": sail, "jib": scaled(sail, 0.86), "hull": hull, "mast": scaled(hull, 0.7)}

    def reflection(pen: Pen) -> None:
        for step in range(9):
            wide = size * (0.62 - 0.055 * step) * (1.0 if step % 2 else 0.8)
            down = y + size * (0.16 + 0.09 * step)
            pen.box(x - wide * 0.6, down, x + wide * 0.8, down + size * 0.045, 0.6 - 0.05 * step)

    canvas.blend(canvas.mask(reflection, blur=1.0), mix(sail, palette.sky[2], 0.4))
    canvas.shapes(lambda pen: pen.parts(at, size, _BOAT, colours))


def paint_balloons(canvas: Canvas, palette: Palette, rng: Rng, horizon: float) -> None:
    """Three hot-air balloons at different distances."""
    for share, depth in ((0.32, 0.45), (0.52, 0.25), (1.0, 0.05)):
        x, y = (
            canvas.width * rng.uniform(0.12, 0.88),
            max(canvas.unit * 110 * share, horizon * rng.uniform(0.24, 0.55)),
        )
        _balloon(canvas, palette, (x, y), canvas.unit * 92 * share, depth)


def _balloon(canvas: Canvas, palette: Palette, at: Point, size: float, depth: float) -> None:
    """Stripes are nested shapes, each narrower than the one before."""
    own, pale = palette.at(palette.accent, depth), palette.at(_WHITE, depth)
    rope, basket = palette.at((0.30, 0.25, 0.22), depth), palette.at((0.45, 0.30, 0.20), depth)
    x, y = at
    angles = [float(angle) for angle in np.linspace(0, 2 * np.pi, 72)]

    def draw(pen: Pen) -> None:
        for index, wide in enumerate((1.0, 0.72, 0.4, 0.13)):
            pen.polygon(
                [_skin(at, size, wide, angle) for angle in angles], pale if index % 2 else own
            )
        for side in (-1, 1):
            top, low = (
                (x + side * size * 0.28, y + size * 1.18),
                (x + side * size * 0.14, y + size * 1.56),
            )
            pen.line([top, low], size * 0.018, rope)
        pen.box(x - size * 0.17, y + size * 1.54, x + size * 0.17, y + size * 1.76, basket)

    canvas.shapes(draw)


def _skin(at: Point, size: float, wide: float, angle: float) -> Point:
    """A point of a balloon's outline, which is longer below than above."""
    up = math.cos(angle)
    return at[0] + size * wide * math.sin(angle), at[1] - size * up * (1.0 if up > 0 else 1.28)


def paint_birds(canvas: Canvas, palette: Palette, rng: Rng, horizon: float, count: int = 9) -> None:
    """A loose flock far away."""
    x, y = canvas.width * rng.uniform(0.2, 0.75), horizon * rng.uniform(0.3, 0.6)
    colour = mix(palette.near, palette.haze, 0.25)

    def draw(pen: Pen) -> None:
        for _ in range(count):
            left, top = x + rng.normal(0, 90) * canvas.unit, y + rng.normal(0, 32) * canvas.unit
            size, lift = canvas.unit * rng.uniform(6, 13), rng.uniform(0.25, 0.6)
            for side in (-1, 1):
                bend = (left + side * size * 0.5, top - size * lift)
                tip = (left + side * size * 1.15, top - size * lift * 0.55)
                pen.polygon(
                    [
                        (left, top),
                        bend,
                        tip,
                        (bend[0], bend[1] + size * 0.17),
                        (left, top + size * 0.2),
                    ],
                    colour,
                )

    canvas.shapes(draw)


def paint_people(canvas: Canvas, palette: Palette, rng: Rng, foot: Point, height: float) -> None:
    """Two small figures seen from afar."""
    x, y = foot

    def draw(pen: Pen) -> None:
        for place, tall in ((0.0, 1.0), (0.62, 0.88)):
            size, left = height * tall, x + height * place
            coat = palette.at(scaled(palette.accent, rng.uniform(0.6, 1.0)), 0.02)
            dark = scaled(palette.near, 0.8)
            for leg in (-0.06, 0.06):
                pen.line(
                    [(left, y - size * 0.45), (left + leg * size * 1.3, y)], size * 0.085, dark
                )
            pen.polygon(
                [
                    (left - size * 0.1, y - size * 0.8),
                    (left + size * 0.1, y - size * 0.8),
                    (left + size * 0.16, y - size * 0.36),
                    (left - size * 0.16, y - size * 0.36),
                ],
                coat,
            )
            pen.disc(left, y - size * 0.9, size * 0.095, mix(dark, (0.6, 0.4, 0.3), 0.4))

    canvas.shapes(draw)


def paint_palm(canvas: Canvas, palette: Palette, rng: Rng, foot: Point, height: float) -> None:
    """A palm that leans over the water."""
    x, y = foot
    lean = height * rng.uniform(0.22, 0.34) * (1 if x < canvas.width / 2 else -1)
    bark, leaf = palette.at((0.42, 0.31, 0.24), 0.02), palette.at((0.16, 0.44, 0.30), 0.02)
    share = np.linspace(0, 1, 24)
    stem = [(x + lean * s**1.7, y - height * s) for s in share]
    head = stem[-1]
    turns = np.linspace(-3.45, 0.3, 11) + rng.normal(0, 0.07, 11)

    def draw(pen: Pen) -> None:
        for index, (left, top) in enumerate(stem):
            pen.disc(left, top, height * (0.024 - 0.011 * share[index]), bark)
        pen.line(stem, height * 0.026, bark)
        for index, turn in enumerate(turns):
            long = height * rng.uniform(0.34, 0.46)
            spine = [
                (
                    head[0] + long * s * np.cos(turn),
                    head[1] + long * (s * np.sin(turn) + 0.7 * s * s),
                )
                for s in np.linspace(0, 1, 14)
            ]
            under = [
                (px, py + height * 0.055 * np.sin(np.pi * min(1.0, s * 1.02)) ** 0.7)
                for (px, py), s in zip(spine, np.linspace(0, 1, 14), strict=True)
            ]
            pen.polygon([*spine, *under[::-1]], scaled(leaf, 0.78 + 0.4 * ((index * 5) % 11) / 11))

    canvas.shapes(draw)
