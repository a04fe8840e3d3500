"""What was counted, as a picture."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError, LlmiError, UnavailableError
from llmi_agent.contract.picture_header import picture_size
from llmi_agent.records.journal import journal_beside
from llmi_agent.traces.choosing import traces
from llmi_agent.traces.places import InJournal
from llmi_agent.traces.plot import plot
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
