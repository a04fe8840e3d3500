"""Operations on a picture's shape: crop, trim, rotate, flip, resize."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageOps

from llmi_edit.values import EditError, Length, Region, require_size

Anchor = Literal["centre", "left", "right", "top", "bottom"]
Edge = Literal["left", "top", "right", "bottom"]
_CENTRING: dict[Anchor, tuple[float, float]] = {
    "centre": (0.5, 0.5),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
}


@dataclass(frozen=True)
class CropRatio:
    """Cut to a ratio of the sides; as much as possible is kept."""

    width: float
    height: float
    anchor: Anchor = "centre"

    @property
    def note(self) -> str:
        ratio = f"{self.width:g}:{self.height:g}"
        shape = "a square" if self.width == self.height else ratio
        return f"cropped to {shape}" + (f" at the {self.anchor}" if self.anchor != "centre" else "")

    def apply(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        goal = self.width / self.height
        size = (
            (round(height * goal), height)
            if width / height > goal
            else (width, round(width / goal))
        )
        return _cut(image, size, self.anchor)


@dataclass(frozen=True)
class CropSize:
    """Cut to a size in pixels, about the centre. None keeps a side."""

    width: int | None
    height: int | None

    @property
    def note(self) -> str:
        return f"cropped to {_size_words(self.width, self.height)}"

    def apply(self, image: Image.Image) -> Image.Image:
        size = (self.width or image.width, self.height or image.height)
        if size[0] > image.width or size[1] > image.height:
            raise EditError(
                f"cannot crop to {_size_words(self.width, self.height)}: the picture has only "
                f"{image.width} x {image.height} px"
            )
        return _cut(image, size, "centre")


@dataclass(frozen=True)
class CropRegion:
    """Keep a region, cut the rest away."""

    region: Region

    @property
    def note(self) -> str:
        return f"cropped to {self.region.name}"

    def apply(self, image: Image.Image) -> Image.Image:
        return image.crop(self.region.box(image.size))


@dataclass(frozen=True)
class Trim:
    """Cut a strip off some of the edges."""

    length: Length
    edges: frozenset[Edge]

    @property
    def note(self) -> str:
        named = [edge for edge in ("left", "top", "right", "bottom") if edge in self.edges]
        where = "every edge" if len(named) == 4 else " and ".join(f"the {edge}" for edge in named)
        return f"cut {self.length} off {where}"

    def apply(self, image: Image.Image) -> Image.Image:
        across, down = self.length.pixels(image.width), self.length.pixels(image.height)
        left, right = (across * (edge in self.edges) for edge in ("left", "right"))
        top, bottom = (down * (edge in self.edges) for edge in ("top", "bottom"))
        require_size(image.width - left - right, image.height - top - bottom)
        return image.crop((left, top, image.width - right, image.height - bottom))


@dataclass(frozen=True)
class Rotate:
    """Turn clockwise. The corners that open at odd angles are see-through."""

    degrees: float

    @property
    def note(self) -> str:
        if self.degrees == 180:
            return "turned by 180°"
        sense = "clockwise" if self.degrees > 0 else "counterclockwise"
        return f"rotated {abs(self.degrees):g}° {sense}"

    def apply(self, image: Image.Image) -> Image.Image:
        if self.degrees % 90 == 0:
            return image.rotate(-self.degrees, expand=True)
        angle = math.radians(self.degrees)
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        width, height = image.size
        require_size(round(width * cos + height * sin), round(width * sin + height * cos))
        return image.convert("RGBA").rotate(
            -self.degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(255, 255, 255, 0)
        )


@dataclass(frozen=True)
class Flip:
    """Mirror left to right, or top to bottom."""

    axis: Literal["horizontal", "vertical"]

    @property
    def note(self) -> str:
        return "flipped left to right" if self.axis == "horizontal" else "flipped top to bottom"

    def apply(self, image: Image.Image) -> Image.Image:
        return ImageOps.mirror(image) if self.axis == "horizontal" else ImageOps.flip(image)


@dataclass(frozen=True)
class Scale:
    """Resize both sides by a factor."""

    factor: float

    @property
    def note(self) -> str:
        return f"resized to {100 * self.factor:g}%"

    def apply(self, image: Image.Image) -> Image.Image:
        return _resized(image, image.width * self.factor, image.height * self.factor)


@dataclass(frozen=True)
class Resize:
    """Resize to pixels. With one side, or with `fit`, the proportions stay."""

    width: int | None
    height: int | None
    fit: bool = False
    """The size is a frame that the picture has to fit into."""

    @property
    def note(self) -> str:
        return f"resized to {'fit ' if self.fit else ''}{_size_words(self.width, self.height)}"

    def apply(self, image: Image.Image) -> Image.Image:
        if self.width and self.height and not self.fit:
            return _resized(image, self.width, self.height)
        across = self.width / image.width if self.width else math.inf
        down = self.height / image.height if self.height else math.inf
        factor = min(across, down)
        return _resized(image, image.width * factor, image.height * factor)


def _cut(image: Image.Image, size: tuple[int, int], anchor: Anchor) -> Image.Image:
    width, height = max(1, size[0]), max(1, size[1])
    across, down = _CENTRING[anchor]
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    return image.crop((left, top, left + width, top + height))


def _resized(image: Image.Image, width: float, height: float) -> Image.Image:
    size = (round(width), round(height))
    require_size(*size)
    return image.resize(size, Image.Resampling.LANCZOS)


def _size_words(width: int | None, height: int | None) -> str:
    if width and height:
        return f"{width} x {height} px"
    return f"{width} px wide" if width else f"{height} px high"
