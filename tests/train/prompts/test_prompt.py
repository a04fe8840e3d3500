"""A prompt's digest, and what is no prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.contract import Demand
from llmi_train.prompts.prompt import TrainingPrompt


def test_the_digest_is_of_the_text_and_of_the_files_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("x\n1\n")
    other.write_text("x\n2\n")
    both = TrainingPrompt("Sales", attach=(one, other))
    assert TrainingPrompt("sales!", attach=(other, one)).digest == both.digest
    assert TrainingPrompt("Sales", attach=(one,)).digest != both.digest
    assert TrainingPrompt("Sales").text_digest == both.text_digest


def test_what_is_demanded_makes_no_other_prompt() -> None:
    asked = TrainingPrompt("Sales", Demand(2), split="train", language="en", id="s")
    assert asked.digest == TrainingPrompt("Sales").digest


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv cannot be read"):
        _ = TrainingPrompt("Sales", attach=(tmp_path / "gone.csv",)).digest


@pytest.mark.parametrize("given", [{"text": " \n"}, {"text": "a", "split": "x" * 201}])
def test_what_is_no_prompt_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"empty|more than 200"):
        TrainingPrompt(**given)
