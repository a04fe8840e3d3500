"""The options of a recipe are the command's, in kind and in bounds, and its flags overrule them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmi_train.cli import main

from .conftest import Write


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main(["plan", *arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_is_said_besides_goes_before_it(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(
        'step-rows = 16\nlr = 1e-3\nrecompute = true\nreport-to = ["tensorboard", "wandb"]\n'
    )
    plan = planned(capsys, name, "--lr=2e-3", "--epochs", "2")
    said = plan["options"]
    assert (said["step-rows"], said["lr"], said["epochs"], said["recompute"]) == (16, 2e-3, 2, True)
    assert said["report-to"] == ["tensorboard", "wandb"]
    assert plan["besides"] == ["epochs", "lr"]
    assert plan["trainer"] == ["llmi-train sft --recipe mine.toml --lr=2e-3 --epochs 2"]


FAULTS = {
    "step_rows = 8": "`llmi-train sft` has no 'step_rows'; did you mean 'step-rows'?",
    "loss = \"gspo\"": "`llmi-train sft` has no 'loss'",
    "recipe = \"tiny\"": "has no 'recipe'",
    "json = true": "has no 'json'",
    "step-rows = true": "options.step-rows is True, and takes a whole number",
    "step-rows = 8.5": "options.step-rows is 8.5, and takes a whole number",
    "step-rows = \"8\"": "options.step-rows is '8', and takes a whole number",
    "step-rows = 0": "options.step-rows: 0 is not in the range x>=1",
    "step-rows = [8]": "options.step-rows is [8], and takes a whole number",
    "lr = \"1e-6\"": "options.lr is '1e-6', and takes a number",
    "lr = nan": "options.lr: nan is no number that can be worked with",
    "lr = -1": "options.lr: -1.0 is not in the range x>0",
    "step-rows = 1" + "0" * 400: "and takes a number that a computer counts to",
    "lr = 1" + "0" * 400: "and takes a number that a computer counts to",
    "recompute = 1": "options.recompute is 1, and takes true or false",
    "schedule = \"cosin\"": "options.schedule: 'cosin' is not one of",
    "since = 2026-11-28": "options.since is datetime.date(2026, 11, 28), and takes a text",
    "report-to = [1]": "options.report-to is 1, and takes a text, or a list of such",
}  # fmt: skip


@pytest.mark.parametrize("line", FAULTS)
def test_what_the_command_does_not_take_is_refused(
    line: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["plan", write(line)], ["sft", "--recipe", write(line)]):
        assert main(command) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert said.startswith("llmi-train: mine.toml: options")
        assert FAULTS[line] in said


def test_what_is_very_large_is_no_crash(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(capsys, write(), "--rows-at-once", "1" + "0" * 400)
    assert plan["ready"] is False


def test_a_plan_is_of_one_recipe(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", write(), "--recipe=tiny"]) == 2
    assert "a plan is of one recipe, here mine.toml" in capsys.readouterr().err


def test_a_recipe_of_another_command_is_refused(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["offline", "--recipe", write()]) == 2
    assert "the recipe mine.toml is for `llmi-train sft`" in capsys.readouterr().err


def test_an_option_that_a_recipe_says_is_not_missed(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is looked at as one that is typed."""
    name = write("", ('examples = "drafts.jsonl"', 'examples = "drafts.jsonl"\nleast = 0.5'))
    assert main(["sft", "--recipe", name]) == 2
    assert "--examples are taken as they are: leave out --least" in capsys.readouterr().err
