"""What judges and rewards are made of: what is wrong is refused when it is made, in a clear word."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llmi_agent.contract import Demand, JudgeSpec, RewardSpec, Score


@pytest.mark.parametrize("pictures", [-1, 0, 1, 98, 99])
def test_a_demand_is_none_any_some_or_a_number(pictures: int) -> None:
    assert Demand(pictures).pictures == pictures


@pytest.mark.parametrize("pictures", [-2, 100, True, 1.0, "1", None])
def test_another_demand_is_none(pictures: Any) -> None:
    with pytest.raises(ValueError, match="pictures"):
        Demand(pictures)


@pytest.mark.parametrize("kinds", [("code", "code"), ("",), (3,)])
def test_kinds_are_names_each_once(kinds: Any) -> None:
    with pytest.raises(ValueError, match="kinds"):
        Demand(1, kinds)


@pytest.mark.parametrize(
    "given",
    [
        {"component": "", "value": 1.0},
        {"component": "a", "value": None},
        {"component": "a", "value": 1.0, "error": "why"},
        {"component": "a", "value": math.nan},
        {"component": "a", "value": math.inf},
        {"component": "a", "value": 1.0, "slot": 0, "call": "model-0"},
    ],
)
def test_a_score_has_a_value_or_says_why_not(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="score"):
        Score(**given)


@pytest.mark.parametrize("spec", [JudgeSpec, RewardSpec])
def test_a_spec_has_a_name_and_a_place(spec: Any) -> None:
    assert spec("sharp-2", "", "a.b:c").name == "sharp-2"
    for name, load in (("Sharp", "a:b"), ("", "a:b"), ("sharp", "a"), ("sharp", ":b")):
        with pytest.raises(ValueError, match=name or "name"):
            spec(name, "", load)
