"""Compositions for prompts without a place: flowing sheets, orbs, contours."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas
from llmi_sketch.noise import Floats, Rng, line
from llmi_sketch.palette import RGB, Palette, gradient, mix, saturated, scaled
from llmi_sketch.words import Scene

_FAMILIES: tuple[tuple[RGB, RGB, RGB, RGB, RGB], ...] = (
    ((0.97, 0.94, 0.88), (0.95, 0.72, 0.53), (0.86, 0.42, 0.36), (0.40, 0.27, 0.42), (0.12, 0.16, 0.30)),
    ((0.93, 0.96, 0.94), (0.60, 0.82, 0.78), (0.20, 0.58, 0.62), (0.11, 0.36, 0.50), (0.06, 0.16, 0.31)),
    ((0.98, 0.95, 0.91), (0.96, 0.80, 0.58), (0.62, 0.66, 0.50), (0.22, 0.46, 0.46), (0.09, 0.24, 0.32)),
    ((0.96, 0.93, 0.96), (0.86, 0.68, 0.84), (0.56, 0.45, 0.80), (0.28, 0.27, 0.60), (0.10, 0.11, 0.32)),
    ((0.98, 0.96, 0.92), (0.98, 0.78, 0.40), (0.93, 0.48, 0.30), (0.24, 0.44, 0.54), (0.10, 0.19, 0.28)),
)  # fmt: skip


def colours_of(scene: Scene, palette: Palette) -> tuple[RGB, ...]:
    """Five colours from light to dark: one of the families, or about the named colours."""
    family: tuple[RGB, ...] = _FAMILIES[scene.seed // 3 % len(_FAMILIES)]
    if scene.colours:
        first = scene.colours[0]
        base: RGB = (first[0] / 255, first[1] / 255, first[2] / 255)
        second = palette.accent if len(scene.colours) > 1 else mix(base, (0.98, 0.78, 0.55), 0.3)
        family = (
            mix(base, (1, 1, 1), 0.86),
            mix(second, (1, 1, 1), 0.1),
            base,
            scaled(base, 0.62),
            scaled(base, 0.3),
        )
    if scene.mood == "vivid":
        return tuple(saturated(colour, 1.35) for colour in family)
    if scene.mood in ("muted", "pastel"):
        return tuple(mix(saturated(colour, 0.6), (0.95, 0.94, 0.92), 0.18) for colour in family)
    if scene.mood == "dark" or scene.time == "night":
        return (family[4], family[3], family[2], family[1], scaled(family[4], 0.6))
    return family


def paint_abstract(canvas: Canvas, scene: Scene, palette: Palette, rng: Rng) -> None:
    """One of three compositions, chosen by the seed; about data always the orbs, which nobody takes for a chart."""
    colours = colours_of(scene, palette)
    kind = 1 if scene.style == "minimal" or "data" in scene.motifs else scene.seed % 3
    (_flow, _orbs, _contours)[kind](canvas, colours, rng)


def paint_ground(canvas: Canvas, first: RGB, last: RGB) -> None:
    share = (canvas.rows / canvas.height * 0.7 + canvas.columns / canvas.width * 0.3).astype(
        np.float32
    )
    canvas.pixels[:] = gradient((first, last), share)


def _flow(canvas: Canvas, colours: tuple[RGB, ...], rng: Rng) -> None:
    """Sheets of paper cut in waves, each with a shadow on the one behind."""
    paint_ground(canvas, colours[0], mix(colours[0], colours[1], 0.7))
    far = np.hypot(
        canvas.columns - canvas.width * rng.uniform(0.55, 0.8), canvas.rows - canvas.height * 0.3
    )
    radius = canvas.height * rng.uniform(0.13, 0.2)
    canvas.blend(
        (0.4 * np.exp(-far / (radius * 1.4))).astype(np.float32), mix(colours[1], (1, 1, 1), 0.4)
    )
    canvas.blend(
        np.clip(radius - far + 0.5, 0, 1).astype(np.float32),
        saturated(mix(colours[1], colours[2], 0.12), 1.25),
    )
    sheets = 9
    swing = line(rng, canvas.width, 1.6, 2, 0.3)
    for sheet in range(sheets):
        share = sheet / (sheets - 1)
        own = line(rng, canvas.width, 2.1, 2, 0.28)
        base = canvas.height * (0.34 + 0.6 * share)
        profile = base + canvas.height * (0.12 * swing * (1 - 0.5 * share) + 0.055 * own)
        colour = gradient(colours[1:], np.asarray([0.12 + 0.88 * share]))[0]
        _sheet(canvas, profile, (float(colour[0]), float(colour[1]), float(colour[2])))


def _sheet(canvas: Canvas, profile: Floats, colour: RGB) -> None:
    top = int(max(0, profile.min() - canvas.unit * 110))
    above = profile[None, :] - canvas.rows[top:]
    shadow = np.where(above > 0, np.exp(-np.abs(above) / (canvas.unit * 22)), 0) * 0.34
    canvas.blend(shadow.astype(np.float32), scaled(colour, 0.3), top)
    under = np.clip(-above / (canvas.height * 0.34), 0, 1)
    shades = gradient((mix(colour, (1, 1, 1), 0.13), colour, scaled(colour, 0.84)), under)
    canvas.blend(np.clip(0.5 - above, 0, 1).astype(np.float32), shades, top)


def _orbs(canvas: Canvas, colours: tuple[RGB, ...], rng: Rng) -> None:
    """Discs that overlap on a quiet ground, each lit from one side."""
    paint_ground(canvas, mix(colours[0], (1, 1, 1), 0.2), mix(colours[0], colours[1], 0.4))
    sizes = (0.44, 0.3, 0.21, 0.14, 0.09, 0.055)
    for index, size in enumerate(sizes):
        radius = canvas.height * size * rng.uniform(0.85, 1.1)
        x = canvas.width * (0.5 + rng.uniform(-0.36, 0.36))
        y = canvas.height * (0.5 + rng.uniform(-0.24, 0.24))
        far = np.hypot(canvas.columns - x, canvas.rows - y)
        drop = np.hypot(canvas.columns - x - radius * 0.06, canvas.rows - y - radius * 0.13)
        shade = np.exp(-np.clip(drop - radius, 0, None) / (canvas.unit * 30)) * 0.16
        canvas.blend(shade.astype(np.float32), scaled(colours[4], 0.8))
        tilt = ((canvas.columns - x) * 0.5 + (canvas.rows - y) * 0.86) / radius * 0.5 + 0.5
        own = colours[(index + 1) % 4 + 1]
        skin = gradient((mix(own, (1, 1, 1), 0.3), own, scaled(own, 0.76)), np.clip(tilt, 0, 1))
        canvas.blend((np.clip(radius - far + 0.5, 0, 1) * 0.96).astype(np.float32), skin)
        ring = np.clip(1.4 * canvas.unit - np.abs(far - radius * 1.22) + 0.5, 0, 1) * 0.5
        canvas.blend(ring.astype(np.float32), colours[3])


def _contours(canvas: Canvas, colours: tuple[RGB, ...], rng: Rng) -> None:
    """A relief in layers, as on a map: every step casts a soft shadow."""
    relief = _swell(canvas, rng)
    marks = np.linspace(0, 1, 33)
    relief = np.interp(relief, np.quantile(relief[::8, ::8], marks), marks).astype(np.float32)
    levels = 9
    level = relief * levels
    step = np.floor(level)
    colour = gradient(colours, np.clip(step / (levels - 1), 0, 1))
    canvas.pixels[:] = colour
    within = (level - step).astype(np.float32)
    slope = np.hypot(*np.gradient(level)).astype(np.float32)
    reach = within / np.maximum(slope, 1e-4)
    highlight = np.clip(1.6 * canvas.unit - reach, 0, 1) * (step > 0)
    shadow = np.exp(-((1 - within) / np.maximum(slope, 1e-4)) / (canvas.unit * 13)) * 0.32
    canvas.blend(np.clip(shadow, 0, 1).astype(np.float32), scaled(colours[4], 0.5))
    canvas.blend((highlight * 0.38).astype(np.float32), (1.0, 1.0, 1.0))


def _swell(canvas: Canvas, rng: Rng) -> Floats:
    """A smooth sea of hills: plane waves of random direction, without the grain of a grid."""
    across, down = canvas.columns / canvas.height, canvas.rows / canvas.height
    total = np.zeros(canvas.pixels.shape[:2], np.float32)
    for turn, pace, shift in rng.random((9, 3)):
        pull = 2 * np.pi * (0.55 + 1.5 * pace)
        wave = pull * (across * np.cos(2 * np.pi * turn) + down * np.sin(2 * np.pi * turn))
        total += (np.sin(wave + 2 * np.pi * shift) / (0.6 + pace)).astype(np.float32)
    return total
