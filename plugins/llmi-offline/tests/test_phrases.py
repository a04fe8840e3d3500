"""Names, numbers, dates and lists as the report writes them."""

from __future__ import annotations

from datetime import datetime

import pytest

from llmi_offline import phrases


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (3.029, "3.03"),
        (16.44, "16.4"),
        (1234.5, "1,234"),
        (99.97, "100"),
        (-7.126, "\N{MINUS SIGN}7.13"),
        (0.00021, "0.000210"),
        (1e20, "1.00e+20"),
        (float("nan"), "not a number"),
    ],
)
def test_computed_numbers_have_three_figures(value: float, text: str) -> None:
    assert phrases.rounded(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (55.9, "55.9"),
        (35361, "35,361"),
        (102.37, "102.37"),
        (0.001, "0.001"),
        (-1.6, "\N{MINUS SIGN}1.6"),
    ],
)
def test_numbers_of_the_file_stay_as_they_are(value: float, text: str) -> None:
    assert phrases.exact(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 2, "50%"),
        (1, 3, "33.3%"),
        (1, 10_000, "under 0.1%"),
        (9_999, 10_000, "over 99.9%"),
        (0, 5, "0%"),
    ],
)
def test_shares(part: int, whole: int, text: str) -> None:
    assert phrases.share(part, whole) == text


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("temp_max", "temp max"),
        ("sepalLength", "sepal length"),
        ("Cost Total $", "Cost Total $"),
        ("GDP", "GDP"),
    ],
)
def test_labels_of_columns(column: str, text: str) -> None:
    assert phrases.label(column) == text


def test_markup_is_escaped_and_controls_are_gone() -> None:
    assert (
        phrases.markdown("a*b_c|d`e[f]<g>&\u202e\x07h")
        == "a\\*b\\_c\\|d\\`e\\[f\\]&#60;g&#62;&amp;h"
    )
    assert (
        phrases.plain("<imgen>`|")
        == "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}imgen\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}'/"
    )
    assert len(phrases.clean("x" * 500)) == 60


def test_lists_and_counts() -> None:
    assert phrases.listed(["a", "b", "c"]) == "a, b and c"
    assert phrases.listed(["a"]) == "a"
    assert phrases.count(1, "day") == "1 day"
    assert phrases.count(1461, "day") == "1,461 days"
    assert phrases.spelled(2, "entry", "entries") == "two entries"
    assert phrases.capital("*temp max* and") == "*Temp max* and"


def test_moments_are_as_fine_as_the_grain() -> None:
    when = datetime(2013, 12, 1, 6, 5)
    assert phrases.moment(when, "year") == "2013"
    assert phrases.moment(when, "month") == "December 2013"
    assert phrases.moment(when, "day") == "1 December 2013"
    assert phrases.moment(when, "hour") == "1 December 2013, 06:05"
