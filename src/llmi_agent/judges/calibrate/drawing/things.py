"""Things that one knows at a glance."""

from __future__ import annotations

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
    around,
    scattered,
)

_DARK = "#3e4a50"


def umbrella() -> Pen:
    pen = Pen(LIGHT)
    for x, y in scattered(45):
        pen.line(((x, y), (x - 7, y + 26)), SEA, 3)
    pen.wedge(320, 220, 170, 180, 360, RED)
    for x in (192, 277, 363, 448):
        pen.oval(x, 222, 43, 20, LIGHT)
    pen.line(((320, 36), (320, 52)), BROWN, 8)
    pen.line(((320, 215), (320, 350)), BROWN, 8)
    pen.arc(345, 350, 25, 28, 0, 180, BROWN, 8)
    return pen


def red_light() -> Pen:
    return _light(0)


def green_light() -> Pen:
    return _light(2)


def crossing() -> Pen:
    """Seen from above: a road, its stripes, and who crosses."""
    pen = Pen(GRASS)
    pen.box(0, 110, 640, 310, _DARK)
    for x in (*range(10, 200, 60), *range(450, 640, 60)):
        pen.box(x, 206, x + 36, 213, WHITE)
    for y in range(118, 305, 32):
        pen.box(230, y, 410, y + 17, WHITE)
    pen.box(0, 60, 640, 110, GREY)
    pen.box(0, 310, 640, 360, GREY)
    _person(pen, 320, 175)
    return pen


def ten_past_three() -> Pen:
    return _clock(3, 10)


def half_past_six() -> Pen:
    return _clock(6, 30)


def nine_oclock() -> Pen:
    return _clock(9, 0)


def soup() -> Pen:
    pen = Pen(SAND)
    pen.oval(320, 345, 250, 36, "#d9c48c")
    pen.wedge(320, 200, 210, 0, 180, "#5c8fb8")
    pen.oval(320, 200, 210, 58, WHITE, "#5c8fb8", 6)
    pen.oval(320, 205, 185, 45, "#e4572e")
    for x, y in ((270, 200), (345, 215), (390, 194)):
        pen.oval(x, y, 20, 9, GREEN)
    for x in (250, 320, 390):
        pen.arc(x - 9, 95, 10, 22, 90, 270, GREY, 5)
        pen.arc(x - 9, 51, 10, 22, -90, 90, GREY, 5)
    return pen


def tomato() -> Pen:
    pen = Pen(LIGHT)
    pen.oval(320, 250, 165, 135, RED)
    pen.oval(255, 200, 38, 22, "#e57373")
    for turn in range(0, 360, 60):
        tip = around(320, 132, 74, turn)
        left, right = around(320, 132, 22, turn - 60), around(320, 132, 22, turn + 60)
        pen.shape((left, tip, right), GREEN)
    pen.line(((320, 132), (332, 70)), GREEN, 12)
    return pen


def pot() -> Pen:
    pen = Pen(LIGHT)
    pen.box(140, 345, 500, 372, _DARK, round_=6)
    for x in range(200, 450, 34):
        pen.shape(((x - 12, 345), (x, 310), (x + 12, 345)), BLUE)
    pen.box(170, 150, 470, 312, GREY, INK, 4, 16)
    pen.box(105, 190, 172, 214, INK, round_=10)
    pen.box(468, 190, 535, 214, INK, round_=10)
    pen.box(155, 128, 485, 152, "#607d8b", INK, 4, 8)
    pen.circle(320, 110, 18, INK)
    return pen


def bulb() -> Pen:
    pen = Pen("#37474f")
    for turn in range(0, 360, 30):
        if not 140 < turn < 220:
            pen.line((around(320, 165, 128, turn), around(320, 165, 156, turn)), YELLOW, 6)
    pen.circle(320, 165, 115, "#fff3b0", YELLOW, 5)
    pen.shape(((262, 262), (378, 262), (366, 305), (274, 305)), "#fff3b0")
    for row in range(3):
        pen.box(272, 304 + row * 24, 368, 322 + row * 24, GREY, INK, 2, 8)
    pen.wedge(320, 374, 24, 0, 180, LIGHT)
    pen.line(((292, 262), (300, 180), (320, 205), (340, 180), (348, 262)), ORANGE, 5)
    return pen


