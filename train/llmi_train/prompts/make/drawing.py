"""Pictures that go along with requests to change one: drawn by a program, so that what they show is known for certain."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image, ImageDraw

SIZE = (512, 384)
"""Pixels."""

_COLOURS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "red": (196, 58, 49),
        "blue": (52, 104, 173),
        "yellow": (236, 190, 62),
        "white": (245, 243, 236),
        "grey": (140, 146, 150),
        "orange": (226, 128, 52),
        "violet": (124, 88, 160),
    }
)
_SKIES = MappingProxyType(
    {
        "a pale blue sky": (190, 220, 240),
        "an evening sky in pink": (243, 198, 190),
        "a dark blue night sky": (28, 38, 74),
    }
)
_GROUNDS = MappingProxyType(
    {
        "a green meadow": (112, 158, 84),
        "a sandy beach": (222, 200, 150),
        "a snowy field": (238, 242, 246),
    }
)
_HORIZON = 250


@dataclass(frozen=True)
class _Scene:
    thing: str
    colour: str
    beside: str
    sky: str
    ground: str
    left: bool
    shift: int
    """Pixels that the thing is moved by."""


def told(number: int) -> str:
    """What the picture of this number shows, in words."""
    scene = _scene(number)
    side = "on the left" if scene.left else "on the right"
    return (
        f"a flat, simple drawing of a {scene.thing} in {scene.colour} {side} and {scene.beside} beside it, on "
        f"{scene.ground} under {scene.sky}"
    )


def drawn(number: int) -> bytes:
    """That picture, as PNG."""
    scene = _scene(number)
    picture = Image.new("RGB", SIZE, _SKIES[scene.sky])
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, _HORIZON, *SIZE), fill=_GROUNDS[scene.ground])
    near, far = (150, 370) if scene.left else (370, 150)
    _THINGS[scene.thing](pen, near + scene.shift, _COLOURS[scene.colour])
    _BESIDE[scene.beside](pen, far + scene.shift)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _scene(number: int) -> _Scene:
    chance = random.Random(f"picture {number}")
    return _Scene(
        chance.choice([*_THINGS]),
        chance.choice([*_COLOURS]),
        chance.choice([*_BESIDE]),
        chance.choice([*_SKIES]),
        chance.choice([*_GROUNDS]),
        chance.random() < 0.5,
        chance.randint(-40, 40),
    )


_Colour = tuple[int, int, int]
_DARK = (60, 48, 42)


def _house(pen: ImageDraw.ImageDraw, x: int, colour: _Colour) -> None:
    pen.rectangle((x - 60, 190, x + 60, 300), fill=colour, outline=_DARK, width=3)
    pen.polygon([(x - 75, 190), (x, 120), (x + 75, 190)], fill=_DARK)
    pen.rectangle((x - 15, 240, x + 15, 300), fill=_DARK)


def _boat(pen: ImageDraw.ImageDraw, x: int, colour: _Colour) -> None:
    pen.polygon(
        [(x - 80, 270), (x + 80, 270), (x + 50, 310), (x - 50, 310)], fill=colour, outline=_DARK
    )
    pen.line((x, 270, x, 130), fill=_DARK, width=6)
    pen.polygon([(x + 8, 140), (x + 70, 250), (x + 8, 250)], fill=(250, 250, 245), outline=_DARK)


def _car(pen: ImageDraw.ImageDraw, x: int, colour: _Colour) -> None:
    pen.rounded_rectangle((x - 85, 240, x + 85, 290), 14, fill=colour, outline=_DARK, width=3)
    pen.polygon(
        [(x - 50, 240), (x - 30, 200), (x + 35, 200), (x + 60, 240)], fill=colour, outline=_DARK
    )
    for wheel in (x - 50, x + 50):
        pen.ellipse((wheel - 20, 272, wheel + 20, 312), fill=_DARK)


def _tower(pen: ImageDraw.ImageDraw, x: int, colour: _Colour) -> None:
    pen.polygon(
        [(x - 35, 300), (x - 22, 110), (x + 22, 110), (x + 35, 300)], fill=colour, outline=_DARK
    )
    pen.rectangle((x - 28, 85, x + 28, 110), fill=_DARK)
    pen.polygon([(x - 30, 85), (x, 60), (x + 30, 85)], fill=colour, outline=_DARK)


def _tree(pen: ImageDraw.ImageDraw, x: int) -> None:
    pen.rectangle((x - 9, 230, x + 9, 305), fill=(96, 70, 50))
    pen.ellipse((x - 50, 140, x + 50, 245), fill=(62, 116, 66), outline=_DARK)


def _lamp(pen: ImageDraw.ImageDraw, x: int) -> None:
    pen.line((x, 305, x, 165), fill=_DARK, width=7)
    pen.ellipse((x - 17, 140, x + 17, 174), fill=(250, 226, 140), outline=_DARK)


def _bench(pen: ImageDraw.ImageDraw, x: int) -> None:
    for height in (248, 264, 280):
        pen.rectangle((x - 60, height, x + 60, height + 9), fill=(140, 98, 62))
    for leg in (x - 48, x + 48):
        pen.line((leg, 248, leg, 312), fill=_DARK, width=6)


_THINGS: Mapping[str, Callable[[ImageDraw.ImageDraw, int, _Colour], None]] = MappingProxyType(
    {"house": _house, "sailing boat": _boat, "car": _car, "lighthouse": _tower}
)
_BESIDE: Mapping[str, Callable[[ImageDraw.ImageDraw, int], None]] = MappingProxyType(
    {"a round tree": _tree, "a street lamp": _lamp, "a wooden bench": _bench}
)
