"""Student's t, against the tables in books."""

from __future__ import annotations

import math

import pytest

from llmi_agent.judges.calibrate.intervals import Difference, quantile, within

TABLE = {
    (0.95, 1): 12.7062,
    (0.95, 2): 4.30265,
    (0.95, 3): 3.18245,
    (0.95, 11): 2.20099,
    (0.95, 14): 2.14479,
    (0.99, 5): 4.03214,
    (0.999, 11): 4.43698,
    (0.95, 120): 1.97993,
}


@pytest.mark.parametrize(("given", "expected"), TABLE.items(), ids=str)
def test_quantiles_are_those_of_the_tables(given: tuple[float, int], expected: float) -> None:
    assert quantile(*given) == pytest.approx(expected, rel=2e-5)
    assert within(expected, given[1]) == pytest.approx(given[0], abs=1e-5)


def test_an_interval_holds_the_mean_and_is_wider_for_a_higher_level() -> None:
    found = Difference.of([0.1, 0.3, 0.2, 0.2])
    assert found
    low, high = found.interval()
    assert (low, high) == (pytest.approx(0.0701, abs=1e-4), pytest.approx(0.3299, abs=1e-4))
    lower, higher = found.interval(0.999)
    assert lower < low < found.mean < high < higher


def test_of_a_single_difference_nothing_is_sure() -> None:
    found = Difference.of([0.9])
    assert found
    assert found.interval() == (-math.inf, math.inf)
    assert not found.beyond(0.1, 0.95)


def test_without_differences_there_is_nothing() -> None:
    assert Difference.of([]) is None


@pytest.mark.parametrize(
    ("differences", "beyond"),
    [
        ([0.25] * 5, True),  # always the same: sure, whatever the level
        ([0.05] * 5, False),  # sure, and small enough
        ([0.9, -0.6, 0.5, -0.2], False),  # large, and nothing but chance
        ([-0.3, -0.25, -0.2, -0.25], True),
    ],
)
def test_a_bias_is_more_than_is_tolerated_and_no_chance(
    differences: list[float], beyond: bool
) -> None:
    found = Difference.of(differences)
    assert found
    assert found.beyond(0.1, 0.99) is beyond
