"""Families of near-duplicates: each pair that is as alike is in one, whatever the order, and not each is compared with each."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from llmi_train.prompts import alike as module
from llmi_train.prompts.alike import alike
from llmi_train.prompts.near import THRESHOLD, likeness
from llmi_train.prompts.text import digest_of

TEMPLATE = "Write an illustrated guide to the old town of {} for first-time visitors, with two photographs of the {}."


def groups(texts: list[str]) -> set[frozenset[str]]:
    found = alike(texts, [digest_of(each) for each in texts])
    return {frozenset(texts[n] for n in group) for group in found}


@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_comparing_each_with_each_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghiklmnoprstu", k=8)) for _ in range(30)]
    texts = [
        TEMPLATE.format(chance.choice(words), " ".join(chance.choices(words, k=3)))[:115]
        for _ in range(30)
    ]
    expected = [{each} for each in dict.fromkeys(texts)]
    for one, other in combinations(dict.fromkeys(texts), 2):
        if likeness(one, other) >= THRESHOLD:
            mine, theirs = (next(g for g in expected if each in g) for each in (one, other))
            if mine is not theirs:
                expected.remove(theirs)
                mine |= theirs
    assert groups(texts) == {frozenset(each) for each in expected}
    chance.shuffle(texts)
    assert groups(texts) == {frozenset(each) for each in expected}


def test_many_of_one_template_are_not_compared_each_with_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = 0

    def counted(one: str, other: str) -> float:
        nonlocal compared
        compared += 1
        return likeness(one, other)

    monkeypatch.setattr(module, "likeness", counted)
    chance = random.Random(1)
    texts = [TEMPLATE.format(chance.randrange(10**6), "harbour") for _ in range(600)]
    assert len(groups(texts)) == 1
    assert compared <= 3 * len(texts)


def test_steps_are_told() -> None:
    told: list[tuple[int, int]] = []
    alike(["a", "b"], ["1", "2"], tell=lambda done, of: told.append((done, of)))
    assert told[0] == (1, told[-1][1])
    assert told[-1][0] == told[-1][1]
