"""Reads where something is: regions, and places for a caption."""

from __future__ import annotations

from typing import Literal

from llmi_edit.clause import Clause
from llmi_edit.values import Length, Region
from llmi_edit.wording import NUMBER

SHARES = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "2 thirds": 2 / 3, "3 quarters": 3 / 4}
_CORNERS = {"half": 1 / 2, "quarter": 1 / 2, "quadrant": 1 / 2, "third": 1 / 3}
_PART = rf"(half|third|quarter|2 thirds|3 quarters|{NUMBER}%)"
_TAIL = r"(?: (?:part|area|side|region|portion|section))?(?: of)?"


def read_region(clause: Clause, vague: float = 1 / 3) -> Region | None:
    """Take the first region that the clause names. A mere "centre" or "corner" has `vague` sides."""
    return (
        _coordinates(clause) or _corner(clause, vague) or _strip(clause) or _centre(clause, vague)
    )


def _coordinates(clause: Clause) -> Region | None:
    edge = rf"{NUMBER} ?(%|px)?"
    found = clause.take(rf"(?:from )?\[{edge} {edge} {edge} {edge}\s?\]")
    if not found:
        return None
    clause.take("region|area|rectangle|part")
    unit: Literal["px", "%"] = "%" if "%" in found[0] else "px"
    left, top, right, bottom = (Length(float(found[group]), unit) for group in (1, 3, 5, 7))
    return Region(left, top, right, bottom, f"the region {left},{top} to {right},{bottom}")


def _corner(clause: Clause, vague: float) -> Region | None:
    found = clause.take(
        r"(top|bottom) (left|right)(?: (corner|quarter|quadrant|third|half))?" + _TAIL
    )
    if not found:
        return None
    down, across, part = found[1], found[2], found[3] or "corner"
    share = _CORNERS.get(part, vague)
    left, right = (0.0, share) if across == "left" else (1 - share, 1.0)
    top, bottom = (0.0, share) if down == "top" else (1 - share, 1.0)
    return Region.of_shares(left, top, right, bottom, f"the {down} {across} {part}")


def _strip(clause: Clause) -> Region | None:
    """A band along an edge, or through the centre: the left third, the top 20%, the centre half."""
    found = clause.take(rf"(left|right|top|bottom|centre) {_PART}{_TAIL}")
    if not found:
        found = clause.take(r"(left|right|top|bottom) (?:side|part|area|portion)(?: of)?")
        return _along(found[1], 1 / 2, f"the {found[1]} half") if found else None
    side, part = found[1], found[2]
    share = min(1.0, float(found[3]) / 100) if found[3] else SHARES[part]
    if side == "centre" and found[3]:
        return _centred(share, share, f"the centre {part}")
    return _along(side, share, f"the {side} {part}")


def _centre(clause: Clause, vague: float) -> Region | None:
    if not clause.take(rf"centre{_TAIL}"):
        return None
    return _centred(vague, vague, "the centre")


def _along(side: str, share: float, name: str) -> Region:
    edges = {
        "left": (0.0, 0.0, share, 1.0),
        "right": (1 - share, 0.0, 1.0, 1.0),
        "top": (0.0, 0.0, 1.0, share),
        "bottom": (0.0, 1 - share, 1.0, 1.0),
    }
    return Region.of_shares(*edges[side], name) if side in edges else _centred(share, 1.0, name)


def _centred(across: float, down: float, name: str) -> Region:
    left, top = (1 - across) / 2, (1 - down) / 2
    return Region.of_shares(left, top, 1 - left, 1 - top, name)
