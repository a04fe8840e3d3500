"""The sky: gradient, sun, moon, stars, clouds, aurora, rainbow."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas, Pen
from llmi_sketch.noise import Floats, Rng, field, line, smoothstep
from llmi_sketch.palette import RGB, Palette, gradient, mix, scaled
from llmi_sketch.words import Scene

_COVERED = ("rain", "storm", "fog", "snow")


def paint_sky(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, horizon: float) -> None:
    """Everything above the land. `horizon` is a row."""
    rows = np.clip(canvas.rows[:, 0] / horizon, 0, 1)
    canvas.pixels[:] = gradient(palette.sky, rows**1.15)[:, None, :]
    if scene.time in ("night", "dusk") and scene.weather not in _COVERED:
        _stars(canvas, rng, horizon, 1.0 if scene.time == "night" else 0.45)
    if "aurora" in scene.motifs:
        _aurora(canvas, rng, horizon)
    if _has_disc(scene):
        _disc(canvas, scene, palette, rng, horizon)
    if scene.style != "minimal":
        _clouds(canvas, scene, palette, rng, horizon)
    if "rainbow" in scene.motifs:
        _rainbow(canvas, rng, horizon)


def sun_place(scene: Scene, canvas: Canvas, horizon: float) -> tuple[float, float]:
    """Where the sun or moon stands: decided by the seed, on one of the thirds."""
    share = (0.3, 0.68, 0.5, 0.74)[scene.seed // 7 % 4]
    height = {"dawn": 0.72, "day": 0.3, "sunset": 0.74, "dusk": 0.4, "night": 0.3}[scene.time]
    return canvas.width * share, horizon * height


def _has_disc(scene: Scene) -> bool:
    return scene.weather not in _COVERED or bool({"sun", "moon"} & set(scene.motifs))


def _disc(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, horizon: float) -> None:
    x, y = sun_place(scene, canvas, horizon)
    is_moon = scene.time == "night" or "moon" in scene.motifs
    radius = canvas.unit * (44 if is_moon else 40 if scene.time == "day" else 66)
    far = np.hypot(canvas.columns - x, canvas.rows - y)
    strength = 0.3 if is_moon else 0.42
    canvas.glow((strength * np.exp(-far / (radius * 4.5))).astype(np.float32), palette.light)
    canvas.glow((0.34 * np.exp(-((far / (radius * 2.0)) ** 2))).astype(np.float32), palette.light)
    mask = np.clip(radius - far + 0.5, 0, 1).astype(np.float32)
    canvas.blend(mask * 0.97, mix(palette.light, (1, 1, 1), 0.35))
    if is_moon:
        _craters(canvas, mask, (x, y), radius, palette, rng)


def _craters(
    canvas: Canvas, disc: Floats, at: tuple[float, float], radius: float, palette: Palette, rng: Rng
) -> None:
    def draw(pen: Pen) -> None:
        for _ in range(7):
            angle, far = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.1, 0.8)
            size = radius * rng.uniform(0.08, 0.24)
            pen.disc(at[0] + far * np.cos(angle), at[1] + far * np.sin(angle), size, 1.0)

    shade = mix(scaled(palette.light, 0.8), palette.haze, 0.25)
    canvas.blend(canvas.mask(draw, blur=canvas.unit * 1.2) * disc * 0.4, shade)


def _stars(canvas: Canvas, rng: Rng, horizon: float, strength: float) -> None:
    count = int(520 * strength * canvas.width / 1536)
    spots = [
        (
            rng.uniform(0, canvas.width),
            horizon * 0.95 * rng.uniform(0, 1) ** 1.25,
            rng.random() ** 4,
        )
        for _ in range(count)
    ]

    def draw(pen: Pen) -> None:
        for x, y, size in spots:
            pen.disc(x, y, canvas.unit * (0.55 + 1.5 * size), 0.35 + 0.65 * size)

    stars = canvas.mask(draw)
    canvas.glow(stars * strength, (1.0, 0.98, 0.92))
    canvas.glow(canvas.mask(draw, blur=canvas.unit * 3) * strength * 0.9, (0.8, 0.88, 1.0))


def _clouds(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, horizon: float) -> None:
    cover = {"clear": 0.3, "cloudy": 0.62, "rain": 0.72, "storm": 0.82, "snow": 0.6, "fog": 0.4}
    amount = cover[scene.weather]
    height = int(horizon)
    size = (canvas.width, height)
    billow = field(rng, size, (4.5, 4.0), 5) * 0.7 + field(rng, size, (3, 9), 4) * 0.3
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    if scene.weather == "clear":
        billow -= 0.22 * np.abs(down - 0.55) * 2
    else:
        billow += 0.16 * (0.55 - down)
    edge = 0.78 - 0.42 * amount
    mask = smoothstep(edge, edge + 0.2, billow)
    light, dark = _cloud_colours(scene, palette)
    relief = np.clip((np.roll(billow, -int(9 * canvas.unit), 0) - billow) * 7 + 0.5, 0, 1)
    tone = np.clip(relief * 0.6 + smoothstep(edge, edge + 0.42, billow) * 0.5, 0, 1)[..., None]
    colour = np.asarray(light, np.float32) * (1 - tone) + np.asarray(dark, np.float32) * tone
    canvas.blend(mask * (0.5 if scene.weather == "clear" else 0.8), colour)


def _cloud_colours(scene: Scene, palette: Palette) -> tuple[RGB, RGB]:
    if scene.time == "night":
        return mix(palette.sky[2], palette.light, 0.12), palette.sky[1]
    if scene.weather in ("rain", "storm"):
        return mix(palette.sky[2], (1, 1, 1), 0.22), mix(palette.sky[0], palette.near, 0.22)
    light = mix(palette.sky[3], palette.light, 0.6)
    return mix(light, (1, 1, 1), 0.3), mix(palette.sky[1], palette.sky[2], 0.6)


def _aurora(canvas: Canvas, rng: Rng, horizon: float) -> None:
    for colour, strength in (
        ((0.25, 0.95, 0.6), 0.62),
        ((0.2, 0.75, 0.8), 0.4),
        ((0.6, 0.35, 0.9), 0.36),
    ):
        base = horizon * (0.62 + 0.2 * line(rng, canvas.width, 2.2, 3))
        rays = 0.62 + 0.38 * line(rng, canvas.width, 40, 3)
        up = (base[None, :] - canvas.rows) / (horizon * 0.5)
        veil = np.where(up > 0, np.exp(-up * 2.4), np.exp(up * 26)) * rays[None, :]
        canvas.glow((np.clip(veil, 0, 1) * strength).astype(np.float32), colour)


def _rainbow(canvas: Canvas, rng: Rng, horizon: float) -> None:
    x, radius = canvas.width * rng.uniform(0.4, 0.6), horizon * 0.95
    far = np.hypot((canvas.columns - x) / 1.1, canvas.rows - horizon * 1.1)
    band = (far - radius) / (canvas.unit * 46)
    colours = (
        (0.5, 0.3, 0.8),
        (0.2, 0.5, 0.95),
        (0.3, 0.8, 0.5),
        (1, 0.9, 0.4),
        (1, 0.6, 0.3),
        (0.95, 0.3, 0.3),
    )
    mask = smoothstep(0, 0.15, band) * (1 - smoothstep(0.85, 1, band))
    canvas.blend((mask * 0.42).astype(np.float32), gradient(colours, np.clip(band, 0, 1)))
