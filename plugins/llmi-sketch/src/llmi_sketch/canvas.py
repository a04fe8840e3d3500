"""The canvas: a float picture that layers are painted on, back to front, with smooth edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from llmi_sketch.noise import Floats
from llmi_sketch.palette import RGB

Parts = tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
"""Polygons with the names of their colours."""
_FINE = 2


class Canvas:
    """`pixels` is height x width x 3, 0 to 1. `unit` scales lengths drawn for 864 px."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.width, self.height = size
        self.unit = min(size) / 864
        self.pixels: Floats = np.zeros((self.height, self.width, 3), np.float32)
        self.columns = np.arange(self.width, dtype=np.float32)[None, :]
        self.rows = np.arange(self.height, dtype=np.float32)[:, None]

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    def blend(self, mask: Floats, colour: RGB | Floats, top: int = 0) -> None:
        """Paint `colour` (one, or one per pixel) through a mask whose first row is `top`."""
        part = self.pixels[top : top + mask.shape[0]]
        goal = np.asarray(colour, np.float32)
        part += (goal - part) * mask[..., None]

    def glow(self, mask: Floats, colour: RGB, top: int = 0) -> None:
        """Add light through a mask; what is light already gains less."""
        part = self.pixels[top : top + mask.shape[0]]
        part += (1 - part) * (mask[..., None] * np.asarray(colour, np.float32))

    def below(self, profile: Floats, colour: Floats | RGB) -> None:
        """Fill everything under a curve (a height per column)."""
        top = max(0, int(profile.min()) - 1)
        mask = np.clip(self.rows[top:] - profile[None, :] + 0.5, 0, 1)
        self.blend(mask, colour, top)

    def shapes(self, draw: Callable[[Pen], None]) -> None:
        """Draw opaque shapes at twice the resolution and lay them over the canvas."""
        layer = Image.new("RGBA", (self.width * _FINE, self.height * _FINE), (0, 0, 0, 0))
        draw(Pen(ImageDraw.Draw(layer)))
        box = layer.getbbox()
        if box is None:
            return
        top, bottom = box[1] // _FINE, min(self.height, box[3] // _FINE + 1)
        layer = layer.crop((0, top * _FINE, layer.width, bottom * _FINE)).reduce(_FINE)
        # All fills are opaque on a black, clear ground: the reduced layer is premultiplied.
        values = np.asarray(layer, np.float32) / 255
        part = self.pixels[top:bottom]
        part *= 1 - values[..., 3:]
        part += values[..., :3]

    def mask(self, draw: Callable[[Pen], None], blur: float = 0.0) -> Floats:
        """Shapes as a mask, for what is see-through or glows. A fill is (level, 0, 0)."""
        layer = Image.new("L", (self.width * _FINE, self.height * _FINE), 0)
        draw(Pen(ImageDraw.Draw(layer), flat=True))
        small = layer.reduce(_FINE)
        if blur:
            small = small.filter(ImageFilter.GaussianBlur(blur))
        return np.asarray(small, np.float32) / 255

    def image(self) -> Image.Image:
        """As 8-bit RGB."""
        levels = np.clip(self.pixels * 255 + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(levels)


class Pen:
    """Draws in canvas coordinates on the finer layer."""

    def __init__(self, draw: ImageDraw.ImageDraw, *, flat: bool = False) -> None:
        self._draw = draw
        self._flat = flat

    def polygon(self, points: list[tuple[float, float]], colour: RGB | float) -> None:
        self._draw.polygon([(x * _FINE, y * _FINE) for x, y in points], fill=self._fill(colour))

    def parts(
        self, at: tuple[float, float], size: float, parts: Parts, colours: Mapping[str, RGB]
    ) -> None:
        """A drawing given as data: polygons in shares of `size` from `at`, by the name of a colour."""
        for name, points in parts:
            self.polygon([(at[0] + x * size, at[1] + y * size) for x, y in points], colours[name])

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: RGB | float
    ) -> None:
        if right > left and bottom > top:
            at = (left * _FINE, top * _FINE, right * _FINE - 1, bottom * _FINE - 1)
            if at[2] >= at[0] and at[3] >= at[1]:
                self._draw.rectangle(at, fill=self._fill(colour))

    def disc(
        self, x: float, y: float, radius: float, colour: RGB | float, *, flatness: float = 1.0
    ) -> None:
        across, down = radius * _FINE, radius * flatness * _FINE
        at = (x * _FINE - across, y * _FINE - down, x * _FINE + across, y * _FINE + down)
        self._draw.ellipse(at, fill=self._fill(colour))

    def line(self, points: list[tuple[float, float]], width: float, colour: RGB | float) -> None:
        path = [(x * _FINE, y * _FINE) for x, y in points]
        self._draw.line(
            path, fill=self._fill(colour), width=max(1, round(width * _FINE)), joint="curve"
        )

    def _fill(self, colour: RGB | float) -> int | tuple[int, ...]:
        if isinstance(colour, tuple):
            return (*(round(255 * min(1.0, max(0.0, part))) for part in colour), 255)
        return round(255 * colour)
