"""Reads clauses that cut: crop to a ratio, size or region; trim edges."""

from __future__ import annotations

from typing import cast

from llmi_edit.clause import MAKE, Clause
from llmi_edit.geometry import Anchor, CropRatio, CropRegion, CropSize, Edge, Trim
from llmi_edit.read_places import SHARES, read_region
from llmi_edit.values import Length, Operation
from llmi_edit.wording import NUMBER, NotUnderstood

Read = tuple[Operation, ...] | None
_RATIOS = {
    r"square": (1, 1),
    r"wide ?screen": (16, 9),
    r"panorama|panoramic": (21, 9),
    r"cinematic|cinema": (21, 9),
    r"banner": (3, 1),
    r"landscape": (3, 2),
    r"portrait": (2, 3),
}
_SMALL = r"\d{1,2}(?:\.\d{1,2})?"
_MOST = 20
_PART = rf"(half|third|quarter|2 thirds|3 quarters|{NUMBER}%)"
_ALL_EDGES: frozenset[Edge] = frozenset(("left", "top", "right", "bottom"))


def read_crop(clause: Clause) -> Read:
    """Crop to a ratio, a size, or a region; zoom in on a region."""
    zoom = clause.take(r"zoom(?:ed|ing)?(?: in)?")
    crop = clause.take(rf"(?:{MAKE} )?(?:crop|cropped|cropping|cut|trim)(?: (?:down|in))?")
    if not zoom and not crop:
        return _bare_ratio(clause)
    clause.take("down|tightly|into")
    operation = _ratio(clause) or _size(clause)
    if operation:
        return (operation,)
    if not zoom and not clause.take("to|keep|keeping|show|showing|around"):
        _refuse_ambiguous(clause)
    clause.take("only|show|showing|keep")
    clause.take("only")
    region = read_region(clause, vague=1 / 2)
    return (CropRegion(region),) if region else None


def read_trim(clause: Clause) -> Read:
    """Cut strips off the edges: "cut 10% off the top", "remove the left third"."""
    verb = clause.take(r"(?:crop|cut|trim|shave|slice|chop|remove|take)(?: (?:off|out|away))?")
    if not verb:
        return None
    part = clause.take(rf"(left|right|top|bottom) {_PART}(?: strip| band)?")
    length = _share(part[2]) if part else _strip_width(clause)
    off = clause.take("off|away|from")
    loses = verb[0].endswith(("off", "out", "away"))
    loses = loses or verb[0].startswith(("remove", "take", "chop", "shave", "slice", "trim"))
    if length is None or not (off or loses):
        return None
    clause.take("off|away|from")
    edges = frozenset({cast("Edge", part[1])}) if part else _edges(clause)
    return (Trim(length, edges),) if edges else None


def _bare_ratio(clause: Clause) -> Read:
    """As in "make it square", or "a 16:9 version"."""
    if not clause.take(MAKE) and not clause.has("version|format"):
        return None
    ratio = _ratio(clause)
    return (ratio,) if ratio else None


def _ratio(clause: Clause) -> CropRatio | None:
    sides = _said_ratio(clause) or _named_ratio(clause)
    if not sides:
        return None
    clause.take("aspect ratio|aspect|ratio|proportions")
    clause.take("shape|format|frame|version|orientation|crop|size")
    clause.take("perfect|standard|classic")
    width, height = sides
    if not (1 / _MOST <= width / max(height, 1e-9) <= _MOST):
        raise NotUnderstood(f"the ratio {width:g}:{height:g} is not one that a picture can have")
    return CropRatio(width, height, _anchor(clause))


def _said_ratio(clause: Clause) -> tuple[float, float] | None:
    """In figures: "16:9"; also "16x9" and "16 by 9", if the numbers are too small for pixels."""
    found = clause.take(rf"{NUMBER} ?: ?{NUMBER}") or clause.take(
        rf"({_SMALL}) ?(?:x|by) ?({_SMALL})(?!px)"
    )
    if not found:
        return None
    clause.take("widescreen|wide|panorama|panoramic|portrait|landscape|square|cinematic")
    return float(found[1]), float(found[2])


def _named_ratio(clause: Clause) -> tuple[int, int] | None:
    return next((sides for name, sides in _RATIOS.items() if clause.take(name)), None)


def _anchor(clause: Clause) -> Anchor:
    found = clause.take(
        r"(?:(?:aligned|anchored) (?:to|at) the|from the|(?:at|on|around|about) the|(?:and )?keep(?:ing)? the"
        r"|centred (?:at|on|around) the) (left|right|top|bottom|centre)(?: side| part)?"
    )
    if not found:
        clause.take("centred")
        return "centre"
    return cast("Anchor", found[1])


def _size(clause: Clause) -> CropSize | None:
    found = clause.take(r"(\d{1,5})(?:px)? ?(?:x|by) ?(\d{1,5})(?:px)?")
    if not found or not int(found[1]) or not int(found[2]):
        return None
    clause.take("px")
    clause.take("size|centred")
    return CropSize(int(found[1]), int(found[2]))


def _refuse_ambiguous(clause: Clause) -> None:
    if clause.has(rf"(?:left|right|top|bottom) {_PART}"):
        # "Crop the top 10%" may keep it or cut it, and the two are opposites.
        raise NotUnderstood("say 'crop to' the part to keep, or 'cut off' the part to lose")


def _strip_width(clause: Clause) -> Length | None:
    found = clause.take(rf"(?:by )?{NUMBER}(%|px)(?: strip| band)?(?: of)?")
    if not found:
        return None
    return Length(float(found[1]), "%" if found[2] == "%" else "px")


def _share(part: str) -> Length:
    """Of a part as `_PART` matches it."""
    return Length(float(part[:-1]) if part.endswith("%") else 100 * SHARES[part], "%")


def _edges(clause: Clause) -> frozenset[Edge]:
    if clause.take(r"(?:each|every|all|all 4|all the|both) (?:sides?|edges?)|all around"):
        return _ALL_EDGES
    named = clause.take_all(r"(left|right|top|bottom)(?: (?:side|edge)s?)?")
    plural = clause.take("sides|edges")
    if plural and not named:
        return _ALL_EDGES
    return frozenset(cast("Edge", found[1]) for found in named)
