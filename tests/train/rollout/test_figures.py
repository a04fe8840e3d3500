"""The figures of a policy, and how two compare."""

from __future__ import annotations

from typing import Any

import pytest

from llmi_agent.contract.judging import Demand
from llmi_agent.rewards.draft_facts import DraftFacts
from llmi_agent.rewards.facts import Facts
from llmi_agent.rewards.slot_facts import SlotFacts
from llmi_train.rollout.figures import compared, figures_of
from llmi_train.rollout.measuring import Measured, right_count, right_kinds


def episode(prompt: str, member: int, reward: float | None, **known: Any) -> Measured:
    demanded = known.pop("demanded", ("search",))
    return Measured(prompt, member, demanded, reward, **known)


def test_a_mean_is_over_prompts_and_what_is_missing_is_not_0() -> None:
    found = [
        episode("a", 0, 1.0, right_kinds=True),
        episode("a", 1, 0.0, right_kinds=False),
        episode("b", 0, 1.0, right_kinds=True, demanded=("code",)),
        episode("b", 1, None, why="the judge failed", demanded=("code",)),
        episode("c", 0, None, why="the judge failed", right_count=True),
    ]
    figures = figures_of("transformers/x", "sha256:1", found)
    assert figures.reward
    assert figures.reward.value == 0.75
    assert figures.reward.prompts == 2
    assert figures.by_prompt == {"a": 0.5, "b": 1.0}
    assert (figures.episodes, figures.prompts, figures.missing) == (5, 3, 2)
    assert figures.why == {"the judge failed": 2}
    assert {kind: mean.value for kind, mean in figures.kinds.items()} == {
        "code": 1.0,
        "search": 0.5,
    }
    assert figures.kind_accuracy
    assert figures.kind_accuracy.value == 0.75
    assert figures.count_accuracy
    assert figures.count_accuracy.prompts == 1
    assert figures.as_json()["reward"]["mean"] == 0.75


def test_a_policy_is_compared_prompt_by_prompt_over_what_both_have() -> None:
    better = [
        episode("a", 0, 0.9),
        episode("a", 1, 0.7),
        episode("b", 0, 0.5),
        episode("c", 0, None),
    ]
    base = [episode("a", 0, 0.1), episode("a", 1, None), episode("b", 0, 0.3), episode("c", 0, 1.0)]
    found = compared(better, base)
    assert found.reward
    assert found.reward.value == pytest.approx((0.8 + 0.2) / 2)
    assert found.reward.prompts == 2
    assert found.kind_accuracy is None


def test_pairs_are_narrower_than_two_means_where_prompts_differ_more_than_policies() -> None:
    base = [episode(f"p{n}", 0, n / 50) for n in range(50)]
    better = [episode(f"p{n}", 0, n / 50 + 0.05) for n in range(50)]
    found, alone = compared(better, base).reward, figures_of("m", "", better).reward
    assert found
    assert alone
    assert found.low == pytest.approx(0.05)
    assert found.high == pytest.approx(0.05)
    assert alone.high - alone.low > 0.1


def test_components_are_those_that_both_have() -> None:
    better = [episode("a", 0, 1.0, components={"count": 1.0, "own": 0.5})]
    base = [episode("a", 0, 0.0, components={"count": 0.25})]
    assert {name: mean.value for name, mean in compared(better, base).components.items()} == {
        "count": 0.75
    }


def facts(*slots: tuple[str, bool | None], **draft: Any) -> Facts:
    made = tuple(
        SlotFacts(slot=n, kind=kind, described=True, fault=None, why="", valid=valid)
        for n, (kind, valid) in enumerate(slots)
    )
    return Facts(episode="e", demand=None, draft=DraftFacts(**draft), slots=made)


@pytest.mark.parametrize(
    ("pictures", "slots", "right"),
    [
        (2, [("code", True), ("code", True), ("code", False)], True),
        (2, [("code", True), ("code", False)], False),
        (-1, [("code", False)], True),
        (-1, [("code", True)], False),
        (99, [("code", True)], True),
        (99, [], False),
        (0, [], None),
    ],
)
def test_count_is_of_strictly_valid_slots(pictures: int, slots: Any, right: bool | None) -> None:
    assert right_count(facts(*slots), Demand(pictures)) is right


@pytest.mark.parametrize(
    ("slots", "right"),
    [
        ([("code", True), ("search", True), ("code", True)], True),
        ([("code", True)], False),
        ([("code", True), ("search", False)], False),
        ([("code", True), ("search", True), ("edit", True)], False),
        ([], False),
    ],
)
def test_kinds_are_exactly_those_that_are_demanded(slots: Any, right: bool) -> None:
    assert right_kinds(facts(*slots), Demand(2, ("search", "code"))) is right


def test_what_is_not_demanded_or_lost_cannot_be_right_or_wrong() -> None:
    assert right_kinds(facts(("code", True)), None) is None
    assert right_kinds(facts(("code", True)), Demand(1)) is None
    assert right_count(facts(("code", True)), None) is None
    lost = facts(("code", True), blame="infrastructure", why="unreachable")
    assert right_count(lost, Demand(1)) is None
    assert right_kinds(lost, Demand(1, ("code",))) is None
