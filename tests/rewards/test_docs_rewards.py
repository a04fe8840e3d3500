"""The page on rewards: its example runs and prints what it says, and its tables are what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmi_agent.rewards import PROFILES, Profile
from llmi_agent.rewards.profile import OWN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rewards.md").read_text(encoding="utf-8")


def snippet(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def table(head: str) -> list[list[str]]:
    """The cells of the table with this first cell."""
    _, _, rest = PAGE.partition(f"| {head} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_example_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet("python")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == snippet("text"), done.stderr


def test_every_setting_is_explained_with_its_default() -> None:
    rows = {cells[0].strip("`"): cells[1] for cells in table("setting")}
    assert [*rows] == [*Profile.model_fields]
    for name, field in Profile.model_fields.items():
        said = {"weights": "as above", "picture_weights": "1 each"}.get(name)
        default = str(field.default)
        assert rows[name] == (said or {"True": "true", "False": "false"}.get(default, default))


def test_every_profile_is_there_with_its_weights() -> None:
    rows = table("profile")
    assert [cells[0].strip("`") for cells in rows] == [*PROFILES]
    for name, form, *weights in rows:
        profile = PROFILES[name.strip("`")]
        assert form == profile.form
        said = {c: float(w) for c, w in zip(OWN, weights, strict=True) if w != "-"}
        assert said == profile.weights


@pytest.mark.parametrize("component", OWN)
def test_every_component_is_explained(component: str) -> None:
    assert component in [cells[0].strip("`") for cells in table("component")]
