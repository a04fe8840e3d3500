"""Space: stars, a nebula, and a planet with a ring."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas, Pen
from llmi_sketch.noise import Rng, field, line, smoothstep
from llmi_sketch.palette import RGB, Palette, gradient, mix, scaled
from llmi_sketch.words import Scene


def paint_space(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng) -> None:
    """Stars, a nebula, and a planet with a ring."""
    deep: RGB = (0.025, 0.03, 0.085)
    canvas.pixels[:] = np.asarray(deep, np.float32)
    tone = palette.accent if scene.colours else (0.36, 0.30, 0.78)
    for hue, strength in (
        (tone, 0.62),
        (mix(tone, (0.95, 0.4, 0.5), 0.6), 0.46),
        ((0.15, 0.55, 0.75), 0.36),
    ):
        cloud = field(rng, canvas.size, (2.6, 2.0), 6)
        canvas.glow(smoothstep(0.46, 0.98, cloud) * strength, hue)

    spots = rng.random((620, 3))

    def stars(pen: Pen) -> None:
        for x, y, size in spots:
            pen.disc(
                x * canvas.width,
                y * canvas.height,
                canvas.unit * (0.5 + 1.7 * size**5),
                0.3 + 0.7 * size,
            )

    canvas.glow(canvas.mask(stars), (1.0, 0.98, 0.94))
    canvas.glow(canvas.mask(stars, blur=canvas.unit * 3), (0.8, 0.88, 1.0))
    x, y = canvas.width * rng.uniform(0.3, 0.7), canvas.height * rng.uniform(0.42, 0.56)
    _planet(
        canvas, rng, (x, y), canvas.unit * rng.uniform(170, 230), mix(tone, (0.95, 0.72, 0.5), 0.55)
    )


def _planet(canvas: Canvas, rng: Rng, at: tuple[float, float], radius: float, colour: RGB) -> None:
    across, down = (canvas.columns - at[0]) / radius, (canvas.rows - at[1]) / radius
    tilted = across * 0.26 + down * 0.966
    far = np.hypot(across, down)
    height = np.sqrt(np.clip(1 - far**2, 0, 1))
    sun = np.clip(-0.62 * across - 0.48 * down + 0.62 * height, 0.0, 1)
    bands = (
        line(rng, 400, 11, 3, 0.6)[np.clip((tilted * 0.5 + 0.5) * 399, 0, 399).astype(int)] * 0.5
        + 0.5
    )
    skin = gradient(
        (scaled(colour, 0.7), colour, mix(colour, (1, 0.95, 0.88), 0.5)), np.clip(bands, 0, 1)
    )
    halo = (
        np.exp(-np.clip(far - 1, 0, None) * 7)
        * (far > 1)
        * np.clip(0.6 - 0.5 * across - 0.4 * down, 0, 1)
        * 0.5
    )
    canvas.glow(halo.astype(np.float32), mix(colour, (1, 1, 1), 0.3))
    turned = np.hypot((across * 0.966 - down * 0.26) / 2.0, tilted / 0.42)
    grooves = (
        line(rng, 300, 26, 2)[np.clip((turned - 0.72) / 0.28 * 299, 0, 299).astype(int)] * 0.5 + 0.6
    )
    ring = (
        smoothstep(0.72, 0.735, turned)
        * (1 - smoothstep(0.985, 1.0, turned))
        * np.clip(grooves, 0.15, 1)
    )
    pale = mix(colour, (1, 0.95, 0.85), 0.6)
    canvas.blend((ring * (tilted <= 0) * 0.72).astype(np.float32), pale)
    body = np.clip((1 - far) * radius + 0.5, 0, 1).astype(np.float32)
    canvas.blend(body, (skin * (0.06 + 1.05 * sun[..., None])).clip(0, 1).astype(np.float32))
    canvas.blend((ring * (tilted > 0) * 0.8).astype(np.float32), pale)
