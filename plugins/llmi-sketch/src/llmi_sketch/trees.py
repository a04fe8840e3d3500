"""Trees and flowers."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas, Pen
from llmi_sketch.noise import Floats, Rng, line
from llmi_sketch.palette import RGB, Palette, mix, scaled
from llmi_sketch.words import Scene

_CONIFER: RGB = (0.13, 0.35, 0.31)
_LEAVES: dict[str | None, tuple[RGB, ...]] = {
    None: ((0.22, 0.48, 0.34), (0.30, 0.56, 0.36), (0.16, 0.40, 0.34)),
    "spring": ((0.95, 0.70, 0.78), (0.98, 0.82, 0.86), (0.56, 0.72, 0.40)),
    "summer": ((0.26, 0.52, 0.28), (0.40, 0.62, 0.32), (0.18, 0.44, 0.30)),
    "autumn": ((0.88, 0.46, 0.16), (0.94, 0.66, 0.22), (0.74, 0.28, 0.16)),
    "winter": ((0.86, 0.91, 0.96), (0.76, 0.84, 0.92), (0.92, 0.95, 0.98)),
}
_PETALS: tuple[RGB, ...] = (
    (0.92, 0.30, 0.30),
    (0.98, 0.78, 0.30),
    (0.95, 0.55, 0.65),
    (0.98, 0.95, 0.90),
    (0.62, 0.45, 0.82),
)


def paint_forest(
    canvas: Canvas,
    scene: Scene,
    palette: Palette,
    rng: Rng,
    top: float,
    bottom: float,
    layers: int = 4,
) -> None:
    """Ranks of conifers (in autumn and spring: broad crowns) with mist between them."""
    for layer in range(layers):
        share = layer / max(1, layers - 1)
        depth = 0.7 * (1 - share) ** 1.2
        base = top + (bottom - top) * share**1.1
        ground = base + line(rng, canvas.width, 2.4, 3, 0.4) * canvas.unit * 26
        height = canvas.unit * (58 + 150 * share)
        plant(
            canvas, scene, palette, rng, ground - height * 0.12, height, depth, 0.23 + 0.06 * share
        )
        soil = palette.at(scaled(_CONIFER, 0.8), depth)
        canvas.below(ground, soil)
        if share < 1:
            fade = np.exp(-np.abs(canvas.rows - ground[None, :] - 20) / (canvas.unit * 40)) * 0.4
            canvas.blend(fade.astype(np.float32), palette.haze)


def plant(
    canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, ground: Floats, height: float,
    depth: float, spacing: float, chance: float = 1.0,
) -> None:  # fmt: skip
    """A rank of trees along a profile."""
    broad = scene.season in ("autumn", "spring")

    def draw(pen: Pen) -> None:
        x = -height * 0.2
        while x < canvas.width + height * 0.2:
            column = int(np.clip(x, 0, canvas.width - 1))
            tall = height * rng.uniform(0.55, 1.1)
            tone = rng.uniform(0.86, 1.12)
            if rng.random() < chance:
                foot = float(ground[column]) + height * 0.16
                if broad and rng.random() < 0.75:
                    crown(pen, scene, palette, rng, (x, foot), tall * 0.72, depth)
                else:
                    conifer(pen, (x, foot), tall, palette.at(_needles(scene, tone), depth))
            x += height * spacing * rng.uniform(0.5, 1.5)

    canvas.shapes(draw)


def _needles(scene: Scene, tone: float) -> RGB:
    snowy = scene.weather == "snow" or scene.season == "winter"
    return scaled(mix(_CONIFER, (0.82, 0.89, 0.95), 0.42) if snowy else _CONIFER, tone)


def conifer(pen: Pen, foot: tuple[float, float], height: float, colour: RGB) -> None:
    """Stacked boughs, the right half in shade."""
    x, y = foot
    pen.box(x - height * 0.018, y - height * 0.2, x + height * 0.018, y, scaled(colour, 0.6))
    tiers = 5
    for half, tone in ((-1, 1.0), (1, 0.8)):
        points = [(x, y - height)]
        for tier in range(tiers):
            reach = height * (0.06 + 0.15 * (tier + 1) / tiers)
            low = y - height * (1 - 0.9 * (tier + 1) / tiers)
            points += [(x + half * reach, low), (x + half * reach * 0.5, low - height * 0.035)]
        points.append((x, points[-2][1] - height * 0.02))
        pen.polygon(points, scaled(colour, tone))


def crown(
    pen: Pen,
    scene: Scene,
    palette: Palette,
    rng: Rng,
    foot: tuple[float, float],
    height: float,
    depth: float,
) -> None:
    """A broad-leaved tree: trunk, shaded mass, lighter leaves on the light's side."""
    x, y = foot
    leaves = _LEAVES["winter" if scene.weather == "snow" else scene.season]
    own = palette.at(leaves[int(rng.integers(len(leaves)))], depth)
    bark = palette.at((0.30, 0.22, 0.18), depth)
    wide = height * 0.045
    pen.polygon(
        [
            (x - wide, y),
            (x + wide, y),
            (x + wide * 0.4, y - height * 0.6),
            (x - wide * 0.4, y - height * 0.6),
        ],
        bark,
    )
    spots = _leaf_spots(rng, 90 if height > 200 else 16)
    for shift, tone, kept in (
        (0.03, 0.7, -1.0),
        (0.0, 0.88, -0.35),
        (-0.02, 1.04, 0.05),
        (-0.03, 1.2, 0.5),
    ):
        for across, up, radius in spots:
            # The light comes from above, on the left.
            if (up - 0.64) * 2.2 - across * 1.6 + radius >= kept - 0.25:
                at = (x + height * (across + shift), y - height * (up - shift * 0.6))
                pen.disc(*at, height * radius * (1.0 if kept < -0.5 else 0.74), scaled(own, tone))


def _leaf_spots(rng: Rng, count: int) -> list[tuple[float, float, float]]:
    """Clumps of leaves within a crown about 0.64 of the height: across, up, radius."""
    angles, far = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    size = 0.1 if count > 20 else 0.16
    return [
        (0.3 * f * np.cos(a), 0.64 + 0.25 * f * np.sin(a), size * rng.uniform(0.5, 1.0))
        for a, f in zip(angles, far, strict=True)
    ]


def paint_flowers(canvas: Canvas, palette: Palette, rng: Rng, top: float) -> None:
    """A meadow in bloom along the bottom edge: stems and heads, larger towards the viewer."""
    own = (palette.accent, *_PETALS)

    def draw(pen: Pen) -> None:
        for share in np.sort(rng.random(420)):
            y = top + (canvas.height * 1.04 - top) * share
            size = canvas.unit * (1.6 + 9.5 * share**1.6) * rng.uniform(0.7, 1.2)
            x = rng.uniform(0, canvas.width)
            colour = palette.at(own[int(rng.integers(len(own)))], 0.3 * (1 - share))
            stem = palette.at((0.20, 0.42, 0.26), 0.2 * (1 - share))
            pen.line([(x, y), (x + size * 0.3, y + size * 3.6)], size * 0.2, stem)
            pen.disc(x, y, size, scaled(colour, 0.82), flatness=0.78)
            pen.disc(x - size * 0.1, y - size * 0.18, size * 0.78, colour, flatness=0.7)

    canvas.shapes(draw)
