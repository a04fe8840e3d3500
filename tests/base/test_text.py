"""Untrusted words as lines and as names of folders."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from llmi_agent.base.text import one_line, slug


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain [red]words[/red]", "plain [red]words[/red]"),
        ("a\nb\tc\r\x00d", "a b c d"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x9b31mred", "red"),
        ("right\u202eto left", "right to left"),
        ("雨が降る", "雨が降る"),
    ],
)
def test_a_line_has_no_control_sequences(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = one_line(text, 50)
    assert len(line) <= 50
    assert line.replace("\u200c", "").replace("\u200d", "").isprintable()


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Rain & sun in Seattle, 2012", "rain-sun-in-seattle-2012"),
        ("../../etc/passwd", "etc-passwd"),
        ("???", "document"),
        ("Größe der Städte", "größe-der-städte"),
        ("a" * 100, "a" * 48),
        ("one two " * 20, "one-two-one-two-one-two-one-two-one-two-one-two"),
    ],
)
def test_a_prompt_names_its_folder(prompt: str, name: str) -> None:
    assert slug(prompt) == name


@given(st.text())
def test_any_prompt_names_a_folder(prompt: str) -> None:
    name = slug(prompt)
    assert name
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name.encode()) < 250
