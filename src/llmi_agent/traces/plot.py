"""What was counted of traces, as one picture."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError, UnavailableError
from llmi_agent.base.text import one_line
from llmi_agent.document.render.wording import plural
from llmi_agent.traces.exchange.whole import beside
from llmi_agent.traces.stats import Spread, Stats

FORMATS = (".png", ".svg")
MOST_ROWS = 16
"""Of one panel."""
_LEAST_ROWS = 4
_NAME, _MOST_TICKS = 28, 5
"""Characters of a name, and numbers below the axis of a panel that is narrow for long ones."""
_GOOD, _STAND_IN, _BAD, _OPEN, _POLICY, _INK = (
    "#2f7d51",
    "#8cc6a2",
    "#c0392b",
    "#d9dce2",
    "#7d3cc0",
    "#1b1e24",
)


def plot(found: Stats, path: Path) -> None:
    """Draw it to a file, as its name says PNG or SVG.

    Raises InputError for another name, UnavailableError if matplotlib is not installed, LlmiError if the file cannot be
    written.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path} is neither a .png nor a .svg: name the file so")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise UnavailableError(
            "a plot needs matplotlib: pip install 'llmi-agent[traces]'"
        ) from None
    # Names come from anywhere: none is a formula.
    style: Any = {
        "text.parse_math": False,
        "font.size": 9,
    }
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box
        figure = drawn(Figure(figsize=(11, 8), layout="constrained"), found)
        _save(figure, path)


def drawn(figure: Any, found: Stats) -> Any:
    """The figure, with a panel for each of what is counted."""
    # Each panel is a figure in the figure: only there, what stands beside the axes has room of its own.
    for panel, draw in zip(
        figure.subfigures(2, 2).flat, (_kinds, _times, _failures, _rewards), strict=True
    ):
        draw(panel, panel.subplots(), found)
    figure.suptitle(_title(found), fontsize=11)
    return figure


def _title(found: Stats) -> str:
    states = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    return f"{plural(found.runs, 'run')} ({states})" if states else "No runs"


def _save(figure: Any, path: Path) -> None:
    form = path.suffix.lower()[1:]
    plain = {"Date": None} if form == "svg" else {}
    with beside(path) as new:
        figure.savefig(new, dpi=150, format=form, metadata=plain)


def _kinds(panel: Any, axes: Any, found: Stats) -> None:
    """What became of the slots of each kind."""
    rows = sorted(found.kinds.items(), key=lambda each: -each[1].slots)
    names = [f"{kind} ({own.slots:,})" for kind, own in rows]
    parts = {
        "kept": ([own.kept - own.stood_in for _, own in rows], _GOOD),
        "kept, by a stand-in": ([own.stood_in for _, own in rows], _STAND_IN),
        "missing": ([own.missing for _, own in rows], _BAD),
        "no verdict": ([own.open for _, own in rows], _OPEN),
    }
    _stacked(panel, axes, names, parts)
    _name(panel, "Figures asked for, by kind")
    axes.set_xlabel("slots")


def _times(panel: Any, axes: Any, found: Stats) -> None:
    """How long each tool and model took: the middle half, the median, up to the 95th percentile."""
    spreads = {
        f"{tool}, {kind}": Spread.of(own.seconds) for (tool, kind), own in found.tools.items()
    } | {
        f"{model}, {purpose}": Spread.of(own.seconds)
        for (model, purpose), own in found.models.items()
    }
    from matplotlib.ticker import LogLocator

    _boxes(axes, spreads, "p95")
    what = "seconds (box: middle half; whiskers: least, 95th percentile)"
    _name(panel, "How long calls took", what)
    if any(each.count for each in spreads.values()):
        axes.set_xscale("log")
        least, most = axes.get_xlim()
        near = most < 300 * least
        ticks = LogLocator(subs=(1, 2, 5)) if near else LogLocator(numticks=_MOST_TICKS)
        axes.xaxis.set_major_locator(ticks)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")


def _failures(panel: Any, axes: Any, found: Stats) -> None:
    """Failed calls, by reason and who is to blame."""
    totals = Counter[str]()
    for (reason, _), count in found.failures.items():
        totals[reason] += count
    rows = [reason for reason, _ in totals.most_common()]
    parts = {
        "the policy": ([found.failures[reason, "policy"] for reason in rows], _POLICY),
        "the infrastructure": ([found.failures[reason, "infrastructure"] for reason in rows], _BAD),
    }
    _stacked(panel, axes, [f"{reason} ({totals[reason]:,})" for reason in rows], parts)
    _name(panel, "Failed calls of tools, by reason and who is to blame")
    axes.set_xlabel("calls")


def _rewards(panel: Any, axes: Any, found: Stats) -> None:
    """Rewards by component."""
    spreads = {
        ", ".join(part for part in (component, scope, profile, judge) if part): Spread.of(
            own.values
        )
        for (scope, component, profile, judge), own in found.rewards.items()
    }
    _boxes(axes, spreads, "most")
    _name(panel, "Rewards", "value (box: middle half; whiskers: least, most)")


def _name(panel: Any, title: str, what: str = "") -> None:
    """What is drawn, above it, and what its numbers are, below: in the middle of the panel, which is wider than its axes."""
    panel.suptitle(title, fontsize=10, fontweight="bold")
    if what:
        panel.supxlabel(what, fontsize=9)


def _stacked(
    panel: Any, axes: Any, names: Sequence[str], parts: Mapping[str, tuple[list[int], str]]
) -> None:
    names = [one_line(name, _NAME) for name in names[:MOST_ROWS]]
    if not names:
        _nothing(axes)
        return
    left = [0] * len(names)
    for label, (all_counts, colour) in parts.items():
        counts = all_counts[: len(names)]
        axes.barh(range(len(names)), counts, left=left, color=colour, label=label, height=0.65)
        left = [one + other for one, other in zip(left, counts, strict=True)]
    axes.set_yticks(range(len(names)), names)
    panel.legend(loc="outside lower center", ncols=len(parts), fontsize=8, frameon=False)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=_MOST_TICKS)
    _plain(axes, len(names))


def _boxes(axes: Any, spreads: Mapping[str, Spread], high: str) -> None:
    rows = [(name, each) for name, each in spreads.items() if each.count]
    rows = sorted(rows, key=lambda each: -each[1].count)[:MOST_ROWS]
    if not rows:
        _nothing(axes)
        return
    boxes = [
        {
            "label": f"{one_line(name, _NAME)} ({each.count:,})",
            "whislo": each.least,
            "q1": each.lower,
            "med": each.median,
            "q3": each.upper,
            "whishi": max(getattr(each, high), each.upper or 0.0),
            "fliers": [],
        }
        for name, each in rows
    ]
    axes.bxp(
        boxes,
        orientation="horizontal",
        positions=range(len(boxes)),
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": "#dce6f5", "edgecolor": _INK, "linewidth": 0.8},
        medianprops={"color": _BAD, "linewidth": 1.6},
    )
    axes.locator_params(axis="x", nbins=_MOST_TICKS)
    _plain(axes, len(boxes))


def _plain(axes: Any, rows: int) -> None:
    axes.set_ylim(max(rows, _LEAST_ROWS) - 0.5, -0.5)  # the first one on top, and none very thick
    axes.grid(axis="x", color="#e1e4ea", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "none", ha="center", va="center", color="#59606c", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
