"""Splits: nothing that is the same, or nearly, is in two of them, whatever the order, and they have their shares."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from itertools import combinations

import pytest
from hypothesis import given, settings, strategies as st

from llmi_agent.base.errors import InputError
from llmi_train.prompts.near import THRESHOLD, likeness
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.splits import SHARES, divide

WORDS = "harbour night market old town bridge river tower garden winter ferry island museum castle square street".split()
CHANGES = (str.upper, lambda t: f"{t} !", lambda t: t.replace(" ", "  "), lambda t: f"Please {t}")


def texts(seed: int, number: int) -> list[str]:
    """Some that are new, and some that are others, slightly changed."""
    chance = random.Random(seed)
    found = [" ".join(chance.choices(WORDS, k=14)) for _ in range(number)]
    changed = [chance.choice(CHANGES)(chance.choice(found)) for _ in range(number)]
    swapped = [each.replace(chance.choice(each.split()), "lake", 1) for each in found]
    everything = [*found, *changed, *swapped, *found[:2]]
    chance.shuffle(everything)
    return everything


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_nothing_leaks_in_any_order(seed: int) -> None:
    prompts = [TrainingPrompt(each) for each in texts(seed, 12)]
    shares = {"train": 1.0, "test": 1.0, "other": 1.0}
    done = divide(prompts, shares).prompts
    splits = {each.text: each.split for each in done}
    for one, other in combinations(done, 2):
        if one.text_digest == other.text_digest or likeness(one.text, other.text) >= THRESHOLD:
            assert one.split == other.split
    random.Random(seed).shuffle(prompts)
    assert {each.text: each.split for each in divide(prompts, shares).prompts} == splits


def test_the_shares_are_those_asked_for() -> None:
    prompts = [TrainingPrompt(f"{n} {random.Random(n).random()}") for n in range(1000)]
    counts = Counter(each.split for each in divide(prompts, {"train": 8, "test": 2}).prompts)
    assert abs(counts["train"] - 800) < 4 * (1000 * 0.8 * 0.2) ** 0.5
    assert set(counts) == {"train", "test"}


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_shares_are_those_of_groups_too(size: int) -> None:
    """Of however many near-duplicates a group is, and in whatever order the splits are named."""
    chance = random.Random(size)
    prompts = [
        TrainingPrompt(f"{text} {n}")
        for text in (f"{chance.random()} {chance.random()} {chance.random()}" for _ in range(300))
        for n in range(size)
    ]
    done = divide(prompts, {"train": 9, "test": 1}).prompts
    counts = Counter(each.split for each in done)
    assert abs(counts["test"] / size - 30) < 4 * (300 * 0.9 * 0.1) ** 0.5
    assert divide(prompts, {"test": 1, "train": 9}).prompts == done


def test_the_splits_of_texts_are_fixed() -> None:
    """They are the same on every machine and in every version: prompts that were kept for a test stay there."""
    done = divide(
        [TrainingPrompt(f"Report on the number {n} in {n} pictures") for n in range(30)],
        threshold=1,
    )
    assert [n for n, each in enumerate(done.prompts) if each.split == "test"] == [10, 15, 18]


def test_a_split_that_is_there_is_kept_and_takes_others_along() -> None:
    near = TrainingPrompt("A guide to the old harbour of Bergen, with two photographs.")
    old = TrainingPrompt("A guide to the old harbour of Bergen, with two photographs", split="dev")
    done = divide([near, old, TrainingPrompt("On bees")], {"train": 1})
    assert [each.split for each in done.prompts] == ["dev", "dev", "train"]
    assert (done.kept, done.together, done.torn) == (1, 1, [])
    anew = divide([near, old], {"train": 1}, again=True)
    assert [each.split for each in anew.prompts] == ["train", "train"]


def test_prompts_that_are_added_later_move_none() -> None:
    first = divide([TrainingPrompt(each) for each in texts(1, 20)], {"a": 1, "b": 1}).prompts
    both = divide([*[TrainingPrompt(each) for each in texts(2, 20)], *first], {"a": 1, "b": 1})
    assert both.prompts[-len(first) :] == first
    by_text = defaultdict(set)
    for each in both.prompts:
        by_text[each.text_digest].add(each.split)
    assert all(len(each) == 1 for each in by_text.values())


def test_what_was_torn_already_is_said() -> None:
    one = TrainingPrompt("A guide to the harbour", split="train")
    other = TrainingPrompt("a guide to the harbour!", split="test")
    done = divide([one, other, TrainingPrompt("A GUIDE to the harbour")])
    assert done.torn == [(0, 1)]
    assert [each.split for each in done.prompts] == ["train", "test", "train"]


@pytest.mark.parametrize(
    "shares", [{}, {"a": 0.0}, {"a": -1.0}, {"a": float("nan")}, {"": 1.0}, {"a\n": 1.0}]
)
def test_shares_that_are_none(shares: dict[str, float]) -> None:
    with pytest.raises(InputError):
        divide([TrainingPrompt("x")], shares)


def test_the_usual_shares_are_whole() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
