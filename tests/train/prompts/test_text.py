"""What makes no difference between two texts, and what does."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from llmi_train.prompts.text import digest_of, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Write about Bergen.", "  write\tabout\n BERGEN!"),
        ("ＡＩ in ２０２６", "AI in 2026"),
        ("Don't stop", "dont stop"),
        ("The harbour — at night", "the harbour at night"),
        ("Cafe\u0301 life", "Caf\u00e9 life"),
        ("Straße", "STRASSE"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("请介绍一下，中国的 GDP 增长。", "请介绍一下中国的GDP增长"),
        ("第一章 总论", "第一章总论"),
        ("AI-driven", "AI driven"),
        ("e\u200b\u0301", "\u00e9"),
    ],
)
def test_they_count_as_the_same(one: str, other: str) -> None:
    assert digest_of(one) == digest_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Compare C with Java", "Compare C# with Java"),
        ("Compare C with Java", "Compare C++ with Java"),
        ("a rise of 3.5 points", "a rise of 35 points"),
        ("a rise of 5%", "a rise of 5"),
        ("two pictures", "three pictures"),
        ("北京", "南京"),
        ("resume", "résumé"),
    ],
)
def test_they_do_not(one: str, other: str) -> None:
    assert digest_of(one) != digest_of(other)


@given(st.text())
def test_to_normalise_again_changes_nothing(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


@given(st.text())
def test_case_composition_and_space_make_no_difference(text: str) -> None:
    assert digest_of(unicodedata.normalize("NFD", text)) == digest_of(text)
    assert digest_of(f" \n{text}\u3000") == digest_of(text)


def test_the_digest_is_fixed() -> None:
    """It is in files of others: to change what is normalised moves prompts to other splits."""
    assert digest_of("A visitor's guide to Bergen, with 3 photos")[:16] == "4c56816841e9a0ef"
