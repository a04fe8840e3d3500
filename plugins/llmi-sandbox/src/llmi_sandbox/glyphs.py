"""Characters that the figure's fonts lack, found in the other fonts that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ENOUGH = 4
"""Fonts that one figure falls back on: one for each of as many scripts."""


def fonts_with(characters: str) -> list[str]:
    """The families of as few installed fonts as have most of the characters, best first."""
    found: list[str] = []
    left = set(map(ord, characters))
    owned = _owned(left)
    while left and owned and len(found) < _ENOUGH:
        best = max(owned, key=lambda name: len(owned[name] & left))
        if not owned[best] & left:
            break
        left -= owned.pop(best)
        found.append(best)
    return found


def fall_back(figure: Figure, families: list[str]) -> None:
    """Let every text of the figure look for its characters in these families too."""
    import matplotlib
    from matplotlib.text import Text

    matplotlib.rcParams["font.family"] = [*matplotlib.rcParams["font.family"], *families]
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_fontfamily([*text.get_fontfamily(), *families])


def _owned(codes: set[int]) -> dict[str, set[int]]:
    """By family, those of the characters that its upright regular face has."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    owned: dict[str, set[int]] = {}
    for entry in fontManager.ttflist:
        if entry.style != "normal" or entry.weight not in (400, "normal", "regular"):
            continue
        if entry.name in owned or entry.name.startswith("Last Resort"):
            continue
        try:
            index = getattr(entry, "index", 0)
            font = FT2Font(entry.fname, face_index=index) if index else FT2Font(entry.fname)
        except (OSError, RuntimeError):  # removed since, or not for FreeType (colour emoji)
            continue
        owned[entry.name] = {code for code in codes if font.get_char_index(code)}
    return owned
