"""Recipes are read, or refused in one sentence that says what could stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmi_agent.base.errors import ConfigError
from llmi_train.recipes.reading import recipe_named, recipes

from .conftest import Write

PAPER = {"qwen3-4b", "qwen3-30b-a3b", "qwen2.5-vl-7b", "qwen2.5-vl-32b"}


def test_those_that_come_along_are_read() -> None:
    assert {*recipes()} == {*PAPER, "single-24gb", "smollm2-cpu", "tiny"}
    for name, path in recipes().items():
        found = recipe_named(name)
        assert found.path == path
        assert found.about[0].isupper()
        assert found.model


@pytest.mark.parametrize("name", sorted(PAPER))
def test_the_papers_settings_are_the_papers(name: str) -> None:
    """recipe/llmi/*.sh of ByteDance-BandAI/LLM-I, commit of 2025-09."""
    recipe = recipe_named(name)
    said, gspo, seeing = recipe.options, name == "qwen3-30b-a3b", "vl" in name
    assert said["prompts-per-step"] == (16 if gspo else 32)
    assert (said["group"], said["epochs"], said["lr"], said["weight-decay"], said["clip"]) == (8, 1, 1e-6, 0.1, 1.0)  # fmt: skip
    assert (said["loss"], said["clip-low"], said["clip-high"]) == (("gspo", 3e-4, 4e-4) if gspo else ("dapo", 0.2, 0.2))  # fmt: skip
    assert said["warmup"] == (6 if gspo else 4 if seeing else 5)
    assert said["max-tokens"] == (16 if seeing else 24) * 1024
    assert recipe.server
    assert recipe.server.max_length == 32 * 1024
    assert said["profile"] == ("paper-vl" if seeing else "paper")
    assert said["schedule"] == "cosine"


@pytest.mark.parametrize("name", sorted(PAPER))
def test_a_server_can_divide_its_model(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.server
    assert recipe.model
    assert recipe.model.config["num_attention_heads"] % recipe.server.tensor_parallel == 0


FAULTS = {
    "another key": ('[launhc]\nprocesses = 2', "mine.toml: there is no 'launhc'; did you mean 'launch'?"),
    "another key in a table": ("[launch]\nproceses = 2", "mine.toml: there is no 'launch.proceses'; did you mean 'processes'?"),
    "with an underscore": ("[server]\ntensor_paralel = 2", "there is no 'server.tensor_paralel'; did you mean 'tensor-parallel'?"),
    "another kind": ('[launch]\nprocesses = "2"', "launch.processes is '2': input should be a valid integer"),
    "too small": ("[launch]\nnodes = 0", "launch.nodes is 0: input should be greater than or equal to 1"),
    "no such way": ('[launch]\nstrategy = "fsdp"', "launch.strategy is 'fsdp', and there are 'one', 'ddp', 'fsdp2', 'deepspeed-zero3'"),
    "not TOML": ("[launch", "mine.toml cannot be read: it is not TOML"),
    "nan": ("[needs]\nmemory = nan", "needs.memory is nan"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_is_said_with_what_can(fault: str, write: Write) -> None:
    more, words = FAULTS[fault]
    with pytest.raises(ConfigError) as error:
        recipe_named(write(more))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_what_must_be_there_must_be_there(write: Write) -> None:
    with pytest.raises(ConfigError, match=re.escape("mine.toml: command is missing")):
        recipe_named(write("", ('command = "sft"\n', "")))
    with pytest.raises(
        ConfigError, match="command is 'collect', and there are 'online', 'offline'"
    ):
        recipe_named(write("", ('"sft"', '"collect"')))
    with pytest.raises(ConfigError, match=r"launch is 3: input should be a valid dictionary"):
        recipe_named(write("", ("command =", "launch = 3\ncommand =")))


def test_one_that_is_not_there_is_said_with_those_that_are(work: Path) -> None:
    with pytest.raises(
        ConfigError, match=re.escape("did you mean 'qwen3-4b'? known: qwen2.5-vl-32b, ")
    ):
        recipe_named("qwen3-4")
    with pytest.raises(
        ConfigError, match=re.escape("the recipe none.toml cannot be read: No such file")
    ):
        recipe_named("none.toml")
    (work / "big.toml").write_bytes(b"#" * 1_100_000)
    with pytest.raises(ConfigError, match=re.escape("has more than 1,048,576 bytes")):
        recipe_named("big.toml")
    (work / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=re.escape("bytes.toml cannot be read: it is not TOML")):
        recipe_named("bytes.toml")
    (work / "deep.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(ConfigError, match=re.escape("deep.toml cannot be read")):
        recipe_named("deep.toml")
