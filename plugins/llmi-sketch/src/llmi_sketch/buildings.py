"""Things that people built, alone in a landscape: house, lighthouse, bridge."""

from __future__ import annotations

import numpy as np

from llmi_sketch.canvas import Canvas, Parts, Pen
from llmi_sketch.palette import RGB, Palette, mix, scaled
from llmi_sketch.words import Scene

Point = tuple[float, float]
_WHITE: RGB = (0.95, 0.94, 0.91)
_RED: RGB = (0.80, 0.27, 0.22)
_HOUSE: Parts = (
    ("chimney", ((0.1, -1.12), (0.24, -1.12), (0.24, -0.6), (0.1, -0.6))),
    ("wall", ((-0.7, -0.56), (0.7, -0.56), (0.7, 0.06), (-0.7, 0.06))),
    ("gable", ((-0.7, 0.06), (-0.7, -0.56), (-0.38, -0.98), (-0.06, -0.56), (-0.06, 0.06))),
    ("roof", ((-0.42, -1.04), (0.52, -1.04), (0.82, -0.5), (-0.02, -0.5))),
    ("eaves", ((-0.42, -1.04), (-0.36, -0.94), (-0.74, -0.46), (-0.82, -0.5))),
    ("window", ((-0.47, -0.42), (-0.29, -0.42), (-0.29, -0.2), (-0.47, -0.2))),
    ("window", ((0.12, -0.38), (0.29, -0.38), (0.29, -0.16), (0.12, -0.16))),
    ("window", ((0.42, -0.38), (0.59, -0.38), (0.59, -0.16), (0.42, -0.16))),
    ("door", ((-0.46, -0.14), (-0.3, -0.14), (-0.3, 0.06), (-0.46, 0.06))),
)
_ROCK: Parts = (
    ("rock", ((-0.75, 0.3), (-0.4, 0.03), (-0.2, -0.03), (0.24, -0.02), (0.5, 0.1), (0.9, 0.3))),
    ("shade", ((0.05, -0.02), (0.24, -0.02), (0.5, 0.1), (0.9, 0.3), (0.2, 0.3))),
)
_LANTERN: Parts = (
    ("rock", ((-0.081, -0.86), (0.081, -0.86), (0.081, -0.83), (-0.081, -0.83))),
    ("lamp", ((-0.038, -0.95), (0.038, -0.95), (0.038, -0.86), (-0.038, -0.86))),
    ("red", ((-0.055, -0.95), (0.055, -0.95), (0.0, -1.03))),
)


def paint_house(canvas: Canvas, scene: Scene, palette: Palette, foot: Point, size: float) -> None:
    """A cottage with a lit window; its roof takes the accent colour."""
    dim = scene.time in ("night", "dusk", "sunset") or scene.weather != "clear"
    colours = _house_colours(scene, palette, dim)
    canvas.shapes(lambda pen: pen.parts(foot, size, _HOUSE, colours))
    if dim:
        far = np.hypot(canvas.columns - foot[0], canvas.rows - foot[1] + size * 0.3)
        canvas.glow(0.3 * np.exp(-far / (size * 1.1)), (1.0, 0.72, 0.36))


def _house_colours(scene: Scene, palette: Palette, dim: bool) -> dict[str, RGB]:
    snowy = scene.weather == "snow" or scene.season == "winter"
    tile = (0.95, 0.97, 1.0) if snowy else mix(palette.accent, (0.35, 0.2, 0.2), 0.25)
    wall, roof = palette.at((0.90, 0.86, 0.78), 0.08), palette.at(tile, 0.06)
    lit = mix((1.0, 0.82, 0.46), palette.light, 0.2)
    return {
        "wall": wall,
        "gable": scaled(wall, 0.9),
        "chimney": scaled(wall, 0.7),
        "roof": roof,
        "eaves": scaled(roof, 0.86),
        "window": lit if dim else palette.at((0.36, 0.46, 0.56), 0.1),
        "door": palette.at((0.36, 0.24, 0.2), 0.05),
    }


