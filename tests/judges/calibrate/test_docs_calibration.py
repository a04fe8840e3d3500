"""docs/calibration.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from llmi_agent.cli.judge import calibrate
from llmi_agent.judges.calibrate import Thresholds
from llmi_agent.judges.calibrate.collection import SEEN
from llmi_agent.judges.calibrate.faults import WAYS
from llmi_agent.judges.calibrate.topics import topics
from llmi_agent.judges.calibrate.versions import MAKERS

PAGE = (Path(__file__).parents[3] / "docs" / "calibration.md").read_text(encoding="utf-8")


def test_every_option_is_explained() -> None:
    for parameter in calibrate.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("help", "verbose"):
            assert parameter.opts[0] in PAGE


def test_the_thresholds_are_those_of_the_page() -> None:
    for name, default in Thresholds().model_dump().items():
        assert re.search(rf"`{name}`,? \(?{default}\b", PAGE), name


def test_every_version_and_every_way_is_named() -> None:
    for name in MAKERS:
        assert re.search(rf"^\| (.*, )?{name}(, .*)? \|", PAGE, re.MULTILINE), name
    said = " ".join(PAGE.split())
    assert [way.name for way in WAYS if way.name.split(" ", 1)[-1] not in said] == []
    assert len(topics()) == 15 == len(WAYS)


@pytest.mark.parametrize("component", SEEN)
def test_what_is_demanded_is_in_the_table(component: str) -> None:
    (row,) = re.findall(rf"^\| `{component}`.*", PAGE, re.MULTILINE)
    of_good = [worse for better, worse in SEEN[component] if better == "good"]
    assert f"| {', '.join(of_good)} |" in row
    others = [f"{better} > {worse}" for better, worse in SEEN[component] if better != "good"]
    assert all(each in row for each in others)
    assert row.count(">") == len(others)
