"""Near-duplicates are found, others are not taken for them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings, strategies as st

from llmi_train.prompts.near import THRESHOLD, Neighbours, likeness

BERGEN = "Write a visitor's guide to Bergen in spring, with three photographs of the harbour and a chart of the rain."


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (BERGEN, BERGEN.replace("three", "two"), True),
        (BERGEN, BERGEN.upper() + "!!", True),
        (BERGEN, "Please: " + BERGEN, True),
        (BERGEN, BERGEN.replace("Bergen", "Lisbon").replace("harbour", "trams"), False),
        (BERGEN, "Explain how a heat pump works, with one diagram.", False),
        (
            "收集整理目前中国9阶层实际收入和财务状况",
            "收集整理目前中国九阶层的实际收入和财务状况",
            True,
        ),
        ("收集整理目前中国9阶层实际收入和财务状况", "分析2010年至今的黄金走势", False),
        ("Hi", "hi.", True),
        ("Hi", "Ho", False),
    ],
)
def test_pairs(one: str, other: str, near: bool) -> None:
    known = Neighbours()
    known.add("one", one)
    assert bool(known.like(other)) is near
    assert (likeness(one, other) >= THRESHOLD) is near


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from([0.3, 0.5, THRESHOLD, 0.9]))
def test_every_pair_that_is_as_alike_is_found_and_no_other(seed: int, threshold: float) -> None:
    chance = random.Random(seed)
    words = [f"word{n}" for n in range(30)]
    texts = [" ".join(chance.sample(words, 12)) for _ in range(6)]
    texts += [each.replace(chance.choice(each.split()), "other") for each in texts]
    known = Neighbours(threshold)
    for number, text in enumerate(texts):
        expected = {str(n) for n in range(number) if likeness(text, texts[n]) >= threshold}
        assert {key for key, _ in known.like(text)} == expected
        known.add(str(number), text)


def test_the_most_alike_comes_first() -> None:
    known = Neighbours(0.5)
    known.add("far", BERGEN.replace("Bergen", "Lisbon").replace("three", "two"))
    known.add("near", BERGEN + " Thanks")
    assert [key for key, _ in known.like(BERGEN)] == ["near", "far"]


def test_many_are_kept_and_a_key_is_taken_once() -> None:
    known = Neighbours()
    for number in range(600):
        known.add(str(number), f"{number} is a number that is spelt {number * 7919} times {number}")
    assert known.like("17 is a number that is spelt 134623 times 17")[0] == ("17", 1.0)
    with pytest.raises(ValueError, match="'17' is taken"):
        known.add("17", "another")
