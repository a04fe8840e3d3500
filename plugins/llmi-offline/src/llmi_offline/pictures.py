"""What can be computed from an attached picture: its size, its light, its colours."""

from __future__ import annotations

import colorsys
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from llmi_offline.blocks import Block, Figure
from llmi_offline.phrases import (
    capital,
    clean,
    listed,
    markdown,
    plain,
    share,
    spelled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmi_offline.attached import Attached

_SIDE = 160
_HUES = (
    (15, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (195, "turquoise"),
    (255, "blue"),
    (290, "violet"),
    (335, "pink"),
    (361, "red"),
)


@dataclass(frozen=True)
class Look:
    """A picture in numbers."""

    name: str
    index: int
    """Its number among the input images."""
    width: int
    height: int
    brightness: float
    """Mean luminance, 0 to 1."""
    contrast: float
    """Standard deviation of the luminance, 0 to 1."""
    colours: tuple[tuple[str, float], ...]
    """Colour names with their share of the pixels, the largest first."""

    @property
    def shape(self) -> str:
        ratio = self.width / self.height
        return "square" if 0.95 < ratio < 1.05 else "landscape" if ratio > 1 else "portrait"


def look_at(pictures: Sequence[Attached]) -> list[Look]:
    """The pictures that can be decoded, in numbers; the others keep their index and are left out."""
    looks = []
    for index, picture in enumerate(pictures):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                looks.append(_measured(index, picture))
        except Exception:  # noqa: BLE001  Pillow's decoders raise nearly anything
            continue
    return looks


def photo_report(topic: str, looks: Sequence[Look]) -> list[Block]:
    """A page about pictures alone: what can be measured in them, and an edit of each."""
    blocks: list[Block] = [f"# {capital(plain(topic))}", _lead(looks)]
    for look in looks[:6]:
        blocks += [f"## {markdown(look.name)}", described(look), edited(look)]
    blocks += [
        "## What this page cannot say",
        "What the pictures show was not recognised: no object, person or place in them was looked for, and none is "
        "named. Brightness and colours are measured on the pixels as they were attached.",
        "*Written by LLMI's offline writer, a program and not a language model.*",
    ]
    return blocks


def described(look: Look) -> str:
    """A paragraph about one picture."""
    tone = (
        "dark"
        if look.brightness < 0.35
        else "bright"
        if look.brightness > 0.65
        else "of middling brightness"
    )
    depth = "strong" if look.contrast > 0.26 else "little" if look.contrast < 0.12 else "moderate"
    colours = listed([f"{name} ({share(part, 1)})" for name, part in look.colours])
    return (
        f"The picture *{markdown(look.name)}* is {look.width:,} by {look.height:,} pixels, a {look.shape} format. It "
        f"is {tone}, with a mean luminance of {share(look.brightness, 1)} of full white, and has {depth} contrast. "
        f"By area, its main colours are {colours}."
    )


def edited(look: Look) -> Figure:
    """The picture in a form that its own numbers suggest."""
    if look.brightness < 0.35:
        prompt, told = "increase the brightness by 20%", "brightened by 20%"
    elif look.contrast < 0.12:
        prompt, told = "increase the contrast by 30%", "given 30% more contrast"
    else:
        prompt, told = "make it sepia", "toned sepia"
    if abs(look.width / look.height - 16 / 9) > 0.05:
        prompt, told = f"crop to 16:9 and {prompt}", f"cropped to 16:9 and {told}"
    return Figure(
        "edit", f"The picture {plain(look.name)}, {told}.", {"prompt": prompt}, look.index
    )


def _lead(looks: Sequence[Look]) -> str:
    many = spelled(len(looks), "picture is", "pictures are")
    if len(looks) == 1:
        return f"{capital(many)} attached and no table, so this page measures what can be measured in it."
    brightest = max(looks, key=lambda look: look.brightness)
    darkest = min(looks, key=lambda look: look.brightness)
    return (
        f"{capital(many)} attached and no table, so this page measures what can be measured in them. The brightest is "
        f"*{markdown(brightest.name)}*, the darkest *{markdown(darkest.name)}*."
    )


def _measured(index: int, picture: Attached) -> Look:
    with Image.open(io.BytesIO(picture.data), formats=("PNG", "JPEG")) as image:
        width, height = image.size
        image.draft("RGB", (_SIDE * 2, _SIDE * 2))
        small = image.convert("RGB")
        small.thumbnail((_SIDE, _SIDE))
    pixels = np.asarray(small, dtype="float64").reshape(-1, 3) / 255
    light = pixels @ np.array([0.2126, 0.7152, 0.0722])
    return Look(
        name=clean(picture.name),
        index=index,
        width=width,
        height=height,
        brightness=float(light.mean()),
        contrast=float(light.std()),
        colours=_colours(pixels),
    )


def _colours(
    pixels: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> tuple[tuple[str, float], ...]:
    names = [_colour(*pixel) for pixel in pixels[:: max(1, len(pixels) // 4000)].tolist()]
    found, counts = np.unique(names, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:3]
    parts = [(str(found[i]), float(counts[i] / len(names))) for i in order]
    return tuple(part for part in parts if part[1] >= 0.03)


def _colour(red: float, green: float, blue: float) -> str:
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if light < 0.12:
        return "black"
    if light > 0.92:
        return "white"
    if saturation < 0.15:
        return "grey"
    name = next(name for limit, name in _HUES if hue * 360 < limit)
    return "brown" if name in ("orange", "red") and light < 0.4 and saturation < 0.7 else name
