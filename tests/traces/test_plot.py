"""What was counted, as a picture."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError, LlmiError, UnavailableError
from llmi_agent.contract.picture_header import picture_size
from llmi_agent.records.journal import journal_beside
from llmi_agent.traces.choosing import traces
from llmi_agent.traces.places import InJournal
from llmi_agent.traces.plot import drawn, plot
from llmi_agent.traces.stats import Stats, stats


def test_a_picture_is_drawn_of_anything(runs: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = stats(traces(InJournal(journal_beside(runs.store), runs.store)))
    found.tools["$x^{$ 港口 \x1b", "no_{such"].seconds.append(0.0)
    found.failures = Counter({("quota$", "policy"): 2})
    for name, start in (("a.png", b"\x89PNG"), ("b.svg", b"<?xml")):
        plot(found, tmp_path / "new" / name)
        assert (tmp_path / "new" / name).read_bytes().startswith(start)
    assert picture_size((tmp_path / "new" / "a.png").read_bytes()) == (1650, 1200)
    plot(Stats(), tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 1000


def many(long: bool) -> Stats:
    """With as much in each panel as there can be."""
    found = Stats(runs=9_999, states=Counter({"done": 9_000, "halted": 998, "open": 1}))
    for number in range(20):
        name = f"{'a_very_long_name_of_a_tool_' * long}{number}"
        kind = found.kinds[name]
        kind.slots, kind.kept, kind.stood_in, kind.missing = 1_000_000, 700_000, 1, 300_000
        found.tools[name, "search"].seconds.extend([0.0004 * (number + 1), 3.0, 9_000.0])
        found.failures[name, "policy"] = found.failures[name, "infrastructure"] = 123_456
        found.rewards["episode", name, "profile", "a/judge"].values.extend([-1e-9, 0.5, 1e9])
    return found


@pytest.mark.parametrize("how", ["runs", "long", "many", "none"])
def test_nothing_is_cut_and_nothing_lies_on_what_is_drawn(how: str, runs: Any) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    counted = many(how == "long") if how in ("long", "many") else Stats()
    if how == "runs":
        counted = stats(traces(InJournal(journal_beside(runs.store), runs.store)))
    figure = drawn(figures.Figure(figsize=(11, 8), layout="constrained"), counted)
    figure.draw_without_rendering()
    whole = figure.bbox.padded(1)
    panels = figure.subfigs
    for panel in panels:
        (axes,) = panel.axes
        data = axes.get_window_extent()
        assert data.width > 100
        assert data.height > 80
        named = panel._supxlabel or axes.xaxis.label
        beside = [*panel.legends, *axes.get_yticklabels(), panel._suptitle, named]
        boxes = [each.get_window_extent() for each in beside]
        for box in boxes:
            assert panel.bbox.x0 - 1 <= box.x0 <= box.x1 <= panel.bbox.x1 + 1
            assert whole.y0 <= box.y0 <= box.y1 <= whole.y1
            assert not data.padded(-1).overlaps(box)
        below = [each.get_window_extent() for each in (*panel.legends, named)]
        assert len(below) < 2 or not below[0].overlaps(below[1])
        ticks = [each.get_window_extent() for each in axes.get_xticklabels() if each.get_text()]
        shown = [each for each in ticks if data.x0 - 1 <= (each.x0 + each.x1) / 2 <= data.x1 + 1]
        assert not any(one.overlaps(other) for one, other in pairwise(shown))


def test_what_cannot_be_drawn_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"neither a [.]png nor a [.]svg"):
        plot(Stats(), tmp_path / "a.pdf")
    (tmp_path / "file").touch()
    if "matplotlib" in sys.modules:
        with pytest.raises(LlmiError, match="cannot write"):
            plot(Stats(), tmp_path / "file" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UnavailableError, match=r"pip install 'llmi-agent\[traces\]'"):
        plot(Stats(), tmp_path / "a.png")
