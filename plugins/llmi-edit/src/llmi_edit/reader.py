"""Reads a whole instruction: every clause becomes operations, or the whole is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

from llmi_edit import read_crop, read_drawing, read_geometry, read_tones
from llmi_edit.clause import Clause
from llmi_edit.values import Operation
from llmi_edit.wording import NotUnderstood, Wording, word

Operations = tuple[Operation, ...]
Reader = Callable[[Clause], Operations | None]

CAN_DO = (
    "crop, rotate, flip, resize, black and white, sepia, warmer or cooler, a colour tint, invert, blur, "
    "sharpen, brightness, contrast, saturation, border, a caption in quotation marks, a box around a region"
)
READERS: tuple[Reader, ...] = (
    read_crop.read_trim,
    read_crop.read_crop,
    read_geometry.read_rotate,
    read_geometry.read_flip,
    read_geometry.read_resize,
    read_tones.read_grey,
    read_tones.read_sepia,
    read_tones.read_temperature,
    read_tones.read_invert,
    read_tones.read_blur,
    read_tones.read_sharpen,
    read_tones.read_adjust,
    read_drawing.read_border,
    read_drawing.read_box,
    read_drawing.read_caption,
    read_tones.read_tint,
)
_MOST_CLAUSES = 16
_LONGEST_JOIN = 3
_CARRIED = re.compile(
    r"(?:crop to|cut off|crop|cut|trim|rotate|flip|mirror|increase|decrease|reduce|raise|boost|lower|"
    r"enhance|add|draw|write|put|print|more|less|highlight)\b"
)


def read(instruction: str) -> Operations:
    """The operations that the instruction asks for, in order.

    Raises NotUnderstood, with the clause, if any part of it cannot be read.
    """
    wording = word(instruction)
    if len(wording.clauses) > _MOST_CLAUSES:
        raise NotUnderstood(f"the instruction has more than {_MOST_CLAUSES} parts")
    operations: list[Operation] = []
    verb = ""
    at = 0
    while at < len(wording.clauses):
        found, used = _longest(wording, at, verb)
        operations += found
        verb = _carried(wording.clauses[at + used - 1], verb)
        at += used
    if not operations:
        raise NotUnderstood("the instruction asks for nothing")
    return tuple(operations)


def _longest(wording: Wording, at: int, verb: str) -> tuple[Operations, int]:
    """Read clauses together where they belong together, as in "brightness and contrast by 20%"."""
    hint = None
    for used in range(min(_LONGEST_JOIN, len(wording.clauses) - at), 0, -1):
        text = " and ".join(wording.clauses[at : at + used])
        try:
            found = _read_one(text, wording.quotes, verb)
        except NotUnderstood as error:
            hint = hint or error
            continue
        if found is not None:
            return found, used
    clause = wording.shown(wording.clauses[at])
    raise NotUnderstood(f"'{clause}'" + (f" ({hint})" if hint else ""))


def _carried(clause: str, verb: str) -> str:
    """The verb that the next clause may lean on: "increase contrast, sharpness and brightness"."""
    found = _CARRIED.match(clause)
    if found:
        return found[0]
    return verb if len(clause.split()) <= 2 else ""


def _read_one(text: str, quotes: tuple[str, ...], verb: str) -> Operations | None:
    if Clause(text).spent:
        return ()
    found = _by_any_reader(text, quotes)
    if found is None and verb:
        found = _by_any_reader(f"{verb} {text}", quotes)
    return found


def _by_any_reader(text: str, quotes: tuple[str, ...]) -> Operations | None:
    for reader in READERS:
        clause = Clause(text, quotes)
        found = reader(clause)
        if found and clause.spent:
            return found
    return None
