"""What `plan` knows of the packages that training needs: it is what pyproject.toml states."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TRAIN = Path(__file__).parents[3] / "train" / "pyproject.toml"


@pytest.mark.parametrize(("name", "too_old"), [("torch", "2.5.1"), ("transformers", "4.57.0"), ("trl", "1.15.0")])  # fmt: skip
def test_versions_that_will_not_do_are_excluded(name: str, too_old: str) -> None:
    extras = tomllib.loads(TRAIN.read_text())["project"]["optional-dependencies"]["grpo"]
    (stated,) = (each for each in map(Requirement, extras) if each.name == name)
    assert not stated.specifier.contains(too_old)
