"""Labels in scripts that the usual fonts lack: another installed font lends its characters."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure

from llmi_sandbox import figures, glyphs


def _font(path: Path, name: str, characters: str) -> None:
    """A font that draws a square for each of the characters."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for point in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(point)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"c{ord(each)}" for each in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(each): f"c{ord(each)}" for each in characters})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # only matplotlib's own, whatever this machine has: an installed font may have the characters too
    data = Path(matplotlib.get_data_path())
    own = [
        each for each in font_manager.fontManager.ttflist if Path(each.fname).is_relative_to(data)
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    for name, characters in (("Few", "中"), ("More", "中国人"), ("Other", "한")):
        _font(tmp_path / f"{name}.ttf", name, characters)
        font_manager.fontManager.addfont(tmp_path / f"{name}.ttf")
    yield
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]


def test_as_few_fonts_as_have_the_characters(fonts: None) -> None:
    assert glyphs.fonts_with("中人한") == ["More", "Other"]
    assert glyphs.fonts_with("\U000f0123") == []


def test_a_figure_falls_back_on_them_and_tells_what_is_still_missing(fonts: None) -> None:
    figure = Figure()
    figure.subplots().set_title("中国 and 한\U000f0123", fontfamily="serif")
    assert figures.write(figure, io.BytesIO()) == "中国한\U000f0123"
    glyphs.fall_back(figure, glyphs.fonts_with("中国한"))
    assert figures.write(figure, io.BytesIO()) == "\U000f0123"
