"""Members of a group are compared only if they were asked, sampled, made and judged alike."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llmi_agent.records.events import Resumed
from llmi_train.rows.faults import MixedGroup
from llmi_train.rows.gathering import rows_of

from .scene import SAMPLING, Call, Home, by_episode, total

MIXED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "weights": ({}, {"call": Call(weights="w2")}, r"different weights \(w1 and w2\)"),
    "model": ({}, {"call": Call(model="vllm/cat")}, r"different models \(vllm/fox and vllm/cat\)"),
    "sampling": ({}, {"call": Call(sampling={**SAMPLING, "max_tokens": 9})}, r"sampled differently \(max_tokens: unset and 9\)"),
    "prompt": ({}, {"inputs_of": "another"}, "were not asked the same"),
    "read": ({}, {"call": Call(prompt=(1, 2, 4))}, "the same prompt in different tokens"),
    "setup": ({}, {"setup": "s2", "options": {"repairs": 3}}, r"different machines \(repairs: None and 3\)"),
    "setup alone": ({}, {"setup": "s2"}, r"setup s1 and s2"),
    "another life": ({}, {"after": [Resumed(setup="s2")]}, "not gone on with by the same machine"),
    "judge": (
        {"rewards": [total(0.1, judge="gpt-a", rubric="r1")]},
        {"rewards": [total(0.9, judge="gpt-b", rubric="r1")]},
        r"judged differently in total \(gpt-a by the rubric r1 and gpt-b by the rubric r1\)",
    ),
    "rubric of a component": (
        {"rewards": [total(0.1), total(0.1, component="text", judge="gpt-a", rubric="r1")]},
        {"rewards": [total(0.9), total(0.9, component="text", judge="gpt-a", rubric="r2")]},
        "judged differently in text",
    ),
}  # fmt: skip


def put(home: Home, name: str, reward: float, given: dict[str, Any]) -> None:
    own = dict(given)
    call = own.pop("call", Call())
    if own.pop("inputs_of", None):
        own["earlier"] = ("another",)
    rewards = own.pop("rewards", None) or [total(reward)]
    after = own.pop("after", ())
    home.episode(
        name,
        call,
        group="mixed",
        rewards=() if after else rewards,
        after=(*after, *(rewards if after else ())),
        **own,
    )


@pytest.mark.parametrize("case", MIXED.values(), ids=MIXED)
def test_a_mixed_group_is_refused_or_left_out_as_a_whole(
    home: Home, case: tuple[dict[str, Any], dict[str, Any], str]
) -> None:
    first, second, words = case
    home.pair()
    put(home, "one", 0.1, first)
    put(home, "other", 0.9, second)
    with pytest.raises(MixedGroup, match=words) as caught:
        rows_of(home.root)
    for name in ("mixed", "one", "other"):
        assert re.search(rf"\b{name}\b", str(caught.value))
    gathered = rows_of(home.root, leave_out_bad=True)
    assert set(by_episode(gathered)) == {"good-one", "good-two"}
    assert gathered.report.left_out == {"a mixed group": 2}


def test_what_was_not_judged_in_one_member_makes_no_group_mixed(home: Home) -> None:
    """A document without pictures has no score of them, and members are still compared."""
    pictures = total(0.3, component="image_quality", judge="gpt-a", rubric="r1")
    home.episode("with", rewards=[pictures, total(0.1)])
    home.episode("without", reward=0.9)
    gathered = rows_of(home.root)
    assert len(gathered.rows) == 2
    assert gathered.report.judges == {"image_quality": ["gpt-a by the rubric r1"]}


def test_members_have_seeds_of_their_own(home: Home) -> None:
    for number, reward in enumerate((0.1, 0.9)):
        sampling = {**SAMPLING, "seed": number}
        home.episode(f"e{number}", Call(sampling=sampling), reward=reward, seed=number)
    assert len(rows_of(home.root).rows) == 2
