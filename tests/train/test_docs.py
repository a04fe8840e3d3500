"""The page on training prompts says what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from llmi_agent.runner.prompt_line import KEYS
from llmi_train.cli import llmi_train, main
from llmi_train.prompts.findings import FAULTS, NOTICES
from llmi_train.prompts.near import THRESHOLD
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.writing import COLUMNS, ENDINGS

PAGE = (Path(__file__).parents[2] / "docs" / "training_prompts.md").read_text(encoding="utf-8")


def table(head: str) -> dict[str, str]:
    """The rows of the table with this first cell of its head."""
    rows = PAGE.split(f"| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return {
        cells[0].strip(" `"): cells[1].strip() for cells in (r.strip("|").split("|") for r in rows)
    }


def test_fields_keys_and_columns() -> None:
    assert [*table("field")] == [each.name for each in fields(TrainingPrompt)]
    assert {*table("key")} == {*KEYS}
    assert [*table("column")] == [*COLUMNS]
    extra = COLUMNS["extra_info"]
    assert isinstance(extra, dict)
    assert all(f"`{each}`" in table("column")["extra_info"] for each in extra)
    assert all(f"`{each}`" in PAGE for each in ENDINGS if each != ".parquet")


def test_findings() -> None:
    assert table("fault") == FAULTS
    assert table("notice") == NOTICES


def test_commands_and_options() -> None:
    context = click.Context(llmi_train)
    prompts = llmi_train.get_command(context, "prompts")
    assert isinstance(prompts, click.Group)
    for name, command in prompts.commands.items():
        assert f"`llmi-train prompts {name}" in PAGE
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name not in ("help", "verbose"):
                assert parameter.opts[0] in PAGE, (name, parameter.opts)
    assert f"share {THRESHOLD} (" in PAGE


def test_the_commands_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.jsonl").write_text('"Describe the harbour of Bergen to its visitors."\n')
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    commands = [line.split()[1:] for line in block.splitlines() if line.startswith("llmi-train")]
    assert len(commands) == 4
    assert [main(each) for each in commands] == [0] * 4
