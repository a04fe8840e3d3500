"""An empty place is one mistake, whichever command makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.cli.traces_options import place_of
from llmi_agent.records.overview import Chosen
from llmi_train.preferences.scored import scored
from llmi_train.rows import rows_of
from llmi_train.rows.faults import NothingToTrain


@pytest.mark.parametrize("read", [rows_of, scored])
def test_a_home_without_runs_is_named_with_the_way_to_another(
    read: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "none"))
    with pytest.raises(NothingToTrain, match="there is no run in ") as said:
        read(place_of(None))
    assert str(tmp_path / "none") in str(said.value)
    assert "--traces" in str(said.value)
    assert "LLMI_HOME" in str(said.value)
    with pytest.raises(NothingToTrain, match="there is no run of those that are asked for in "):
        read(place_of(None), chosen=Chosen(model="fox"))
