"""Charts; the values in them are those that the texts name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmi_agent.judges.calibrate.drawing.pen import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    RED,
    WHITE,
    Pen,
)

RAIN = {"Jan": 96, "Feb": 74, "Mar": 61, "Apr": 48, "May": 35, "Jun": 22}
JOURNEYS = {"bus": 42, "on foot": 28, "bicycle": 18, "car": 12}
WATTS = {"incandescent": 60, "halogen": 42, "fluorescent": 13, "LED": 8}
TEA = ((0, 85), (5, 71), (10, 60), (15, 52), (20, 46), (25, 41), (30, 38))

_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 610, 62, 350


def rain_bars() -> Pen:
    return _bars("Rain in Port Alder", "mm a month", RAIN, 100, 20, [BLUE] * len(RAIN))


def watt_bars() -> Pen:
    return _bars("Power for the same light", "watts", WATTS, 70, 10, [RED, ORANGE, BLUE, GREEN])


def journeys_pie() -> Pen:
    pen = Pen()
    pen.text(320, 30, "How 200 pupils come to school", 24)
    at = -90.0
    for row, ((name, share), colour) in enumerate(
        zip(JOURNEYS.items(), (ORANGE, GREEN, BLUE, RED), strict=True)
    ):
        pen.wedge(220, 235, 150, at, at + 3.6 * share, colour, WHITE)
        at += 3.6 * share
        top = 130 + row * 55
        pen.box(420, top, 450, top + 30, colour)
        pen.text(465, top + 15, f"{name}: {share} %", 22, anchor="lm")
    return pen


def tea_line() -> Pen:
    pen = Pen()
    _frame(pen, "A cup of tea cools", "°C", 100, 20)
    places = [(_LEFT + 20 + minute * 16.3, _y(degrees, 100)) for minute, degrees in TEA]
    pen.line(places, RED, 4)
    for (x, y), (minute, degrees) in zip(places, TEA, strict=True):
        pen.circle(x, y, 6, RED)
        pen.text(x, y - 20, str(degrees), 18)
        pen.text(x, _BOTTOM + 20, str(minute), 18)
    pen.text((_LEFT + _RIGHT) / 2, _BOTTOM + 48, "minutes after pouring", 18)
    return pen


def _bars(
    title: str,
    unit: str,
    values: Mapping[str, int],
    most: int,
    step: int,
    colours: Sequence[str],
) -> Pen:
    pen = Pen()
    _frame(pen, title, unit, most, step)
    wide = (_RIGHT - _LEFT) / len(values)
    for number, ((name, value), colour) in enumerate(zip(values.items(), colours, strict=True)):
        middle = _LEFT + wide * (number + 0.5)
        top = _y(value, most)
        pen.box(middle - wide * 0.32, top, middle + wide * 0.32, _BOTTOM, colour)
        pen.text(middle, top - 14, str(value), 20)
        pen.text(middle, _BOTTOM + 22, name, 19)
    return pen


def _frame(pen: Pen, title: str, unit: str, most: int, step: int) -> None:
    """The title, the lines that values are read by, and the axes."""
    pen.text(320, 26, title, 24)
    for value in range(0, most + 1, step):
        y = _y(value, most)
        pen.line(((_LEFT, y), (_RIGHT, y)), LIGHT if value else GREY, 2)
        pen.text(_LEFT - 10, y, str(value), 17, anchor="rm")
    pen.line(((_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)), INK, 2)
    pen.text(14, _TOP - 18, unit, 17, anchor="lm")


def _y(value: float, most: int) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / most
