"""Places, what stands and sails there, and triangles."""

from __future__ import annotations

from llmi_agent.judges.calibrate.drawing.pen import (
    BROWN,
    GRASS,
    GREY,
    INK,
    ORANGE,
    RED,
    SEA,
    SKY,
    WHITE,
    YELLOW,
    Pen,
    Point,
    scattered,
)

_NIGHT = "#1b2a49"
_SOIL = "#6d4c33"


def river_map() -> Pen:
    """A town on both sides of a river, north at the top."""
    pen = Pen("#dfe9c8")
    river: list[Point] = [(60, 0), (110, 110), (270, 190), (400, 215), (520, 300), (580, 420)]
    pen.line(river, SEA, 40)
    pen.text(90, 195, "River Lenn", 21)
    pen.line(((330, 0), (335, 202), (300, 420)), WHITE, 14)
    pen.line(((334, 172), (335, 240)), BROWN, 22)
    pen.text(260, 252, "Old Bridge", 21)
    for x, y in ((170, 290), (215, 325), (150, 345), (420, 90), (465, 130), (400, 140)):
        pen.box(x, y, x + 28, y + 22, ORANGE, INK, 2)
    pen.text(190, 395, "Market Square", 21)
    pen.shape(
        ((520, 120), (520, 80), (532, 80), (532, 95), (546, 95), (546, 80), (558, 80), (558, 120)),
        GREY,
        INK,
        2,
    )
    pen.text(540, 145, "Castle", 21)
    pen.arrow((600, 90), (600, 30), INK, 5)
    pen.text(600, 16, "N", 22)
    return pen


def bridge() -> Pen:
    """Three stone arches over a river."""
    pen = Pen(SKY)
    pen.box(0, 180, 640, 310, "#b0a190")
    pen.box(0, 165, 640, 185, "#8d7f70")
    for x in (120, 320, 520):
        pen.wedge(x, 310, 82, 180, 360, SKY)
    pen.box(0, 308, 640, 420, SEA)
    for y in (345, 385):
        for x in range(40, 620, 110):
            pen.arc(x, y, 26, 8, 180, 360, WHITE, 3)
    return pen


def castle() -> Pen:
    pen = Pen(SKY)
    pen.oval(320, 470, 420, 150, GRASS)
    for left, right, top in ((150, 230, 130), (410, 490, 130), (230, 410, 200)):
        pen.box(left, top, right, 360, GREY, INK, 3)
        for x in range(left, right, 30):
            pen.box(x, top - 20, x + 16, top, GREY, INK, 2)
    pen.wedge(320, 320, 34, 180, 360, BROWN)
    pen.box(286, 318, 354, 360, BROWN)
    for x in (190, 450):
        pen.box(x - 7, 190, x + 7, 225, INK)
        pen.line(((x, 112), (x, 50)), INK, 4)
        pen.shape(((x, 50), (x + 46, 64), (x, 80)), RED)
    return pen


def lighthouse() -> Pen:
    pen = Pen(_NIGHT)
    for x, y in scattered(40):
        pen.circle(x, y, 2, WHITE)
    pen.shape(((300, 90), (0, 20), (0, 150)), "#c9b458")
    pen.box(0, 340, 640, 420, "#123a5c")
    pen.shape(((180, 345), (230, 310), (420, 310), (480, 345)), "#4b4b4b")
    pen.shape(((270, 315), (285, 115), (355, 115), (370, 315)), WHITE)
    for low, high in ((315, 275), (235, 195), (155, 115)):
        left, right = (270 + (315 - y) * 0.075 for y in (low, high))
        pen.shape(((left, low), (right, high), (640 - right, high), (640 - left, low)), RED)
    pen.box(292, 75, 348, 115, YELLOW, INK, 3)
    pen.shape(((284, 76), (320, 40), (356, 76)), RED)
    return pen


def sailing_ship() -> Pen:
    pen = Pen(SKY)
    pen.box(0, 320, 640, 420, SEA)
    pen.shape(((120, 280), (540, 280), (480, 350), (190, 350)), BROWN, INK, 3)
    for x, top in ((230, 70), (340, 40), (450, 80)):
        pen.line(((x, top), (x, 282)), _SOIL, 8)
        for low, half in ((top + 95, 45), (top + 185, 52)):
            pen.shape(
                (
                    (x - half, low - 78),
                    (x + half, low - 78),
                    (x + half + 10, low),
                    (x - half + 10, low),
                ),
                WHITE,
                GREY,
                2,
            )
    pen.shape(((340, 40), (340, 14), (300, 27)), RED)
    return pen


def right_triangle() -> Pen:
    """With the sides 3, 4 and 5."""
    pen = Pen()
    pen.shape(((160, 340), (480, 340), (160, 100)), "#cfe3f7", INK, 5)
    pen.line(((160, 310), (190, 310), (190, 340)), INK, 4)
    pen.text(130, 220, "3", 34, RED)
    pen.text(320, 372, "4", 34, RED)
    pen.text(345, 195, "5", 34, RED)
    return pen


def triangle_squares() -> Pen:
    """A square on each side of it."""
    pen = Pen()
    unit = 36
    a, b, c = (230.0, 150.0), (230.0, 150.0 + 3 * unit), (230.0 + 4 * unit, 150.0 + 3 * unit)
    pen.box(a[0] - 3 * unit, a[1], b[0], b[1], "#f6c6c6", INK, 3)
    pen.box(b[0], b[1], c[0], b[1] + 4 * unit, "#c6e6c8", INK, 3)
    out: Point = (3.0 * unit, -4.0 * unit)
    far = (c[0] + out[0], c[1] + out[1]), (a[0] + out[0], a[1] + out[1])
    pen.shape((a, c, *far), "#cfe3f7", INK, 3)
    pen.shape((a, b, c), WHITE, INK, 5)
    pen.text(a[0] - 1.5 * unit, a[1] + 1.5 * unit, "9", 34)
    pen.text(b[0] + 2 * unit, b[1] + 2 * unit, "16", 34)
    pen.text((a[0] + far[0][0]) / 2, (a[1] + far[0][1]) / 2, "25", 34)
    return pen
