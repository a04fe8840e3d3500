"""Bootstrap intervals over prompts."""

from __future__ import annotations

import random
from math import sqrt
from statistics import fmean, stdev

import pytest

from llmi_train.rollout.intervals import mean_of


def test_the_interval_is_about_that_of_the_normal_distribution() -> None:
    chance = random.Random(0)
    values = [chance.gauss(0.5, 0.2) for _ in range(400)]
    found = mean_of(values)
    assert found
    half = 1.96 * stdev(values) / sqrt(len(values))
    assert found.value == pytest.approx(fmean(values))
    assert found.low == pytest.approx(found.value - half, abs=half / 10)
    assert found.high == pytest.approx(found.value + half, abs=half / 10)
    assert found.prompts == 400


def test_it_holds_the_true_mean_as_often_as_it_says() -> None:
    chance = random.Random(1)
    held = 0
    for number in range(100):
        found = mean_of([float(chance.random() < 0.3) for _ in range(60)], number)
        assert found
        held += found.low <= 0.3 <= found.high
    assert 88 <= held <= 100


def test_the_same_values_give_the_same_interval() -> None:
    values = [n / 7 for n in range(30)]
    assert mean_of(values) == mean_of(values)
    assert mean_of(values, 1) != mean_of(values, 2)


def test_one_value_and_none() -> None:
    assert mean_of([]) is None
    found = mean_of([0.4])
    assert found
    assert (found.low, found.value, found.high) == (0.4, 0.4, 0.4)
    assert str(found) == "0.400 [0.400, 0.400]"


def test_many_prompts_need_no_more_memory_than_some() -> None:
    found = mean_of([0.0, 1.0] * 2_500)
    assert found
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / sqrt(5_000), abs=2e-3)
