"""What pictures are drawn with: shapes on a canvas of 640 x 420, with smooth edges, the same everywhere."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 420
_FINE = 2
"""Pixels that are drawn for each one that is kept."""

Point = tuple[float, float]
Anchor = Literal["mm", "lm", "rm", "ma", "ms"]

INK = "#263238"
RED, GREEN, BLUE, YELLOW = "#d32f2f", "#388e3c", "#1976d2", "#fbc02d"
SKY, GRASS, SEA, SAND = "#bfe3f7", "#8bc36a", "#4f9bd9", "#ead9a8"
BROWN, GREY, LIGHT, WHITE, ORANGE = "#795548", "#90a4ae", "#eceff1", "#ffffff", "#f57c00"


class Pen:
    """Draws; places and lengths are in pixels of the picture, from the top left."""

    def __init__(self, background: str = WHITE) -> None:
        self._image = Image.new("RGB", (WIDTH * _FINE, HEIGHT * _FINE), background)
        self._draw = ImageDraw.Draw(self._image)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: str | None,
        line: str | None = None,
        width: float = 3,
        round_: float = 0,
    ) -> None:
        """A rectangle, with round corners where it is told so."""
        corners = _scaled(((left, top), (right, bottom)))
        self._draw.rounded_rectangle(corners, round_ * _FINE, fill, line, _thick(width))

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        fill: str | None,
        line: str | None = None,
        width: float = 3,
    ) -> None:
        """A disc, a ring, or both."""
        self.oval(x, y, radius, radius, fill, line, width)

    def oval(
        self,
        x: float,
        y: float,
        across: float,
        down: float,
        fill: str | None,
        line: str | None = None,
        width: float = 3,
    ) -> None:
        """An ellipse around (x, y)."""
        corners = _scaled(((x - across, y - down), (x + across, y + down)))
        self._draw.ellipse(corners, fill, line, _thick(width))

    def wedge(
        self,
        x: float,
        y: float,
        radius: float,
        start: float,
        end: float,
        fill: str,
        line: str | None = None,
    ) -> None:
        """A slice of a disc; degrees, clockwise from three o'clock."""
        corners = _scaled(((x - radius, y - radius), (x + radius, y + radius)))
        self._draw.pieslice(corners, start, end, fill, line, _thick(2))

    def arc(
        self,
        x: float,
        y: float,
        across: float,
        down: float,
        start: float,
        end: float,
        line: str,
        width: float = 4,
    ) -> None:
        """A part of an ellipse's edge; degrees, clockwise from three o'clock."""
        corners = _scaled(((x - across, y - down), (x + across, y + down)))
        self._draw.arc(corners, start, end, line, _thick(width))

    def shape(
        self, points: Sequence[Point], fill: str | None, line: str | None = None, width: float = 3
    ) -> None:
        """A polygon."""
        self._draw.polygon(_scaled(points), fill, line, _thick(width))

    def line(self, points: Sequence[Point], line: str = INK, width: float = 4) -> None:
        """From point to point."""
        self._draw.line(_scaled(points), line, _thick(width), joint="curve")

    def arrow(self, start: Point, end: Point, line: str = INK, width: float = 5) -> None:
        """A line with a head at its end."""
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        head = width * 3.2
        neck = (end[0] - head * 0.8 * math.cos(angle), end[1] - head * 0.8 * math.sin(angle))
        self.line((start, neck), line, width)
        sides = [
            (end[0] - head * math.cos(angle + turn), end[1] - head * math.sin(angle + turn))
            for turn in (0.5, -0.5)
        ]
        self.shape((end, *sides), line)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 22,
        fill: str = INK,
        anchor: Anchor = "mm",
    ) -> None:
        """One line of words; by default (x, y) is its middle."""
        font = ImageFont.load_default(size * _FINE)
        self._draw.text((x * _FINE, y * _FINE), words, fill, font, anchor)

    def image(self) -> Image.Image:
        """The picture."""
        return self._image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def png(image: Image.Image) -> bytes:
    """Its file."""
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=False)
    return buffer.getvalue()


def scattered(count: int) -> Iterator[Point]:
    """So many places all over the picture, always the same ones."""
    for number in range(1, count + 1):
        yield WIDTH * (number * 0.7549 % 1), HEIGHT * (number * 0.5698 % 1)


def around(x: float, y: float, radius: float, degrees: float) -> Point:
    """A point on a circle; degrees clockwise from twelve o'clock."""
    angle = math.radians(degrees)
    return x + radius * math.sin(angle), y - radius * math.cos(angle)


def _thick(width: float) -> int:
    return round(width * _FINE)


def _scaled(points: Iterable[Point]) -> list[Point]:
    return [(x * _FINE, y * _FINE) for x, y in points]
