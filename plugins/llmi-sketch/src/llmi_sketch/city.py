"""A skyline: ranks of buildings with lit windows, and a few landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmi_sketch.canvas import Canvas, Parts, Pen
from llmi_sketch.noise import Rng
from llmi_sketch.palette import RGB, Palette, mix, scaled
from llmi_sketch.words import Scene

_WALL: RGB = (0.40, 0.47, 0.58)
_LIT: dict[str, float] = {"dawn": 0.22, "day": 0.05, "sunset": 0.38, "dusk": 0.55, "night": 0.5}
_NEEDLE: Parts = (
    (
        "light",
        (
            (-0.085, 0),
            (-0.0221, -0.42),
            (-0.0425, -0.78),
            (-0.0221, -0.78),
            (-0.0051, -0.42),
            (-0.0527, 0),
        ),
    ),
    (
        "dark",
        (
            (0.085, 0),
            (0.0221, -0.42),
            (0.0425, -0.78),
            (0.0221, -0.78),
            (0.0051, -0.42),
            (0.0527, 0),
        ),
    ),
    ("dark", ((-0.0077, -0.78), (0.0077, -0.78), (0.0077, 0), (-0.0077, 0))),
    ("dark", ((-0.0425, -0.75), (0.0425, -0.75), (0.1275, -0.78), (-0.1275, -0.78))),
)
_SPIRE: Parts = (
    ("light", ((-0.0808, -0.802), (0.0808, -0.802), (0.0136, -0.86), (-0.0136, -0.86))),
    ("light", ((-0.0085, -0.85), (0.0085, -0.85), (0, -1.0))),
)


@dataclass(frozen=True)
class _Rank:
    base: float
    height: float
    depth: float
    lit: float
    """Share of the windows with a light in them; below 0 there are no windows."""


def paint_city(
    canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, base: float, reach: float
) -> None:
    """Three ranks from `base`, the tallest `reach` high."""
    lit = _LIT[scene.time]
    if scene.weather in ("rain", "storm", "fog", "snow"):
        lit = max(lit, 0.24)
    ranks = (
        _Rank(base, reach * 0.92, 0.74, -1.0),
        _Rank(base, reach, 0.46, lit * 0.6),
        _Rank(base, reach * 0.66, 0.16, lit),
    )
    middle = canvas.width * rng.uniform(0.3, 0.7)
    for index, rank in enumerate(ranks):
        _paint_rank(canvas, palette, rng, rank, middle)
        if "needle" in scene.motifs and index == 1:
            place = 0.24 if middle > canvas.width / 2 else 0.76
            _needle(canvas, palette, (canvas.width * place, base), reach * 1.12)
        veil = np.clip((canvas.rows - base + rank.height * 0.75) / (rank.height * 0.75), 0, 1) ** 2
        veil = np.where(canvas.rows > base, 0, veil) * (0.55 - 0.14 * index)
        mask = np.broadcast_to(veil, canvas.pixels.shape[:2])
        canvas.blend(mask, mix(palette.haze, palette.light, 0.12))


def _paint_rank(canvas: Canvas, palette: Palette, rng: Rng, rank: _Rank, middle: float) -> None:
    canvas.shapes(lambda pen: _rank(pen, canvas, palette, rng, rank, middle))


def _rank(pen: Pen, canvas: Canvas, palette: Palette, rng: Rng, rank: _Rank, middle: float) -> None:
    x = -canvas.unit * 20
    while x < canvas.width:
        width = canvas.unit * rng.uniform(34, 92)
        near = np.exp(-(((x + width / 2 - middle) / (canvas.width * 0.24)) ** 2))
        tall = rank.height * (0.22 + 0.3 * rng.random() + 0.48 * near * rng.uniform(0.45, 1.0))
        own = scaled(_WALL, rng.uniform(0.8, 1.16))
        colour = palette.at(mix(own, palette.accent, 0.1 * rng.random()), rank.depth)
        _building(pen, canvas.unit, palette, rng, rank, (x, width, tall), colour)
        x += width + canvas.unit * (
            rng.uniform(6, 30) if rng.random() < 0.3 else rng.uniform(-8, 3)
        )


def _building(
    pen: Pen,
    unit: float,
    palette: Palette,
    rng: Rng,
    rank: _Rank,
    place: tuple[float, float, float],
    colour: RGB,
) -> None:
    x, width, tall = place
    top = rank.base - tall
    side = x + width * rng.uniform(0.6, 0.74)
    pen.box(x, top, x + width, rank.base + 2, colour)
    pen.box(side, top, x + width, rank.base + 2, scaled(colour, 0.84))
    _roof(pen, unit, rng, (x, side, x + width, top), colour)
    if rank.lit >= 0:
        _windows(pen, unit, palette, rng, rank, (x, side, x + width, top), colour)


def _roof(
    pen: Pen, unit: float, rng: Rng, at: tuple[float, float, float, float], colour: RGB
) -> None:
    left, side, right, top = at
    width = right - left
    match int(rng.integers(6)):
        case 0:
            pen.polygon(
                [(left, top + 1), (right, top + 1), (right, top - width * 0.34)],
                scaled(colour, 0.94),
            )
        case 1:
            step = width * 0.2
            for index in (1, 2):
                inset = step * index * 0.8
                pen.box(left + inset, top - step * index, right - inset, top + 1, colour)
                pen.box(side, top - step * index, right - inset, top + 1, scaled(colour, 0.84))
        case 2:
            mast = (left + right) / 2
            pen.box(left + width * 0.3, top - width * 0.14, right - width * 0.3, top + 1, colour)
            pen.box(mast - unit, top - width * 0.85, mast + unit, top, colour)
        case 3:
            middle = (left + right) / 2
            pen.polygon(
                [(left, top + 1), (middle, top - width * 0.55), (right, top + 1)],
                scaled(colour, 0.96),
            )
            pen.polygon(
                [(middle, top - width * 0.55), (right, top + 1), (middle, top + 1)],
                scaled(colour, 0.84),
            )
        case _:
            box = width * rng.uniform(0.18, 0.32)
            pen.box(
                left + box * 0.6, top - unit * 7, left + box * 1.6, top + 1, scaled(colour, 0.92)
            )


def _windows(
    pen: Pen,
    unit: float,
    palette: Palette,
    rng: Rng,
    rank: _Rank,
    at: tuple[float, float, float, float],
    colour: RGB,
) -> None:
    left, side, right, top = at
    glass = mix(scaled(colour, 0.8), palette.sky[1], 0.25)
    warm = mix((1.0, 0.83, 0.50), palette.light, 0.3)
    step, gap = unit * rng.uniform(9, 13), unit * rng.uniform(11, 17)
    wide = unit * rng.uniform(3.6, 6.0)
    high = unit * rng.uniform(5.0, 8.5)
    favour = rng.uniform(0.4, 1.5)
    y = top + unit * 10
    while y < rank.base - unit * 8:
        x = left + unit * 5
        while x + wide < right - unit * 4:
            if not (x < side < x + wide):
                lit = rng.random() < rank.lit * favour
                tone = (
                    mix(colour, warm, rng.uniform(0.55, 1.0) * (1 - rank.depth)) if lit else glass
                )
                pen.box(x, y, x + wide, y + high, tone if x < side else scaled(tone, 0.9))
            x += step
        y += gap


def _needle(canvas: Canvas, palette: Palette, foot: tuple[float, float], height: float) -> None:
    """A tower like the one in Seattle: legs, a saucer, a spire."""
    light = palette.at((0.82, 0.86, 0.90), 0.22)
    colours = {"light": light, "dark": scaled(light, 0.76)}
    x, deck = foot[0], foot[1] - height * 0.78

    def draw(pen: Pen) -> None:
        pen.parts(foot, height, _NEEDLE, colours)
        pen.disc(x, deck, height * 0.138, colours["light"], flatness=0.2)
        pen.disc(x, deck - height * 0.012, height * 0.116, colours["dark"], flatness=0.2)
        pen.parts(foot, height, _SPIRE, colours)

    canvas.shapes(draw)
