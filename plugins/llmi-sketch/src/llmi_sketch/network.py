"""Pictures for prompts about networks: nodes and lines that stand for nothing."""

from __future__ import annotations

import numpy as np

from llmi_sketch.abstract import colours_of, paint_ground
from llmi_sketch.canvas import Canvas, Pen
from llmi_sketch.noise import Rng, field, smoothstep
from llmi_sketch.palette import Palette, mix, scaled
from llmi_sketch.words import Scene


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
