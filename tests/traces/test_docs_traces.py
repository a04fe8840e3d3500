"""The page on traces: its lines run as they stand, and its tables are the columns that there are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.records.overview import Overview
from llmi_agent.traces.exchange.exporting import KINDS
from llmi_agent.traces.exchange.form import COLUMNS
from llmi_agent.traces.exchange.training import columns

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")


def snippet(language: str) -> str:
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def table(before: str) -> list[str]:
    """The names in the first column of the table after these words."""
    rows = PAGE.split(before, 1)[1].split("|---|---|", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)


def struct(name: str) -> dict[str, Any]:
    (form,) = COLUMNS[name]
    assert isinstance(form, dict)
    return form


def test_what_a_list_says_of_a_run_is_explained() -> None:
    fields = [each for each in Overview._fields if each not in ("number", "stale")]
    assert table("`llmi traces ls --json`") == [{"grp": "group"}.get(each, each) for each in fields]


def test_from_a_run_to_an_export_in_ten_lines(tmp_path: Path) -> None:
    lines = snippet("sh")
    assert len(lines.splitlines()) == 10
    where = {
        "LLMI_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=where,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    done = run("sh", "-ec", lines)
    assert "1 new run, 0 completed, 0 here already, 0 refused" in done.stdout
    assert "1 run checked: 0 errors" in done.stdout
    assert "an answer of a program, which is no language model's" in done.stderr
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1
    assert not (tmp_path / "answers.jsonl").read_text()
    assert len(list((tmp_path / "trajectories").glob("*.json"))) == 1
    said = run(sys.executable, "-W", "error", "-c", snippet("python")).stdout.splitlines()
    assert len(said) == 3
    assert re.fullmatch(r"Ships of the port \d+ \d+ 0\.0 .+", said[0])
    assert said[1] == "1 1 0"
    assert said[2] == "[('total', 1.0, True)]"


@pytest.mark.parametrize("name", ["calls", "slots", "rewards", "pictures"])
def test_each_list_has_its_fields_on_the_page(name: str) -> None:
    assert table(f"`{name}`, a list:") == list(struct(name))


def test_each_column_is_on_the_page() -> None:
    assert table("### Parquet and JSON lines") == list(COLUMNS)
    for within, parent in (
        ("attempts", struct("slots")),
        ("attachments", COLUMNS),
        ("records", COLUMNS),
    ):
        (row,) = re.findall(rf"^\| `{within}` \|(.*)\|$", PAGE, re.MULTILINE)
        (inner,) = parent[within]
        assert isinstance(inner, dict)
        for name in inner:
            assert f"`{name}`" in row, name


def of_forms() -> Iterator[tuple[str, list[str]]]:
    rows = PAGE.split("### For trainers", 1)[1].split("|---|---|", 1)[1].split("\n\n", 1)[0]
    for form, said in re.findall(r"^\| (.+?) \| (.+) \|$", rows, re.MULTILINE):
        yield form, re.findall(r"`(\w+)`", said)


def test_each_form_has_its_columns_on_the_page() -> None:
    said = dict(of_forms())
    for form in ("sft", "dpo", "kto", "llm-i"):
        assert said[f"`{form}`"] == list(columns(form, tokens=False, images=False))
    assert said["`sft` with `--tokens`"] == list(columns("sft", tokens=True, images=False))


def test_every_form_is_on_the_page() -> None:
    rows = PAGE.split("## What is exported", 1)[1].split("|---|---|---|", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `([\w-]+)` \|", rows, re.MULTILINE) == list(KINDS)
