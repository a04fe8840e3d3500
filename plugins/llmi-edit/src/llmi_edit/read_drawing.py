"""Reads clauses that add something: border, highlight box, caption."""

from __future__ import annotations

from typing import Literal

from llmi_edit import colours
from llmi_edit.clause import ADD, Clause
from llmi_edit.drawing import Border, Box, Caption, Place
from llmi_edit.read_places import read_region
from llmi_edit.values import Length, Operation
from llmi_edit.wording import NUMBER, NotUnderstood

Read = tuple[Operation, ...] | None

_WIDEST = 25
_WIDTHS = (
    (r"very thin|hairline", 0.15),
    (r"thin|narrow|fine|slim|small|subtle|slight", 0.35),
    (r"very (?:thick|wide)", 4.0),
    (r"thick|wide|broad|bold|heavy|large|big", 2.2),
)
"""Times the usual width."""
_NOUNS = r"caption|text box|text|title|label|words?|heading|headline|subtitle|watermark|note|annotation|line|message|inscription|credit"
_SIZES = (
    (r"very small|tiny", 0.5),
    (r"small|smaller", 0.7),
    (r"very large|huge", 2.4),
    (r"large|big|larger|bigger", 1.6),
)
_PLACES: tuple[tuple[str, Place], ...] = (
    (r"(?:below|under|underneath|beneath)(?: it| the picture)?", "below"),
    (r"above(?: it| the picture)?", "above"),
    (r"top left(?: corner)?", "top left"),
    (r"top right(?: corner)?", "top right"),
    (r"bottom left(?: corner)?", "bottom left"),
    (r"bottom right(?: corner)?", "bottom right"),
    (r"top(?: edge| centre| part)?|centre top", "top"),
    (r"bottom(?: edge| centre| part)?|centre bottom", "bottom"),
    (r"centre", "centre"),
)  # fmt: skip


def read_border(clause: Clause) -> Read:
    """A border around the whole picture."""
    if clause.has(r"(?:the|its) (?:border|frame)"):
        return None
    clause.take(rf"{ADD}|surround")
    noun = clause.take("borders?|frame|framed|outline|margin|padding|edging")
    around = clause.take(
        r"(?:all )?(?:around|round|on all sides)(?: of)?(?: it| the (?:whole |entire )?picture)?"
    )
    if not noun and around:
        noun = clause.take("box|rectangle|line")
    if not noun:
        return None
    clause.take("simple|solid|plain|coloured|nice")
    width = _width(clause, 2.0)
    name = _colour(clause) or "black"
    return (Border(colours.rgb(name), name, width),)


def read_box(clause: Clause) -> Read:
    """An outline around a region."""
    verb = clause.take(rf"{ADD}|highlight|mark|outline|circle|frame|surround|box")
    if not verb:
        return None
    around = clause.take("around|round|over|on|at|covering|with")
    shape = clause.take(
        r"box|rectangle|rectangular|frame|border|outline|square|circle|ellipse|oval"
    )
    if not shape and verb[0] not in ("highlight", "mark", "outline", "circle", "frame", "box"):
        return None
    clause.take("outline|line|solid|highlight")
    clause.take("highlight")
    region = read_region(clause)
    width = _width(clause, 0.7)
    name = _colour(clause) or "red"
    if region is None or not (around or verb[0] not in ADD):
        return None
    if not around:
        clause.take("around|over")
    round_ = {verb[0], shape[0] if shape else ""} & {"circle", "ellipse", "oval"}
    return (Box(region, colours.rgb(name), name, width, "ellipse" if round_ else "box"),)


def read_caption(clause: Clause) -> Read:
    """A quoted text on the picture, or on a strip beside it."""
    verb = clause.take(rf"{ADD}|caption|label|title|say|show|annotate|type|superimpose|stamp|have")
    quote = clause.take(r'(?:(?:that )?(?:says?|saying|reads?|reading|it)|:)? ?"(\d+)"')
    if not quote:
        if verb and clause.take(_NOUNS):
            raise NotUnderstood("put the words of the caption in quotation marks")
        return None
    text = clause.quotes[int(quote[1])]
    noun = clause.take_all(_NOUNS)
    if not text or not (verb or noun):
        return None
    clause.take(r"(?:that )?(?:says?|saying|reads?|reading)|overlay|called|as|:")
    if clause.has("the (?:caption|text|title|label) to"):
        return None
    usual: Place = "bottom right" if any(found[0] == "watermark" for found in noun) else "bottom"
    usual = "top" if any(found[0] in ("title", "heading", "headline") for found in noun) else usual
    size, colour = _letters(clause)
    place = _place(clause) or usual
    clause.take("position|side|area")
    return (Caption(text, place, size, colours.rgb(colour) if colour else None),)


def _letters(clause: Clause) -> tuple[float, str | None]:
    """Size and colour of a caption's letters."""
    clause.take(
        r"(?:(?:on|over|with) )?an? (?:semi ?transparent |translucent |dark |black )+(?:band|bar|strip|background|box|banner)"
    )
    size = next((size for pattern, size in _SIZES if clause.take(pattern)), 1.0)
    colour = _colour(clause)
    clause.take("letters|lettering|font|type|letter|characters|size")
    clause.take("letters|lettering|font|colour")
    clause.take("centred|neatly|legible|readable|clearly")
    return size, colour


def _place(clause: Clause) -> Place | None:
    clause.take("along|across|near|towards?|at|over|into|inside|centred")
    clause.take("very")
    for pattern, place in _PLACES:
        if clause.take(pattern):
            return place
    return None


def _colour(clause: Clause) -> str | None:
    found = clause.take(rf"({colours.PATTERN})(?: coloured| colour)?")
    return found[1] if found else None


def _width(clause: Clause, usual: float) -> Length:
    said = clause.take(rf"{NUMBER}(px|%)(?: (?:wide|thick|width|in width))?")
    if said:
        clause.take("wide|thick|width")
        unit: Literal["px", "%"] = "%" if said[2] == "%" else "px"
        if unit == "%" and float(said[1]) > _WIDEST:
            raise NotUnderstood(f"a line or border has at most {_WIDEST}% of the picture's side")
        return Length(float(said[1]), unit)
    times = next((times for pattern, times in _WIDTHS if clause.take(pattern)), 1.0)
    return Length(usual * times, "%")
