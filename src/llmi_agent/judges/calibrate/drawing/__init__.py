"""The pictures of the set, drawn by a program: the same bytes on every machine with the same Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PIL import Image

from llmi_agent.judges.calibrate.drawing import charts, nature, places, things
from llmi_agent.judges.calibrate.drawing.pen import Pen, around, png

PICTURES: dict[str, Callable[[], Pen]] = {
    name: value
    for module in (charts, nature, places, things)
    for name, value in vars(module).items()
    if callable(value) and getattr(value, "__module__", "") == module.__name__ and name[0] != "_"
}
"""By their names in the topics' files."""

DECORATIONS = 4
"""How many there are that have nothing to do with any topic."""


def image(name: str) -> Image.Image:
    """The picture of this name. Raises KeyError if there is none."""
    return PICTURES[name]().image()


@cache
def drawn(name: str) -> bytes:
    """Its PNG file."""
    return png(image(name))


@cache
def decoration(number: int) -> bytes:
    """Clip art that serves no topic, tiny and blown up until its pixels show."""
    return png(_decoration(number))


def _decoration(number: int) -> Image.Image:
    pen = (_star, _heart, _smile, _balloon)[number % DECORATIONS]()
    small = pen.image().resize((32, 21), Image.Resampling.BILINEAR)
    return small.resize((320, 210), Image.Resampling.NEAREST)


def _star() -> Pen:
    pen = Pen("#fce4ec")
    points = [around(320, 220, 190 if turn % 72 == 0 else 78, turn) for turn in range(0, 360, 36)]
    pen.shape(points, "#fbc02d")
    return pen


def _heart() -> Pen:
    pen = Pen("#e8f5e9")
    pen.circle(235, 150, 100, "#e53935")
    pen.circle(405, 150, 100, "#e53935")
    pen.shape(((145, 195), (495, 195), (320, 400)), "#e53935")
    return pen


def _smile() -> Pen:
    pen = Pen("#e1f5fe")
    pen.circle(320, 210, 180, "#ffee58")
    for x in (255, 385):
        pen.circle(x, 160, 26, "#212121")
    pen.arc(320, 220, 110, 100, 20, 160, "#212121", 24)
    return pen


def _balloon() -> Pen:
    pen = Pen("#fffde7")
    pen.oval(320, 175, 110, 140, "#8e24aa")
    pen.line(((320, 310), (300, 350), (330, 410)), "#212121", 12)
    return pen
