"""What all charts share: the loader on top, one palette, quiet axes, a title that says the finding."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING

from llmi_offline.phrases import label, plain

if TYPE_CHECKING:
    from llmi_offline.facts.study import Study

PALETTE = ("#2f5d8a", "#d08c3f", "#5b8f7b", "#b5533c", "#8a7aa6", "#a8a39a", "#c9a9a6", "#3f3f46")
BLUE, ORANGE, RED, GREY = "#2f5d8a", "#d08c3f", "#b5533c", "#8c8c8c"
_LOOK = (
    "sns.set_theme(style='ticks', font='DejaVu Sans', palette={palette!r}, rc={{\n"
    "    'axes.titlelocation': 'left', 'axes.titleweight': 'bold', 'axes.titlesize': 13,\n"
    "    'axes.titlepad': 14, 'axes.edgecolor': '#777777', 'axes.labelcolor': '#444444',\n"
    "    'xtick.color': '#555555', 'ytick.color': '#555555', 'grid.color': '#e6e6e6',\n"
    "    'figure.constrained_layout.w_pad': 0.12, 'figure.constrained_layout.h_pad': 0.12}})\n"
)
_FAMILIES = [
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans",
]
_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "DEVANAGARI", "THAI", "BENGALI", "TAMIL")
_TITLE_WIDTH = 64
_LARGE, _HUGE = 5000, 1e15


def axis(column: object, longest: int = 44) -> str:
    """A column's name on an axis."""
    return textwrap.shorten(plain(label(column)), longest, placeholder="…") or "value"


def chart(
    study: Study,
    title: str,
    body: str,
    *,
    size: str = "(9, 4.8)",
    numbers: dict[str, str] | None = None,
) -> str:
    """The whole code of one chart: `body` draws on `ax` and says its labels.

    `numbers` names the measure on an axis, so that large values get thousands separators;
    huge ones would be longer than the axis.
    """
    look = _LOOK.format(palette=list(PALETTE)) + _odd_letters(study, title)
    wrapped = textwrap.fill(title, _TITLE_WIDTH, break_on_hyphens=False)
    separators = [
        f"ax.{side}axis.set_major_formatter('{{x:,.0f}}')"
        for side, measure in (numbers or {}).items()
        if _LARGE <= study.frame[measure].abs().max() < _HUGE
    ]
    lines = [
        study.table.loader,
        "",
        look.rstrip(),
        f"fig, ax = plt.subplots(figsize={size}, layout='constrained')",
        textwrap.dedent(body).strip(),
        *separators,
        f"ax.set_title({wrapped!r})",
    ]
    return "\n".join(lines)


def _odd_letters(study: Study, title: str) -> str:
    """Settings that only unusual text needs: no TeX in dollars, fonts for more scripts."""
    frame = study.frame
    shown = [title, *map(str, frame.columns)]
    for column in study.roles.groups + study.roles.labels:
        shown += map(str, frame[column].iloc[:5000].dropna().unique()[:200])
    text = "".join(shown)
    lines = "plt.rcParams['text.parse_math'] = False\n" if "$" in text else ""
    if any(unicodedata.name(letter, "").startswith(_SCRIPTS) for letter in set(text)):
        lines += f"plt.rcParams['font.family'] = {_FAMILIES!r}\n"
    return lines
