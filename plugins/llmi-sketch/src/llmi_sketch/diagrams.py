"""Pictures for prompts about data and networks. They show no data: no scale, no number, no word."""

from __future__ import annotations

import numpy as np

from llmi_sketch.abstract import colours_of, paint_ground
from llmi_sketch.canvas import Canvas, Pen
from llmi_sketch.noise import Rng, field, smoothstep
from llmi_sketch.palette import RGB, Palette, gradient, mix, scaled
from llmi_sketch.words import Scene


def paint_chart(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng) -> None:
    """Columns and a curve that mean nothing: there is no scale and no number on them."""
    colours = colours_of(scene, palette)
    paint_ground(canvas, mix(colours[0], (1, 1, 1), 0.3), mix(colours[0], colours[1], 0.55))
    count = 13
    left, right = canvas.width * 0.1, canvas.width * 0.9
    base, tall = canvas.height * 0.82, canvas.height * 0.6
    rise = np.linspace(0.22, 0.8, count) + rng.normal(0, 0.075, count)
    step = (right - left) / count

    def grid(pen: Pen) -> None:
        for index in range(5):
            y = base - tall * (index + 1) / 5
            pen.box(left, y, right, y + canvas.unit * 1.2, 0.5)

    canvas.blend(canvas.mask(grid) * 0.35, colours[3])
    for index, share in enumerate(rise):
        tone = gradient(colours[1:4], np.asarray([index / (count - 1)]))[0]
        own: RGB = (float(tone[0]), float(tone[1]), float(tone[2]))
        x = left + step * (index + 0.18)
        _column(canvas, (x, base - tall * float(share), x + step * 0.64, base), own)
    points = [
        (left + step * (index + 0.5), base - tall * float(share) - canvas.unit * 46)
        for index, share in enumerate(rise)
    ]
    _curve(canvas, points, colours)


def _column(canvas: Canvas, box: tuple[float, float, float, float], colour: RGB) -> None:
    left, top, right, bottom = box
    start, end = int(top), int(bottom) + 2
    rows = canvas.rows[start:end]
    across = np.clip(canvas.columns - left + 0.5, 0, 1) * np.clip(
        right - canvas.columns + 0.5, 0, 1
    )
    radius = (right - left) * 0.14
    inset = np.clip(radius - np.minimum(canvas.columns - left, right - canvas.columns), 0, radius)
    edge = top + radius - np.sqrt(np.clip(radius**2 - inset**2, 0, None))
    down = np.clip(rows - edge + 0.5, 0, 1) * np.clip(bottom - rows + 0.5, 0, 1)
    share = np.clip((rows - top) / (bottom - top), 0, 1) * np.ones_like(canvas.columns)
    shades = gradient((mix(colour, (1, 1, 1), 0.16), colour, mix(colour, (1, 1, 1), 0.3)), share)
    canvas.blend((across * down).astype(np.float32), shades, start)


def _curve(canvas: Canvas, points: list[tuple[float, float]], colours: tuple[RGB, ...]) -> None:
    across, down = [point[0] for point in points], [point[1] for point in points]
    kernel = np.hanning(61)
    columns = np.arange(canvas.width, dtype=float)
    smooth = np.convolve(
        np.pad(np.interp(columns, across, down), 30, "edge"), kernel / kernel.sum(), "valid"
    )
    path = [(float(x), float(smooth[int(x)])) for x in np.arange(across[0], across[-1], 4)]

    def draw(pen: Pen) -> None:
        pen.line(path, canvas.unit * 4.5, colours[4])
        for x, _y in points:
            pen.disc(x, float(smooth[int(x)]), canvas.unit * 9, colours[4])
            pen.disc(x, float(smooth[int(x)]), canvas.unit * 5, mix(colours[0], (1, 1, 1), 0.6))

    canvas.shapes(draw)


def paint_network(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng) -> None:
    """Nodes on a dark ground, joined to their neighbours by fine lines that glow."""
    colours = colours_of(scene, palette)
    deep = scaled(colours[4], 0.75)
    paint_ground(canvas, deep, mix(deep, colours[3], 0.5))
    haze = field(rng, canvas.size, (3, 2), 3)
    canvas.glow(smoothstep(0.45, 1.0, haze) * 0.22, colours[2])
    count = round(90 * canvas.width / 1536) + 10
    spots = rng.uniform(0.04, 0.96, (count, 2)) * np.asarray(canvas.size)
    weight = rng.random(count) ** 3
    gaps = np.hypot(*(spots[:, None] - spots[None, :]).transpose(2, 0, 1))
    nearest = np.argsort(gaps, axis=1, kind="stable")[:, 1:5]
    links = sorted({(min(i, int(j)), max(i, int(j))) for i in range(count) for j in nearest[i]})

    def lines(pen: Pen) -> None:
        for one, two in links:
            fade = float(np.clip(1.1 - gaps[one, two] / (canvas.unit * 300), 0.12, 0.8))
            pen.line([tuple(spots[one]), tuple(spots[two])], canvas.unit * 1.3, fade)

    def nodes(pen: Pen) -> None:
        for (x, y), size in zip(spots, weight, strict=True):
            pen.disc(float(x), float(y), canvas.unit * (4 + 15 * size), 1.0)

    canvas.blend(canvas.mask(lines) * 0.75, mix(colours[1], (1, 1, 1), 0.2))
    canvas.glow(canvas.mask(nodes, blur=canvas.unit * 16) * 0.8, colours[2])
    canvas.blend(canvas.mask(nodes), mix(colours[1], (1, 1, 1), 0.35))
