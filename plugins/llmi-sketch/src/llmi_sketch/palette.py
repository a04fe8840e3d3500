"""Colours of a scene: the hour's light, the weather's veil, and what the prompt asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from llmi_sketch.noise import Floats
from llmi_sketch.words import Scene, Time, Weather

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Palette:
    """Colours from 0 to 1. `near` and `haze` bound the land: the further, the more haze."""

    sky: tuple[RGB, RGB, RGB, RGB]
    """From the zenith down to the horizon."""
    near: RGB
    haze: RGB
    light: RGB
    """The sun or moon, and what it gilds."""
    accent: RGB
    silhouette: float
    """How much of their own colours things lose to `near`: 0 at noon, nearly 1 at night."""
    asked: Callable[[RGB], RGB]
    """What the prompt wants done to every colour: its mood, its tint."""

    def at(self, own: RGB, depth: float) -> RGB:
        """A thing's own colour as seen at `depth`, 0 close to 1 far."""
        return mix(mix(self.asked(own), self.near, self.silhouette), self.haze, depth)


_Row = tuple[tuple[int, int, int], ...]
_TIMES: dict[Time, tuple[_Row, tuple[int, int, int], tuple[int, int, int], tuple[int, int, int], float]] = {
    "dawn": (((62, 84, 142), (150, 138, 182), (240, 178, 170), (255, 224, 188)), (40, 44, 82), (232, 190, 186), (255, 236, 200), 0.5),
    "day": (((46, 124, 196), (104, 172, 222), (172, 214, 236), (234, 243, 238)), (22, 66, 84), (186, 214, 226), (255, 250, 226), 0.12),
    "sunset": (((48, 42, 100), (142, 62, 116), (236, 112, 88), (255, 196, 116)), (34, 22, 54), (232, 132, 104), (255, 228, 158), 0.62),
    "dusk": (((20, 28, 70), (58, 62, 126), (140, 98, 154), (242, 164, 144)), (16, 18, 44), (132, 104, 150), (255, 214, 170), 0.72),
    "night": (((6, 11, 32), (13, 25, 60), (28, 50, 96), (66, 96, 142)), (8, 15, 36), (52, 78, 124), (246, 240, 214), 0.74),
}  # fmt: skip
_WEATHERS: dict[Weather, tuple[_Row, tuple[int, int, int], tuple[int, int, int], float]] = {
    "rain": (((70, 92, 116), (104, 126, 146), (148, 166, 178), (198, 208, 210)), (24, 40, 58), (158, 174, 184), 0.86),
    "storm": (((24, 29, 44), (46, 56, 76), (84, 97, 114), (146, 152, 148)), (14, 19, 30), (104, 116, 128), 0.92),
    "fog": (((164, 178, 188), (188, 198, 204), (212, 218, 218), (232, 232, 226)), (58, 76, 88), (214, 220, 220), 0.78),
    "snow": (((112, 138, 172), (158, 180, 204), (202, 214, 228), (236, 240, 244)), (46, 64, 94), (206, 217, 230), 0.72),
    "cloudy": (((84, 122, 162), (130, 164, 192), (182, 202, 214), (226, 231, 228)), (28, 58, 78), (186, 202, 212), 0.6),
}  # fmt: skip
_DARKER: dict[Time, float] = {"dawn": 0.86, "day": 1.0, "sunset": 0.72, "dusk": 0.55, "night": 0.34}
_GREY = (0.299, 0.587, 0.114)


def palette_of(scene: Scene) -> Palette:
    """The palette of a scene, wholly decided by it."""
    row, near, haze, light, silhouette = _TIMES[scene.time]
    colours = [*map(_unit, (*row, near, haze, light))]
    if scene.weather in _WEATHERS:
        veil_row, veil_near, veil_haze, share = _WEATHERS[scene.weather]
        dim = _DARKER[scene.time]
        veil = [*map(_unit, (*veil_row, veil_near, veil_haze)), colours[6]]
        share = share if scene.time == "day" else share * 0.7
        colours = [
            *(
                mix(own, scaled(over, dim), share)
                for own, over in zip(colours[:6], veil, strict=False)
            ),
            mix(colours[6], (0.9, 0.92, 0.92), 0.3),
        ]
        silhouette = max(silhouette, 0.25)
    accent = _unit(scene.colours[-1]) if scene.colours else _accent(scene)
    asked = partial(_asked, scene)
    zenith, high, low, horizon, dark, veil_, light_ = map(asked, colours)
    return Palette((zenith, high, low, horizon), dark, veil_, light_, accent, silhouette, asked)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """`share` of the second, the rest of the first."""
    red, green, blue = (one + (two - one) * share for one, two in zip(first, second, strict=True))
    return red, green, blue


def scaled(colour: RGB, factor: float) -> RGB:
    red, green, blue = (min(1.0, part * factor) for part in colour)
    return red, green, blue


def saturated(colour: RGB, factor: float) -> RGB:
    """Away from its own grey (above 1) or towards it."""
    grey = luma(colour)
    red, green, blue = (min(1.0, max(0.0, grey + (part - grey) * factor)) for part in colour)
    return red, green, blue


def luma(colour: RGB) -> float:
    return sum(weight * part for weight, part in zip(_GREY, colour, strict=True))


def gradient(stops: tuple[RGB, ...], at: Floats) -> Floats:
    """Colours along evenly spaced stops, at places from 0 to 1; one row of three per place."""
    where = np.linspace(0, 1, len(stops))
    channels = [np.interp(at, where, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _asked(scene: Scene, colour: RGB) -> RGB:
    """Towards the named colour, then the mood."""
    if scene.tinted and scene.colours:
        colour = _tinted(colour, _unit(scene.colours[0]), 0.55)
    match scene.mood:
        case "muted":
            colour = mix(saturated(colour, 0.55), (0.55, 0.58, 0.6), 0.08)
        case "pastel":
            colour = mix(saturated(colour, 0.8), (1.0, 0.97, 0.95), 0.32)
        case "vivid":
            colour = saturated(colour, 1.4)
        case "warm":
            colour = _tinted(colour, (0.93, 0.56, 0.26), 0.28)
        case "cool":
            colour = _tinted(colour, (0.28, 0.52, 0.8), 0.3)
        case "dark":
            colour = saturated(scaled(colour, 0.68), 0.9)
        case "plain":
            pass
    return colour


def _tinted(colour: RGB, hue: RGB, share: float) -> RGB:
    """Towards the hue, at the colour's own lightness."""
    light, own = luma(colour), max(0.05, luma(hue))
    if light <= own:
        shade = scaled(hue, light / own)
    else:
        shade = mix(hue, (1.0, 1.0, 1.0), (light - own) / (1 - own))
    return mix(colour, shade, share)


def _accent(scene: Scene) -> RGB:
    accents = ((226, 88, 62), (240, 180, 60), (46, 150, 140), (214, 90, 120), (90, 100, 200))
    return _unit(accents[scene.seed % len(accents)])


def _unit(colour: tuple[int, int, int]) -> RGB:
    red, green, blue = (part / 255 for part in colour)
    return red, green, blue
