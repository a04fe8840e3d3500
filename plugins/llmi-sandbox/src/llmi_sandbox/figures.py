"""From open matplotlib figures to PNG files; runs in the worker, after the policy's code."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from llmi_sandbox import glyphs
from llmi_sandbox.job import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8
"""Figures of one run that are kept."""
_PIXELS = 12_000_000
_MISSING = re.compile(r"Glyph (\d+) ")


def save_open(folder: Path) -> Report:
    """Save every open figure in which something is drawn, in order."""
    from matplotlib import pyplot

    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    drawn = [figure for figure in figures if not _is_empty(figure)]
    names, unshown = [], ""
    for place, figure in enumerate(drawn[:MOST], start=1):
        names.append(f"figure-{place}.png")
        unshown += _save(figure, folder / names[-1])
    kept = "".join(dict.fromkeys(unshown))
    return Report(figures=names, empty=len(figures) - len(drawn), unshown=kept)


def write(figure: Figure, target: Path | IO[bytes]) -> str:
    """Write the figure as a PNG; returns the characters that none of its fonts has."""
    width, height = figure.get_size_inches()
    dpi = min(figure.dpi, (_PIXELS / max(width * height, 1e-9)) ** 0.5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", "Glyph")
        figure.savefig(target, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.15)
    found = (_MISSING.match(str(warning.message)) for warning in caught)
    return "".join(dict.fromkeys(chr(int(match[1])) for match in found if match))


def _save(figure: Figure, path: Path) -> str:
    """As `write`, after a second try with other installed fonts if characters are missing."""
    _tidy(figure)
    missing = write(figure, path)
    if missing and (fonts := glyphs.fonts_with(missing)):
        glyphs.fall_back(figure, fonts)
        missing = write(figure, path)
    return missing


def _is_empty(figure: Figure) -> bool:
    """Nothing was plotted in it, though it may have axes; their titles alone are no chart."""
    own = (figure.texts, figure.images, figure.lines, figure.patches, figure.artists)
    inside = (*figure.subfigs, *figure.axes)
    return not any(own) and all(
        _is_bare(each) if hasattr(each, "has_data") else _is_empty(each)  # type: ignore[arg-type]
        for each in inside
    )


def _is_bare(axes: Axes) -> bool:
    return not (axes.has_data() or axes.texts or axes.tables or axes.artists or axes.child_axes)


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
