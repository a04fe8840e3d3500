"""A font that has the letters of a text: Pillow's own, or one of the system's."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

from llmi_edit.values import EditError

Font = ImageFont.FreeTypeFont

_SYSTEM = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansBengali-Regular.ttf",
    "NotoSansTamil-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansGeorgian-Regular.ttf",
    "NotoSansArmenian-Regular.ttf",
    "NotoSansSymbols2-Regular.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "arialuni.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "seguisym.ttf",
)
_NO_GLYPH = "\U0010fffe"
_PROBE = 24


def font_for(text: str) -> str | None:
    """The file of a font with every letter of `text`; None is Pillow's own.

    Raises EditError if there is none on this machine: boxes in place of letters help nobody.
    """
    letters = {letter for letter in text if not _is_invisible(letter)}
    for name in (None, *_SYSTEM):
        if all(_has(name, letter) for letter in sorted(letters)):
            return name
    shown = " ".join(sorted(letters)[:12])
    raise EditError(f"no font on this machine has all the letters of the text ({shown})")


@lru_cache(maxsize=64)
def sized(name: str | None, size: int) -> Font:
    """The font at `size` pixels. Raises OSError if the system lacks it."""
    if name is None:
        font = ImageFont.load_default(size)
        assert isinstance(font, Font), "Pillow is built without FreeType"
        return font
    return ImageFont.truetype(name, size)


@lru_cache(maxsize=4096)
def _has(name: str | None, letter: str) -> bool:
    missing = _outline(name, _NO_GLYPH)
    return missing is not None and _outline(name, letter) != missing


@lru_cache(maxsize=4096)
def _outline(name: str | None, letter: str) -> bytes | None:
    try:
        font = sized(name, _PROBE)
    except OSError:
        return None
    mask = font.getmask(letter)
    return bytes(str(mask.size), "ascii") + bytes(mask)


def _is_invisible(letter: str) -> bool:
    """Spaces, controls and joiners, and marks, which no font shows alone."""
    return unicodedata.category(letter)[0] in "ZCM"
