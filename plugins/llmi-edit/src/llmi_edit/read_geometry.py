"""Reads clauses that turn or resize: rotate, flip, resize."""

from __future__ import annotations

from llmi_edit.clause import MAKE, Clause
from llmi_edit.geometry import Flip, Resize, Rotate, Scale
from llmi_edit.values import Operation
from llmi_edit.wording import NUMBER

Read = tuple[Operation, ...] | None
_TIMES = {"half": 0.5, "double": 2.0, "twice": 2.0, "triple": 3.0, "quadruple": 4.0}


def read_rotate(clause: Clause) -> Read:
    """Rotate by an angle, a quarter or half turn, or upside down."""
    if clause.take(r"(?:turn|rotate)(?:ed)? (?:it |the picture )?upside down"):
        return (Rotate(180),)
    if not clause.take(
        rf"(?:{MAKE} )?(?:rotated?|rotating|turned|turn|spin|tilt(?:ed)?|straighten)"
    ):
        return None
    degrees = _angle(clause)
    sense = clause.take(r"(?:to (?:the|its) )?(counterclockwise|clockwise|left|right)(?: side)?")
    if degrees is None and sense is None:
        return None
    angle = 90.0 if degrees is None else degrees
    angle = -angle if sense and sense[1] in ("left", "counterclockwise") else angle
    angle %= 360
    return (Rotate(angle - 360 if angle > 180 else angle),) if angle else None


def _angle(clause: Clause) -> float | None:
    if clause.take(r"(?:a |by a )?quarter(?: turn)?"):
        return 90.0
    if clause.take(r"(?:a |by a )?half(?: turn)?"):
        return 180.0
    found = clause.take(rf"(?:by )?(-?){NUMBER}(?:deg)?")
    return float(found[1] + found[2]) if found else None


def read_flip(clause: Clause) -> Read:
    """Mirror along one axis or both."""
    if not clause.take(
        rf"(?:{MAKE} )?(?:flip|flipped|mirror|mirrored|mirroring|reflect)(?: picture)?"
    ):
        return None
    clause.take("over|around")
    axes: list[Operation] = []
    if clause.take(
        r"horizontally|horizontal|left to right|right to left|left right|sideways|left and right"
    ):
        axes.append(Flip("horizontal"))
    if clause.take(r"vertically|vertical|upside down|top to bottom|top and bottom"):
        axes.append(Flip("vertical"))
    clause.take("direction|axis|flip")
    return tuple(axes) or (Flip("horizontal"),)


def read_resize(clause: Clause) -> Read:
    """Resize to pixels, or by a factor."""
    grow = clause.take(
        rf"(?:{MAKE} )?(?:enlarged?|upscaled?|magnify|grow|scale up|blow up|increased?(?= (?:the |its |in )?(?:size|resolution|dimensions)))"
    )
    shrink = clause.take(
        rf"(?:{MAKE} )?(?:shrink|shrunk|downscaled?|downsized?|scale down|(?:reduced?|decreased?)(?= (?:(?:the|its|it|in) ){{0,2}}(?:size|dimensions|by|to)))"
    )
    plain = clause.take(rf"(?:{MAKE} )?(?:resized?|resizing|rescaled?|scaled?|double|triple|halve)")
    if not (grow or shrink or plain):
        return _made_larger(clause)
    clause.take(r"(?:down|up)")
    clause.take("size|dimensions|resolution")
    fit = _keeps_proportions(clause)
    sized = _pixels(clause, fit)
    if sized:
        return (sized,)
    factor = _factor(clause, plain[0] if plain else "", 1 if grow else -1 if shrink else 0)
    clause.take("size|dimensions|resolution")
    clause.take("original|current|it was")
    return (Scale(factor),) if factor else None


def _made_larger(clause: Clause) -> Read:
    """ "Make it twice as large", "make it 800 px wide", "half size", "smaller"."""
    clause.take(MAKE)
    sized = _pixels(clause, _keeps_proportions(clause))
    if sized:
        return (sized,)
    times = clause.take(
        rf"(half|twice|double|triple|{NUMBER}(?: times|x))(?: (?:as|the|its)){{0,2}} "
        r"(?:big|large|small|size|wide and high|larger|bigger)"
    )
    if times:
        clause.take("original|current")
        factor = float(times[2]) if times[2] else _TIMES[times[1]]
        return (Scale(1 / factor if "small" in times[0] else factor),) if factor else None
    by = clause.share()
    if clause.take("smaller"):
        return (Scale(1 - by if by else clause.strength(0.8, 0.5, 0.25)),)
    if clause.take("larger|bigger"):
        return (Scale(1 + by if by else clause.strength(1.25, 1.5, 2.0)),)
    return None


def _keeps_proportions(clause: Clause) -> bool:
    said = clause.take(
        r"(?:while |by )?(?:keep|keeping|preserve|preserving|maintain|maintaining|retaining)(?: (?:the|its))?"
        r"(?: original)? (?:aspect ratio|aspect|proportions|ratio)"
        r"|without (?:distorting|stretching|distortion|stretch)(?: it)?|proportionally"
    )
    within = clause.take(
        r"(?:fit(?:s|ting)?|be)?\s?(?:within|inside|into|at most|no more than|max(?:imum)?(?: of)?|up to)|fit"
    )
    return bool(said or within)


def _pixels(clause: Clause, fit: bool) -> Resize | None:
    both = clause.take(
        r"(\d{1,5})(?:px)? ?(?:wide )?(?:x|by) ?(\d{1,5})(?:px)?(?: px| high| tall)?"
    )
    if both and int(both[1]) and int(both[2]):
        return Resize(int(both[1]), int(both[2]), fit)
    wide = clause.take(
        r"(\d{1,5})(?:px)? (?:wide|in width|width|across)|(?:a )?width (?:of |to )?(\d{1,5})(?:px)?"
    )
    high = clause.take(
        r"(\d{1,5})(?:px)? (?:high|tall|in height|height)|(?:a )?height (?:of |to )?(\d{1,5})(?:px)?"
    )
    width = int(wide[1] or wide[2]) if wide else None
    height = int(high[1] or high[2]) if high else None
    if width or height:
        return Resize(width or None, height or None)
    longest = clause.take(
        r"(?:longe(?:st|r) (?:side|edge) )(?:is |of |to |at )?(\d{1,5})(?:px)?"
        r"|(\d{1,5})(?:px)? (?:on|at|along) (?:the|its) longe(?:st|r) (?:side|edge)"
    )
    side = int(longest[1] or longest[2]) if longest else 0
    return Resize(side, side, fit=True) if side else None


def _factor(clause: Clause, verb: str, direction: int) -> float | None:
    for word, factor in (("double", 2.0), ("triple", 3.0), ("halve", 0.5)):
        if verb.endswith(word):
            return factor
    named = clause.take(r"(?:by )?(half|double|twice|triple|a quarter|a third)(?: (?:of|the|its))*")
    if named:
        factor = {"a quarter": 0.25, "a third": 1 / 3}.get(named[1]) or _TIMES[named[1]]
        return 1.5 if direction > 0 and named[0] == "by half" else factor
    share = clause.take(rf"(by|to)? ?{NUMBER}%(?: (?:of|the|its))*")
    if share:
        part = float(share[2]) / 100
        return 1 + direction * part if share[1] == "by" and direction else part
    times = clause.take(rf"(?:by )?(?:a factor of )?{NUMBER}(?: times| ?x)?")
    if times:
        factor = float(times[1])
        return 1 / factor if direction < 0 and factor > 1 else factor
    return None