def paint_lighthouse(
    canvas: Canvas, scene: Scene, palette: Palette, foot: Point, height: float
) -> None:
    """On a rock, with its beam if the light is low."""
    rock = palette.at((0.24, 0.26, 0.30), 0.05)
    colours = {
        "rock": rock,
        "shade": scaled(rock, 0.78),
        "lamp": mix((1.0, 0.9, 0.6), palette.light, 0.4),
        "red": palette.at(_RED, 0.04),
        "white": palette.at(_WHITE, 0.04),
    }
    if scene.time != "day" or scene.weather != "clear":
        _beam(canvas, palette, (foot[0], foot[1] - height * 0.95), height)

    def draw(pen: Pen) -> None:
        pen.parts(foot, height, _ROCK, colours)
        _tower(pen, foot, height, (colours["white"], colours["red"]))
        pen.parts(foot, height, _LANTERN, colours)

    canvas.shapes(draw)


def _tower(pen: Pen, foot: Point, height: float, bands: tuple[RGB, RGB]) -> None:
    """Five bands that narrow upwards, the right part in shade."""
    for band in range(5):
        low, high = band / 5, (band + 1) / 5
        below, above = 0.0935 - 0.0425 * low, 0.0935 - 0.0425 * high
        down, up = -0.84 * low, -0.84 * high
        shape: Parts = (
            ("lit", ((-below, down), (below, down), (above, up), (-above, up))),
            ("shade", ((below * 0.3, down), (below, down), (above, up), (above * 0.3, up))),
        )
        tone = bands[band % 2]
        pen.parts(foot, height, shape, {"lit": tone, "shade": scaled(tone, 0.8)})


def _beam(canvas: Canvas, palette: Palette, lamp: Point, height: float) -> None:
    x, y = lamp
    away = canvas.columns - x
    side = -1 if x > canvas.width / 2 else 1
    along = np.clip(away * side, 1, None)
    spread = np.abs(canvas.rows - y + along * 0.03) / (along * 0.085 + 4)
    beam = np.exp(-(spread**2)) * np.exp(-along / (canvas.width * 0.42)) * (away * side > 0)
    canvas.glow((0.62 * beam).astype(np.float32), palette.light)
    halo = 0.7 * np.exp(-np.hypot(away, canvas.rows - y) / (height * 0.14))
    canvas.glow(halo.astype(np.float32), palette.light)


def paint_bridge(canvas: Canvas, palette: Palette, base: float) -> None:
    """A suspension bridge from edge to edge."""
    colour = palette.at(mix(_RED, palette.accent, 0.35), 0.2)
    deck, top = base - canvas.unit * 44, base - canvas.unit * 250
    towers = [canvas.width * share for share in (0.22, 0.78)]
    thick = canvas.unit * 5

    def draw(pen: Pen) -> None:
        for start, end, sag in ((-0.2, 0.22, 0.0), (0.22, 0.78, 1.0), (0.78, 1.2, 0.0)):
            share = np.linspace(0, 1, 40)
            drop = 4 * share * (1 - share) if sag else (1 - share if start < 0 else share)
            cable = [
                (canvas.width * (start + (end - start) * s), top + (deck - top) * 0.93 * d)
                for s, d in zip(share, drop, strict=True)
            ]
            pen.line(cable, thick * 0.6, colour)
            for x, y in cable[::2]:
                pen.line([(x, y), (x, deck)], thick * 0.22, colour)
        for x in towers:
            for side in (-2.6, 2.6):
                pen.box(
                    x + thick * (side - 0.8),
                    top - thick * 2,
                    x + thick * (side + 0.8),
                    base,
                    colour,
                )
            for level in (0.0, 0.3, 0.6):
                row = top + (deck - top) * level
                pen.box(x - thick * 2.6, row, x + thick * 2.6, row + thick, scaled(colour, 0.85))
        pen.box(0, deck, canvas.width, deck + thick * 1.5, scaled(colour, 0.8))

    canvas.shapes(draw)
