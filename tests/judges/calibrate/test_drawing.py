"""The pictures of the set are the same on every machine, drop for drop."""

from __future__ import annotations

import io

import pytest
from PIL import Image, features

from llmi_agent.judges.calibrate.collection import pixels
from llmi_agent.judges.calibrate.drawing import (
    DECORATIONS,
    PICTURES,
    decoration,
    drawn,
    image,
    png,
)

PIXELS = {
    "bean_plant": "3e568a2b",
    "bean_seed": "1bc50178",
    "bean_sprout": "2f06a831",
    "bridge": "573c1ccb",
    "bulb": "480c25f4",
    "bus": "98254c15",
    "castle": "02025db3",
    "crescent_moon": "fb3321ea",
    "crossing": "25b3925a",
    "cup": "c8bf4135",
    "full_moon": "599a43d4",
    "green_light": "a15692aa",
    "half_moon": "64211488",
    "half_past_six": "68558fbe",
    "journeys_pie": "cceef51f",
    "leaf": "53895176",
    "leaf_at_work": "f0651ed1",
    "lighthouse": "d75e7c8b",
    "nine_oclock": "56b9b18c",
    "pot": "ac701b93",
    "rain_bars": "b2bd6ad4",
    "rain_cloud": "d6ece757",
    "red_light": "f0b1f8be",
    "right_triangle": "9b0c35b4",
    "river_map": "3216cc05",
    "sailing_ship": "d41a6b3d",
    "snow_balls": "088b2d9f",
    "snowman": "a4393ee5",
    "soup": "55dcb938",
    "tea_line": "87d9bd9e",
    "ten_past_three": "7ca769cb",
    "tomato": "72ebc96f",
    "triangle_squares": "cc6c4643",
    "umbrella": "76134071",
    "water_cycle": "e2a0731b",
    "watt_bars": "81679329",
    "decoration 0": "bd3d37fd",
    "decoration 1": "8931ed21",
    "decoration 2": "af578b88",
    "decoration 3": "646c88d0",
}
"""With the Pillow of constraints.txt, and the FreeType that it brings."""


@pytest.mark.skipif(not features.check("freetype2"), reason="letters are drawn by FreeType")
def test_every_picture_is_the_one_that_was_looked_at() -> None:
    found = {name: pixels(drawn(name)) for name in PICTURES}
    found |= {f"decoration {n}": pixels(decoration(n)) for n in range(DECORATIONS)}
    assert {name: each[:8] for name, each in found.items()} == PIXELS


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_the_same_again_and_is_not_blank(name: str) -> None:
    again = png(image(name))
    assert again == drawn(name)
    with Image.open(io.BytesIO(again)) as picture:
        assert picture.size == (640, 420)
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10


def test_a_decoration_is_coarse() -> None:
    with Image.open(io.BytesIO(decoration(0))) as picture:
        assert picture.size == (320, 210)
        small = picture.resize((32, 21), Image.Resampling.NEAREST)
        assert small.resize((320, 210), Image.Resampling.NEAREST).tobytes() == picture.tobytes()
