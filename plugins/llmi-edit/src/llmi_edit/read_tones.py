"""Reads clauses about a picture's colours and sharpness."""

from __future__ import annotations

from typing import Literal

from llmi_edit import colours
from llmi_edit.clause import ADD, EFFECT, MAKE, Clause
from llmi_edit.tones import Adjust, Blur, Grey, Invert, Sepia, Sharpen, Temperature, Tint
from llmi_edit.values import Operation
from llmi_edit.wording import NUMBER

Read = tuple[Operation, ...] | None
Quality = Literal["brightness", "contrast", "saturation"]

_UP = r"increas(?:e|ed|ing)|rais(?:e|ed|ing)|boost(?:ed|ing)?|enhanc(?:e|ed|ing)|turn up|more|higher|strong(?:er)?|add|improve|intensify|pump up|deeper|richer|bring out"
_DOWN = r"decreas(?:e|ed|ing)|reduc(?:e|ed|ing)|lower(?:ed|ing)?|turn down|tone down|less|drop"
_QUALITIES: tuple[tuple[Quality, str], ...] = (
    ("brightness", r"brightness|exposure|bright|light"),
    ("contrast", r"contrast|contrasty|contrasted"),
    (
        "saturation",
        r"saturation|saturated|vividness|vibrancy|vibrance|vivid|vibrant|colourful|colours|colour",
    ),
)
_WORDS: tuple[tuple[Quality, int, str], ...] = (
    ("brightness", 1, r"brighten(?:ed)?(?: up)?|brighter|lighten(?:ed)?(?: up)?|lighter"),
    ("brightness", -1, r"darken(?:ed)?|darker|dim(?:med)?|dimmer"),
    ("contrast", 1, r"contrastier|punchier"),
    ("saturation", 1, r"saturate|vivid|vibrant|colourful|more intense colours"),
    ("saturation", -1, r"desaturated?|muted?|paler|washed out|subdued"),
)
_LARGEST_RADIUS = 500
_ALTER = rf"{MAKE}|bring|keep"
_COLOURS = r"colours?|hues?"


def read_grey(clause: Clause) -> Read:
    """Black and white, in its many names."""
    clause.take(rf"(?:{_ALTER})(?: it)? into|{_ALTER}")
    clause.take("into|apply|add")
    full = clause.take(
        rf"greyscale|monochrome|monochromatic|greyish|(?:remove|strip|drop|take out|without|no)(?: all)?(?: of)?"
        rf"(?: the| its| any)? (?:{_COLOURS}|saturation)|colou?rless|(?:fully|completely|totally) desaturated?|desaturated? (?:fully|completely)"
    )
    if not full and not clause.take("(?:all |in )?grey|(?:shades|tones) of grey"):
        return None
    clause.take("conversion|mode")
    clause.take_all(EFFECT)
    return (Grey(),)


def read_sepia(clause: Clause) -> Read:
    """Sepia, or what people call vintage."""
    clause.take(rf"{_ALTER}|add|apply")
    clause.take("into|like")
    if not clause.take(
        r"sepia|vintage|old fashioned|antique|retro|nostalgic|aged|old photo(?:graph)?"
    ):
        return None
    clause.take("sepia|vintage|toned|old")
    clause.take("browns?|warm")
    clause.take_all(EFFECT)
    return (Sepia(),)


def read_temperature(clause: Clause) -> Read:
    """Warmer or cooler."""
    clause.take(rf"{_ALTER}|add")
    strength = clause.strength(0.5, 1.0, 1.8)
    found = clause.take(r"(warm|cool|cold)(?:er|ing|s)?(?: up| down)?")
    if not found:
        return None
    clause.take(rf"{EFFECT}|{_COLOURS}|temperature|tint|tinge|cast|light|hue")
    clause.take(rf"{EFFECT}|{_COLOURS}|temperature|tint")
    return (Temperature("warmer" if found[1] == "warm" else "cooler", strength),)


