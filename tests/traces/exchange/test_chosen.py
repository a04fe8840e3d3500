"""The same traces are chosen from an exported file as from a journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from llmi_agent.contract.tool import REASONS
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import overviews, traces
from llmi_agent.traces.exchange.exporting import export


@pytest.fixture(scope="module")
def exported(runs: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("exported")
    paths = [folder / "a.jsonl", folder / "b.parquet"]
    for path in paths:
        export(traces(runs.root), path, pictures="none")
    return paths


@st.composite
def choices(draw: st.DrawFn, times: list[float], names: list[str]) -> Chosen:
    """One or two conditions, so that some of them hold for something."""
    values: dict[str, Any] = {
        "since": st.sampled_from(times),
        "until": st.sampled_from(times),
        "model": st.sampled_from(["SCRIPT", "sampl", "nobody's", "%"]),
        "kind": st.sampled_from(["search", "code", "edit", "none"]),
        "failure": st.sampled_from([*REASONS, "model"]),
        "state": st.sampled_from(["done", "open", "halted"]),
        "split": st.sampled_from(["train", "", "test"]),
        "group": st.sampled_from(["a-group", "other"]),
        "text": st.sampled_from(["HARBOURS", "again", "שלום", "_"]),
        "rewarded": st.booleans(),
        "component": st.sampled_from(["total", "taste", "nothing"]),
        "least": st.sampled_from([0.1, 0.25, 0.5, 2.0]),
        "most": st.sampled_from([0.1, 0.25, 0.5, 2.0]),
        "episode": st.sampled_from([each[:3] for each in names]),
    }
    fields = draw(st.lists(st.sampled_from(sorted(values)), unique=True, max_size=2))
    return Chosen(**{name: draw(values[name]) for name in fields})


@given(data=st.data())
@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_chosen_is_the_same_wherever_it_is(
    runs: Any, exported: list[Path], data: st.DataObject
) -> None:
    known = list(journal_beside(runs.store).overviews(oldest=True))
    chosen = data.draw(choices([each.began for each in known], [each.episode for each in known]))
    there = [each.episode for each in traces(runs.root, chosen)]
    for path in exported:
        assert sorted(each.episode for each in traces(path, chosen)) == sorted(there), chosen
    rows = {
        each.episode: each._replace(stale=False, number=0) for each in overviews(runs.root, chosen)
    }
    for each in overviews(exported[0], chosen):
        assert each._replace(stale=False, number=0) == rows[each.episode]