def bus() -> Pen:
    pen = Pen(SKY)
    pen.box(0, 330, 640, 420, _DARK)
    pen.box(80, 120, 560, 335, YELLOW, INK, 4, 22)
    for x in range(110, 420, 80):
        pen.box(x, 150, x + 62, 215, SKY, INK, 3, 6)
    pen.box(445, 150, 520, 315, SKY, INK, 3, 6)
    pen.line(((482, 150), (482, 315)), INK, 3)
    pen.text(265, 262, "SCHOOL BUS", 34)
    for x in (180, 390):
        pen.circle(x, 335, 44, INK)
        pen.circle(x, 335, 20, GREY)
    return pen


def cup() -> Pen:
    pen = Pen(SAND)
    pen.oval(300, 350, 200, 28, WHITE, GREY, 3)
    pen.arc(420, 235, 62, 56, -100, 100, WHITE, 22)
    pen.shape(((170, 165), (430, 165), (392, 345), (208, 345)), WHITE)
    pen.oval(300, 165, 130, 30, WHITE, GREY, 3)
    pen.oval(300, 169, 112, 22, "#8d4a1f")
    for x in (255, 300, 345):
        pen.arc(x - 8, 105, 9, 20, 90, 270, GREY, 5)
        pen.arc(x - 8, 65, 9, 20, -90, 90, GREY, 5)
    return pen


def snowman() -> Pen:
    pen = Pen(SKY)
    pen.box(0, 330, 640, 420, WHITE)
    pen.circle(320, 310, 90, WHITE, GREY, 3)
    pen.circle(320, 185, 62, WHITE, GREY, 3)
    pen.circle(320, 100, 44, WHITE, GREY, 3)
    pen.box(270, 56, 370, 66, INK)
    pen.box(286, 6, 354, 58, INK)
    for x in (304, 336):
        pen.circle(x, 92, 5, INK)
    pen.shape(((320, 100), (320, 114), (378, 110)), ORANGE)
    for y in (165, 190, 215):
        pen.circle(320, y, 6, INK)
    for side in (-1, 1):
        pen.line(((320 + side * 55, 175), (320 + side * 150, 120)), BROWN, 7)
        pen.line(((320 + side * 120, 137), (320 + side * 128, 100)), BROWN, 5)
    return pen


def snow_balls() -> Pen:
    """Three of them, the largest first, each with its size."""
    pen = Pen(SKY)
    pen.box(0, 320, 640, 420, WHITE)
    for x, radius, words in ((150, 100, "60 cm"), (370, 72, "45 cm"), (540, 50, "30 cm")):
        pen.circle(x, 330 - radius, radius, WHITE, GREY, 3)
        pen.text(x, 330 - radius, words, 24)
        pen.text(x, 375, {100: "base", 72: "middle", 50: "head"}[radius], 24)
    return pen


def _light(lit: int) -> Pen:
    """A traffic light; lit: 0 for red at the top, 2 for green at the bottom."""
    pen = Pen(SKY)
    pen.box(0, 385, 640, 420, GREY)
    pen.box(307, 330, 333, 390, _DARK)
    pen.box(245, 20, 395, 335, "#212a2e", round_=24)
    dim = ("#4d2323", "#4d4423", "#23402a")
    for place, (bright, dark) in enumerate(zip((RED, YELLOW, "#43d15c"), dim, strict=True)):
        y = 78 + place * 100
        if place == lit:
            pen.circle(320, y, 46, None, bright, 3)
        pen.circle(320, y, 40, bright if place == lit else dark)
    return pen


def _clock(hour: int, minute: int) -> Pen:
    pen = Pen(LIGHT)
    pen.circle(320, 210, 190, WHITE, INK, 9)
    for mark in range(60):
        inner = 164 if mark % 5 == 0 else 172
        pen.line((around(320, 210, inner, mark * 6), around(320, 210, 180, mark * 6)), INK, 2)
    for number in range(1, 13):
        pen.text(*around(320, 210, 143, number * 30), str(number), 30)
    pen.line(((320, 210), around(320, 210, 85, hour % 12 * 30 + minute / 2)), INK, 13)
    pen.line(((320, 210), around(320, 210, 128, minute * 6)), BLUE, 7)
    pen.circle(320, 210, 11, INK)
    return pen


def _person(pen: Pen, x: float, y: float) -> None:
    pen.circle(x, y - 34, 16, "#e0ac7e", INK, 2)
    pen.line(((x, y - 18), (x, y + 28)), RED, 18)
    pen.line(((x, y + 26), (x - 20, y + 68)), BLUE, 9)
    pen.line(((x, y + 26), (x + 20, y + 66)), BLUE, 9)
    pen.line(((x - 30, y + 14), (x, y - 8), (x + 28, y + 18)), RED, 7)