def read_tint(clause: Clause) -> Read:
    """ "Tint it blue", "make figure 2 green", "add a light red tint"."""
    verb = clause.take(
        rf"(?:{MAKE}|recolou?r|re colour|colou?ri[sz]e|colour|tint|paint)(?:ed)?"
        rf"|{ADD}|in"
    )
    light = clause.strength(0.35, 1.0, 1.0)
    colour = clause.take(rf"({colours.PATTERN})(?:ish)?")
    if not verb or not colour or not colours.has_hue(colour[1]):
        return None
    tinted = verb[0].startswith("tint") or clause.take(r"tint(?:ed)?|tinge|cast|hue|overlay|wash")
    clause.take(r"into|instead|all|(?:in )?(?:shades|tones|hues|a shade) of")
    clause.take(rf"monochrome|duotone|{EFFECT}")
    clause.take(_COLOURS)
    clause.take("palette|scheme|theme|version")
    light = 0.55 if tinted and light == 1.0 else light
    return (Tint(colours.rgb(colour[1]), colour[1], light),)


def read_invert(clause: Clause) -> Read:
    """The negative."""
    clause.take(rf"{_ALTER}|into")
    if not clause.take(r"invert(?:ed)?|negative|inverse"):
        return None
    clause.take(_COLOURS)
    clause.take_all(EFFECT)
    return (Invert(),)


def read_blur(clause: Clause) -> Read:
    """Gaussian blur of the whole picture."""
    clause.take(rf"{_ALTER}|add")
    if not clause.take(r"(?:gaussian )?blur(?:red|ry|ring)?|soften(?:ed)?|softer|out of focus"):
        return None
    radius = clause.take(rf"(?:radius |by )?(?:of )?{NUMBER}(?:px)?(?: radius)?") or clause.take(
        rf"radius {NUMBER}"
    )
    clause.take("radius")
    clause.take_all(EFFECT)
    if radius:
        return (Blur(radius=float(radius[1])),) if 0 < float(radius[1]) <= _LARGEST_RADIUS else None
    return (Blur(clause.strength(0.0025, 0.006, 0.018)),)


def read_sharpen(clause: Clause) -> Read:
    """An unsharp mask."""
    clause.take(rf"{_ALTER}|{_UP}")
    if not clause.take(r"sharpen(?:ed|ing)?|sharper|crisper|crisp|sharpness|sharp|clearer"):
        return None
    clause.take("more|edges|details?")
    clause.take_all(EFFECT)
    share = clause.share()
    return (Sharpen(round(100 * share) if share else int(clause.strength(50, 100, 220))),)


def read_adjust(clause: Clause) -> Read:
    """Brightness, contrast and saturation, up or down, several at once."""
    target = clause.take(rf"(?:to |at )({NUMBER})%")
    bold = clause.has("as (?:bright|colourful|saturated|vivid)")
    times = clause.take("(twice|half) as") if bold else None
    share = None if target else clause.share()
    clause.take(rf"{_ALTER}(?! up| down)")
    direct = [(what, sign) for what, sign, pattern in _WORDS if clause.take(_not_more(pattern))]
    if direct:
        clause.take(rf"more|{_COLOURS}")
        clause.take(_COLOURS)
        clause.take("tones?|look")
    else:
        direct = _named(clause, always=bool(target or times))
    if not direct:
        return None
    if target:
        factor = float(target[1]) / 100
        return tuple(Adjust(what, factor) for what, _ in direct)
    if times:
        return tuple(Adjust(what, 2.0 if times[1] == "twice" else 0.5) for what, _ in direct)
    step = share if share is not None else clause.strength(0.12, 0.3, 0.6)
    return tuple(Adjust(what, _factor(what, sign, step)) for what, sign in direct)


def _not_more(pattern: str) -> str:
    """ "More vivid" is "vivid", "less vivid" is not."""
    return rf"(?<!less )(?:more )?(?:{pattern})"


def _named(clause: Clause, *, always: bool) -> list[tuple[Quality, int]]:
    """ "Increase the contrast", "less saturation", "higher brightness and contrast"."""
    down, up = clause.take(_DOWN), clause.take_all(_UP)
    if not always and bool(down) == bool(up):
        return []
    sign = -1 if down else 1
    found: list[tuple[Quality, int]] = []
    for what, pattern in _QUALITIES:
        if clause.take(pattern):
            found.append((what, sign))
    clause.take("levels?")
    return found


def _factor(what: Quality, sign: int, step: float) -> float:
    if sign > 0:
        return 1 + step * (1.6 if what == "saturation" and step in (0.12, 0.3, 0.6) else 1)
    return max(0.0, 1 - step)
