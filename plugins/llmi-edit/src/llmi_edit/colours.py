"""Colour names that an instruction may use."""

from __future__ import annotations

import re

RGB = tuple[int, int, int]

NAMES: dict[str, RGB] = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "red": (214, 39, 40),
    "crimson": (170, 20, 50),
    "maroon": (115, 20, 35),
    "orange": (245, 130, 32),
    "gold": (212, 160, 23),
    "golden": (212, 160, 23),
    "amber": (255, 176, 0),
    "yellow": (250, 204, 21),
    "cream": (250, 243, 221),
    "beige": (232, 220, 196),
    "brown": (121, 78, 45),
    "olive": (120, 125, 40),
    "lime": (132, 204, 22),
    "green": (34, 139, 64),
    "teal": (15, 128, 128),
    "turquoise": (45, 200, 190),
    "cyan": (6, 182, 212),
    "navy": (20, 35, 90),
    "navy blue": (20, 35, 90),
    "blue": (37, 99, 205),
    "indigo": (70, 60, 180),
    "violet": (125, 70, 200),
    "purple": (118, 50, 160),
    "magenta": (205, 35, 150),
    "pink": (240, 120, 170),
}
NEUTRAL = frozenset({"black", "white", "grey", "silver"})
"""Colours without a hue: nothing can be tinted with them."""

_NAMED = "|".join(sorted(NAMES, key=len, reverse=True))
PATTERN = rf"(?:(?:light|dark|pale|bright|deep) )?(?:{_NAMED})|#[0-9a-f]{{6}}|#[0-9a-f]{{3}}"
"""A regular expression for one colour, without groups."""

_SHADES = {"light": 0.45, "pale": 0.6, "bright": 0.12, "dark": -0.4, "deep": -0.3}


def rgb(name: str) -> RGB:
    """The colour that `PATTERN` matched. Raises KeyError for another word."""
    if name.startswith("#"):
        return _from_hex(name[1:])
    shade, _, base = name.partition(" ")
    if shade in _SHADES and base in NAMES:
        return _shaded(NAMES[base], _SHADES[shade])
    return NAMES[name]


def has_hue(name: str) -> bool:
    """Whether a picture can be tinted with it."""
    low, *_, high = sorted(rgb(name))
    return high - low > 24


def _from_hex(digits: str) -> RGB:
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (int(pair, 16) for pair in re.findall("..", digits))
    return red, green, blue


def _shaded(colour: RGB, share: float) -> RGB:
    """Towards white where `share` is above 0, towards black below."""
    goal = 255 if share > 0 else 0
    red, green, blue = (round(part + (goal - part) * abs(share)) for part in colour)
    return red, green, blue
