"""From open matplotlib figures to PNG files; runs in the child, after the policy's code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmi_sandbox.style import fallback_fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 8
"""Figures of one run that are kept."""
_PIXELS = 12_000_000


def save_open(folder: Path) -> list[str]:
    """Save every open figure that has something in it, in order; returns the files' names."""
    from matplotlib import pyplot

    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    drawn = [figure for figure in figures if not _is_empty(figure)] or figures
    return [_save(figure, folder, place) for place, figure in enumerate(drawn[:MOST], start=1)]


def _is_empty(figure: Figure) -> bool:
    """As left behind by `plt.figure()` before a library that opens a figure of its own."""
    return len(figure.get_children()) <= 1


def _save(figure: Figure, folder: Path, place: int) -> str:
    name = f"figure-{place}.png"
    _complete_fonts(figure)
    _tidy(figure)
    width, height = figure.get_size_inches()
    dpi = min(figure.dpi, (_PIXELS / max(width * height, 1e-9)) ** 0.5)
    figure.savefig(folder / name, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.15)
    return name


def _complete_fonts(figure: Figure) -> None:
    """Let every text fall back on installed fonts, whatever fonts the code asked for."""
    import matplotlib
    from matplotlib.text import Text

    fallback = fallback_fonts()
    matplotlib.rcParams["font.family"] = [*matplotlib.rcParams["font.family"], *fallback]
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_fontfamily([*text.get_fontfamily(), *fallback])


def _tidy(figure: Figure) -> None:
    """Keep the labels of several plots apart, unless the code arranged the figure itself."""
    import matplotlib

    usual: Any = matplotlib.rcParams
    arranged = any(
        getattr(figure.subplotpars, side) != usual[f"figure.subplot.{side}"]
        for side in ("left", "right", "bottom", "top", "wspace", "hspace")
    )
    if len(figure.axes) > 1 and figure.get_layout_engine() is None and not arranged:
        figure.tight_layout()
