"""The land: mountains, hills, fields, dunes."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas
from llmi_sketch.noise import Floats, Rng, line, smoothstep
from llmi_sketch.palette import RGB, Palette, gradient, mix, scaled
from llmi_sketch.words import Scene

_GRASS: dict[str | None, tuple[RGB, RGB]] = {
    None: ((0.45, 0.66, 0.36), (0.15, 0.42, 0.33)),
    "spring": ((0.55, 0.74, 0.40), (0.24, 0.50, 0.36)),
    "summer": ((0.62, 0.70, 0.34), (0.22, 0.46, 0.30)),
    "autumn": ((0.94, 0.68, 0.30), (0.68, 0.33, 0.17)),
    "winter": ((0.93, 0.95, 0.98), (0.66, 0.75, 0.86)),
}
_ROCK: RGB = (0.36, 0.42, 0.52)
_SNOW: RGB = (0.95, 0.97, 1.0)


def grass(scene: Scene) -> tuple[RGB, RGB]:
    """Light and dark green of the season; white where it snows."""
    if scene.weather == "snow":
        return _GRASS["winter"]
    if "field" in scene.places and scene.season is None:
        return (0.90, 0.74, 0.38), (0.42, 0.48, 0.26)
    return _GRASS[scene.season]


def paint_mountains(
    canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, base: float, light_x: float
) -> None:
    """Three ranges, the nearer the darker; snow on those that are high enough."""
    cold = scene.weather == "snow" or scene.season == "winter"
    for depth, share, lift in ((0.76, 0.66, 0.10), (0.5, 0.5, 0.05), (0.24, 0.3, 0.0)):
        height = base * share
        snowline = 0.34 if cold else 0.56 if share > 0.4 else 2.0
        _range(canvas, palette, rng, base - base * lift, height, depth, snowline, light_x)
        haze = np.exp(-np.abs(canvas.rows - base) / (canvas.unit * 46)) * 0.42
        canvas.blend(
            np.broadcast_to(haze, canvas.pixels.shape[:2]).astype(np.float32), palette.haze
        )


def _range(
    canvas: Canvas, palette: Palette, rng: Rng, base: float, height: float, depth: float,
    snowline: float, light_x: float,
) -> None:  # fmt: skip
    peaks = int(rng.integers(4, 6) * max(0.6, canvas.width / 1536))
    steps = np.sort((np.arange(peaks) + rng.uniform(0.2, 0.8, peaks)) / peaks) * canvas.width * 1.1
    tops = base - height * rng.uniform(0.5, 1.0, peaks)
    gaps = np.concatenate([[-60.0], (steps[1:] + steps[:-1]) / 2, [canvas.width * 1.1 + 60]])
    lows = base - height * rng.uniform(0.12, 0.36, peaks + 1)
    knots = np.argsort(np.concatenate([steps, gaps]), kind="stable")
    across, down = np.concatenate([steps, gaps])[knots], np.concatenate([tops, lows])[knots]
    columns = canvas.columns[0]
    rough = line(rng, canvas.width, 26, 5, 0.62) * height * 0.055
    profile = (np.interp(columns, across, down) + rough).astype(np.float32)
    top = max(0, int(profile.min()) - 1)
    rows = canvas.rows[top:]
    owner = np.clip(np.searchsorted(gaps[1:-1], columns), 0, peaks - 1)
    lit = _lit(rng, rows, columns, (steps[owner], tops[owner]), owner, light_x)
    # Light and shade meet in the valleys, without a seam.
    to_valley = np.abs(columns[None, :] - gaps[:, None]).min(axis=0)
    lit = 0.55 + (lit - 0.55) * smoothstep(0, canvas.unit * 90, to_valley)[None, :]
    under = np.clip((rows - profile[None, :]) / height, 0, 1)
    own = np.asarray(palette.at(_ROCK, depth), np.float32)
    bright = np.asarray(mix(palette.at(_ROCK, depth), palette.light, 0.2), np.float32)
    dark = own * np.float32(0.8)
    colour = dark + (bright - dark) * lit[..., None]
    zigzag = line(rng, canvas.width, 44, 3, 0.7) * 0.11
    snow_edge = (base - height * snowline) + zigzag * height
    snow = smoothstep(-1.2, 1.2, snow_edge[None, :] - rows)[..., None]
    white = np.asarray(palette.at(_SNOW, depth * 0.55), np.float32)
    shade = np.asarray(
        mix(palette.at(_SNOW, depth * 0.6), palette.at(_ROCK, depth), 0.42), np.float32
    )
    colour += (shade + (white - shade) * lit[..., None] - colour) * snow
    colour += (np.asarray(palette.haze, np.float32) - colour) * (0.72 * under**1.2)[..., None]
    canvas.blend(np.clip(rows - profile[None, :] + 0.5, 0, 1), colour, top)


def _lit(
    rng: Rng,
    rows: Floats,
    columns: Floats,
    peak: tuple[Floats, Floats],
    owner: Floats,
    light_x: float,
) -> Floats:
    """1 on the sides that face the light: left or right of a ridge that winds down from each peak."""
    count = int(owner.max()) + 1
    fall = np.clip(rows - peak[1][None, :], 0, None)
    winding = np.stack([line(rng, rows.shape[0], 9, 4, 0.62) for _ in range(count)])
    bend = winding[owner].T * (8 + 0.26 * fall) + 0.12 * fall * np.sign(light_x - 0.5)
    beyond = columns[None, :] - (peak[0][None, :] + bend)
    side = -beyond if light_x < 0.5 else beyond
    return smoothstep(-1.4, 1.4, side.astype(np.float32))


def paint_hills(
    canvas: Canvas, scene: Scene, palette: Palette, rng: Rng, top: float, layers: int = 5
) -> list[Floats]:
    """Rolling layers from `top` to the bottom edge; returns their profiles, far to near."""
    light, dark = grass(scene)
    profiles = []
    for layer in range(layers):
        share = layer / max(1, layers - 1)
        depth = 0.56 * (1 - share) ** 1.2
        base = top + (canvas.height * 0.95 - top) * share**1.25
        swing = canvas.unit * (30 + 42 * share)
        profile = base + line(rng, canvas.width, 2.2 + 1.3 * rng.random(), 2, 0.3) * swing
        high = palette.at(mix(light, dark, 0.2 + 0.4 * share), depth)
        low = palette.at(mix(dark, palette.near, 0.1 + 0.3 * share), depth * 0.75)
        high = mix(high, palette.light, 0.10 * (1 - palette.silhouette))
        _rolling(canvas, profile, high, low, canvas.unit * (120 + 90 * share))
        profiles.append(profile)
    return profiles


def _rolling(canvas: Canvas, profile: Floats, high: RGB, low: RGB, reach: float) -> None:
    """A hill whose crest is lit and whose foot is in shade."""
    top = max(0, int(profile.min()) - 1)
    if top >= canvas.height:
        return
    under = np.clip((canvas.rows[top:] - profile[None, :]) / reach, 0, 1)
    colour = gradient((high, mix(high, low, 0.55), low), under)
    canvas.blend(np.clip(canvas.rows[top:] - profile[None, :] + 0.5, 0, 1), colour, top)


def paint_rows(canvas: Canvas, palette: Palette, rng: Rng, top: float, own: RGB) -> None:
    """A field in front, with furrows that run to a vanishing point."""
    profile = top + line(rng, canvas.width, 1.6, 2, 0.3) * canvas.unit * 12
    start = max(0, int(profile.min()) - 1)
    rows = canvas.rows[start:]
    far = np.clip((rows - profile[None, :] + 14) / (canvas.height - top), 0.01, None)
    middle = canvas.width * rng.uniform(0.35, 0.65)
    furrows = np.sin((canvas.columns - middle) / (far * canvas.unit * 30)) * 0.5 + 0.5
    fade = smoothstep(0.05, 0.35, far.astype(np.float32))
    light, dark = palette.at(own, 0.06), palette.at(scaled(own, 0.66), 0.0)
    tone = (furrows * fade + 0.4 * (1 - fade)).astype(np.float32)
    colour = gradient((light, dark), tone)
    canvas.blend(np.clip(rows - profile[None, :] + 0.5, 0, 1), colour, start)


def paint_dunes(canvas: Canvas, palette: Palette, rng: Rng, top: float, light_x: float) -> None:
    """Dunes: a sharp crest, a lit side and a shaded one."""
    sand: RGB = (0.93, 0.70, 0.43)
    layers = 5
    for layer in range(layers):
        share = layer / (layers - 1)
        base = top + (canvas.height * 0.84 - top) * share**1.2
        swing = canvas.unit * (36 + 62 * share)
        profile = base + line(rng, canvas.width, 1.8 + rng.random(), 2, 0.22) * swing
        depth = 0.6 * (1 - share) ** 1.2
        lit = mix(palette.at(mix(sand, (1.0, 0.87, 0.64), 0.35), depth), palette.light, 0.07)
        shade = palette.at((0.66, 0.38, 0.29), depth)
        _rolling(canvas, profile, lit, mix(lit, shade, 0.4), canvas.unit * 240)
        _shaded_side(canvas, rng, profile, shade, light_x)


def _shaded_side(canvas: Canvas, rng: Rng, profile: Floats, shade: RGB, light_x: float) -> None:
    """Below a crest's falling side the sand is dark, down to a soft winding edge."""
    slope = np.gradient(profile) * (1 if light_x < 0.5 else -1)
    width = max(3, canvas.width // 24)
    smooth = np.convolve(slope, np.ones(width) / width, "same")
    reach = np.clip(smooth, 0, None) * canvas.unit * 420
    reach = reach * (1 + 0.3 * line(rng, canvas.width, 9, 2))
    top = max(0, int(profile.min()) - 1)
    if top >= canvas.height:
        return
    under = canvas.rows[top:] - profile[None, :]
    edge = np.clip(1 - under / np.maximum(reach[None, :], 1.0), 0, 1) ** 0.7
    canvas.blend((edge * np.clip(under + 0.5, 0, 1) * 0.82).astype(np.float32), shade, top)


def paint_cloud_sea(canvas: Canvas, palette: Palette, rng: Rng, top: float) -> None:
    """Banks of cloud seen from above, puffed at the crest, down to the bottom edge."""
    white: RGB = mix(palette.sky[3], (1.0, 1.0, 1.0), 0.55)
    layers = 7
    for layer in range(layers):
        share = layer / (layers - 1)
        base = top + (canvas.height * 0.99 - top) * share**1.15
        size = canvas.unit * (16 + 74 * share)
        drift = line(rng, canvas.width, 2.4, 2, 0.4) * size * 0.7
        profile = base + drift - _puffs(canvas, rng, size)
        lit = mix(white, palette.sky[2], 0.5 * (1 - share))
        shade = mix(mix(palette.sky[1], palette.sky[2], 0.6), white, 0.22 + 0.2 * (1 - share))
        _rolling(
            canvas, profile.astype(np.float32), mix(lit, palette.light, 0.35), shade, size * 2.1
        )


def _puffs(canvas: Canvas, rng: Rng, size: float) -> Floats:
    """The upper edge of many round puffs side by side."""
    columns = canvas.columns[0]
    edge = np.zeros(canvas.width, np.float32)
    x = -size
    while x < canvas.width + size:
        radius = size * rng.uniform(0.45, 1.15)
        arc = np.sqrt(np.clip(radius**2 - (columns - x) ** 2, 0, None)) - radius * 0.25
        edge = np.maximum(edge, arc + size * rng.uniform(0, 0.3) * (arc > 0)).astype(np.float32)
        x += radius * rng.uniform(0.5, 1.05)
    return edge


def paint_beach(canvas: Canvas, palette: Palette, rng: Rng, rise: Floats) -> Floats:
    """Sand along the bottom with a line of foam; returns its profile."""
    sand: RGB = (0.95, 0.83, 0.62)
    bumps = line(rng, canvas.width, 2.2, 2, 0.3) * canvas.unit * 16
    profile = (canvas.height * (0.93 - 0.13 * rise) + bumps).astype(np.float32)
    foam = line(rng, canvas.width, 7, 3, 0.5) * canvas.unit * 5
    canvas.below(profile - canvas.unit * 26 + foam, palette.at((0.62, 0.86, 0.85), 0.1))
    canvas.below(profile - canvas.unit * 11 + foam * 0.6, palette.at((0.98, 0.99, 0.98), 0.02))
    wet = profile - canvas.unit * 3
    _rolling(
        canvas, wet, palette.at(scaled(sand, 0.8), 0.02), palette.at(sand, 0.0), canvas.unit * 46
    )
    return profile
