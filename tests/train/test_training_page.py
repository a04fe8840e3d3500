"""The page on training says what the commands do."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import click
import pytest

from llmi_agent.cli import llmi
from llmi_train.cli import llmi_train
from llmi_train.cli.grpo_options import LOSSES
from llmi_train.cli.learning import LR
from llmi_train.preferences.reading import examples_in
from llmi_train.recipes.reading import read, recipes
from llmi_train.recipes.recipe import Strategy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
TRAINER = ROOT / "train" / "llmi_train" / "trainer"
COMMANDS = ("sft", "dpo", "kto", "offline", "online", "collect", "eval")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def command(words: list[str]) -> click.Command:
    """The one that a line of a shell begins with."""
    found: click.Command = {"llmi": llmi, "llmi-train": llmi_train}[words[0]]
    for word in words[1:]:
        if not isinstance(found, click.Group):
            break
        inner = found.get_command(click.Context(found), word)
        assert inner, words
        found = inner
    return found


def options(of: click.Command) -> set[str]:
    return {
        name
        for each in of.params
        if isinstance(each, click.Option)
        for name in (*each.opts, *each.secondary_opts)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page(name: str) -> None:
    cells = " ".join(re.findall(r"^\| (`--.*?) \|", PAGE, re.MULTILINE))
    own = llmi_train.get_command(click.Context(llmi_train), name)
    assert own
    for each in own.params:
        if isinstance(each, click.Option) and each.name not in ("help", "verbose"):
            assert re.search(rf"{each.opts[0]}[ `]", cells), (name, each.opts)


def test_every_option_on_the_page_exists() -> None:
    known = set().union(*(options(command(["llmi-train", each])) for each in COMMANDS))
    for words in (["llmi", "batch"], ["llmi", "run"], ["llmi", "traces", "score"]):
        known |= options(command(words))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= known


def test_the_commands_on_the_page_take_what_they_are_given() -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(lines) == 13
    for line in lines:
        words = re.sub(r'"[^"]*"', "TEXT", line).split()
        given = {each for each in words if each.startswith("--")}
        assert given <= options(command(words)), line


def test_every_recipe_and_all_that_one_may_say_is_on_the_page(tmp_path: Path) -> None:
    assert {*table("recipe")} == {*recipes()}
    (block,) = blocks("toml")
    file = tmp_path / "mine.toml"
    file.write_text(block)
    said = read(file, "mine.toml").model_dump(by_alias=True, exclude={"options"})
    written = tomllib.loads(block)
    assert {*written} == {*said, "options"}
    for name in ("launch", "server", "needs", "model"):
        assert {*written[name]} == {*said[name]}, name
    assert [*table("`strategy`")] == [each for each in get_args(Strategy) if each != "one"]


def test_the_examples_on_the_page_can_be_learnt_from(tmp_path: Path) -> None:
    (block,) = blocks("json")
    file = tmp_path / "x.jsonl"
    file.write_text(block)
    assert len(examples_in(file).taken) == len([*map(json.loads, block.splitlines())]) == 5


def table(head: str) -> dict[str, str]:
    rows = PAGE.split(f"| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return {cells[0].strip(" `"): cells[1] for cells in (r.strip("|").split("|") for r in rows)}


def test_every_loss_and_every_figure_is_explained() -> None:
    assert [*table("loss")] == [*LOSSES]
    source = (TRAINER / "measures.py").read_text()
    (figures,) = re.findall(r"figures = \{(.*?)\n        \}", source, re.DOTALL)
    names = {*re.findall(r'"(\w+)":', figures), "masked_rows"} - {"step_loss"}
    names |= {"loss", "grad_norm", "learning_rate"}
    (told,) = re.findall(r"FIGURES = frozenset\(\n(.*?)\.split", source, re.DOTALL)
    assert {*re.findall(r"\w+", told)} == names
    grpo = PAGE.split("## GRPO from traces")[1].split("## What all")[0]
    rows = grpo.split("| figure |")[1]
    assert (
        set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", rows, re.MULTILINE))))
        == names
    )
    preferences = PAGE.split("### What they print")[1].split("## GRPO")[0]
    for method in ("sft", "dpo", "kto"):
        text = (TRAINER / f"{method}.py").read_text()
        (shown,) = re.findall(r"figures=\{(.*?)\}", text, re.DOTALL)
        for word in re.findall(r'"(\w+)": ', shown):
            assert f"| `{word}` |" in preferences, (method, word)


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    defaults: dict[str, Any] = {
        each.name: each.default for each in command(["llmi-train", "offline"]).params if each.name
    }
    assert defaults["max_kl"] == 0.3
    assert "0.3 by default" in PAGE
    assert LR == {"sft": (2e-5, 2e-4), "dpo": (1e-6, 1e-5), "kto": (1e-6, 1e-5)}
    assert "By default 1e-6, of `sft` 2e-5; with adapters ten times that" in PAGE
