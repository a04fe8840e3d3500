"""Plants, water and the sky."""

from __future__ import annotations

import math

from llmi_agent.judges.calibrate.drawing.pen import (
    BLUE,
    BROWN,
    GRASS,
    GREEN,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    RED,
    SAND,
    SEA,
    SKY,
    WHITE,
    YELLOW,
    Pen,
    Point,
    around,
    scattered,
)

_NIGHT = "#1b2a49"
_SOIL = "#6d4c33"


def leaf() -> Pen:
    pen = Pen(LIGHT)
    upper, lower = _halves(70, 560, 210, 135)
    pen.shape((*upper, *reversed(lower)), "#4caf50", "#2e7d32", 4)
    pen.line(((30, 210), (560, 210)), "#2e7d32", 7)
    for x in range(150, 500, 60):
        reach = 105 * math.sin(math.pi * (x + 40 - 70) / 490)
        for side in (-1, 1):
            pen.line(((x, 210), (x + 50, 210 + side * reach)), "#2e7d32", 3)
    return pen


def leaf_at_work() -> Pen:
    """What goes into a leaf and what comes out of it."""
    pen = Pen(SKY)
    _sun(pen, 90, 80, 42)
    upper, lower = _halves(210, 470, 215, 80)
    pen.shape((*upper, *reversed(lower)), "#4caf50", "#2e7d32", 4)
    pen.line(((320, 390), (250, 300), (210, 215), (470, 215)), "#2e7d32", 7)
    pen.arrow((140, 120), (240, 175), ORANGE)
    pen.text(238, 118, "sunlight", 22)
    pen.arrow((60, 250), (190, 230), INK)
    pen.text(105, 280, "carbon dioxide", 22)
    pen.arrow((240, 395), (222, 285), BLUE)
    pen.text(170, 355, "water", 22)
    pen.arrow((440, 180), (550, 110), GREEN)
    pen.text(560, 85, "oxygen", 22)
    pen.arrow((420, 255), (480, 330), BROWN)
    pen.text(500, 355, "sugar", 22)
    return pen


def water_cycle() -> Pen:
    pen = Pen(SKY)
    _sun(pen, 70, 60, 38)
    pen.shape(((380, 420), (530, 170), (640, 330), (640, 420)), GRASS)
    pen.shape(((495, 228), (530, 170), (566, 224), (530, 240)), WHITE)
    pen.shape(((0, 330), (410, 330), (380, 420), (0, 420)), SEA)
    pen.text(110, 375, "sea", 24, WHITE)
    for x in (130, 170, 210):
        pen.arrow((x, 320), (x, 190), RED, 4)
    pen.text(170, 165, "evaporation", 22)
    _cloud(pen, 440, 75, 1.0)
    pen.arrow((240, 130), (345, 88), GREY, 5)
    for x in (410, 445, 480):
        pen.arrow((x, 120), (x - 6, 175), BLUE, 4)
    pen.text(370, 200, "rain", 22)
    pen.line(((505, 250), (480, 290), (450, 300), (420, 350)), SEA, 10)
    pen.text(545, 330, "river", 22)
    return pen


def rain_cloud() -> Pen:
    pen = Pen("#cfd8dc")
    _cloud(pen, 320, 150, 2.0, "#78909c")
    for x, y in scattered(130):
        if 225 < x < 435 and y > 235:
            pen.line(((x, y - 5), (x - 6, y + 21)), BLUE, 5)
    return pen


def full_moon() -> Pen:
    pen = _moon()
    _craters(pen)
    return pen


def half_moon() -> Pen:
    """The right half is lit."""
    pen = _moon()
    _craters(pen)
    pen.wedge(320, 210, 153, 90, 270, _NIGHT)
    pen.line(((320, 54), (320, 366)), _NIGHT, 3)
    pen.arc(320, 210, 150, 150, 90, 270, "#33456b", 2)
    return pen


def crescent_moon() -> Pen:
    """A sickle on the right."""
    pen = _moon()
    pen.circle(265, 210, 148, _NIGHT)
    return pen


def bean_seed() -> Pen:
    pen = _ground()
    pen.oval(320, 300, 40, 26, "#d7b48a", INK, 3)
    pen.arc(320, 290, 18, 12, 0, 180, INK, 3)
    pen.line(((345, 318), (365, 345), (358, 380)), WHITE, 6)
    return pen


def bean_sprout() -> Pen:
    pen = _ground()
    pen.line(((320, 330), (312, 220), (330, 150)), GREEN, 10)
    for side in (-1, 1):
        pen.oval(330 + side * 38, 140, 38, 18, "#66bb6a", "#2e7d32", 3)
    _roots(pen, 320, 335)
    return pen


def bean_plant() -> Pen:
    pen = _ground()
    pen.line(((320, 330), (312, 200), (325, 40)), GREEN, 12)
    for number, y in enumerate((200, 155, 110, 65)):
        side = 1 if number % 2 else -1
        pen.oval(320 + side * 58, y, 56, 24, "#66bb6a", "#2e7d32", 3)
    for x in (270, 372):
        pen.line(((318, 185), (x, 205)), GREEN, 5)
        pen.oval(x, 232, 11, 36, "#9ccc65", "#2e7d32", 3)
    _roots(pen, 320, 325)
    _roots(pen, 320, 345)
    return pen


def _halves(left: float, right: float, y: float, high: float) -> tuple[list[Point], list[Point]]:
    """The upper and the lower edge of a leaf."""
    steps = [each / 40 for each in range(41)]
    bulge = [high * math.sin(math.pi * step) ** 0.9 for step in steps]
    xs = [left + (right - left) * step for step in steps]
    upper = [(x, y - each) for x, each in zip(xs, bulge, strict=True)]
    return upper, [(x, y + each) for x, each in zip(xs, bulge, strict=True)]


def _sun(pen: Pen, x: float, y: float, radius: float) -> None:
    for turn in range(0, 360, 30):
        pen.line((around(x, y, radius + 8, turn), around(x, y, radius + 24, turn)), YELLOW, 5)
    pen.circle(x, y, radius, YELLOW)


def _cloud(pen: Pen, x: float, y: float, scale: float, fill: str = WHITE) -> None:
    for right, down, radius in ((-50, 10, 30), (-15, -12, 40), (30, -2, 36), (58, 14, 26)):
        pen.circle(x + right * scale, y + down * scale, radius * scale, fill)
    pen.box(x - 50 * scale, y + 5 * scale, x + 58 * scale, y + 40 * scale, fill, round_=18 * scale)


def _moon() -> Pen:
    pen = Pen(_NIGHT)
    for x, y in scattered(40):
        pen.circle(x, y, 2, WHITE)
    pen.circle(320, 210, 152, _NIGHT)
    pen.circle(320, 210, 150, "#f2eecb")
    return pen


def _craters(pen: Pen) -> None:
    for x, y, radius in (
        (270, 150, 24),
        (380, 180, 32),
        (300, 270, 28),
        (390, 290, 16),
        (345, 110, 14),
    ):
        pen.circle(x, y, radius, "#d9d4a8")


def _ground() -> Pen:
    pen = Pen(SKY)
    pen.box(0, 260, 640, 420, _SOIL)
    pen.box(0, 252, 640, 264, GRASS)
    return pen


def _roots(pen: Pen, x: float, y: float) -> None:
    for side in (-1, 0, 1):
        pen.line(((x, y), (x + side * 34, y + 34), (x + side * 44, y + 66)), SAND, 4)
