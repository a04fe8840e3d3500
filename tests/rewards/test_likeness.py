"""What counts as the same again."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from llmi_agent.rewards.likeness import params_form, repeated, says_something, words

PARAGRAPH = "The quick brown fox jumps over the lazy dog near the old stone bridge at noon. "


def same(kind: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    return params_form(kind, one) == params_form(kind, other)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("a red fox", "A  Red, fox!", True),
        ("a red fox", "the red fox", True),
        ("red fox", "fox red", True),
        ("red fox", "red foxes", False),
        ("\uff52\uff45\uff44 fox", "red fox", True),
        ("a", "the", False),
        ("a", "A", True),
        ("红色的狐狸", "红色的狐狸。", True),
        ("红色的狐狸", "红色的猫", False),
        ("!", "?", False),
        ("", " ", True),
    ],
)
def test_words_in_other_clothes(one: str, other: str, equal: bool) -> None:
    assert same("search", {"query": one}, {"query": other}) is equal


def test_kinds_and_other_parameters_tell_apart() -> None:
    assert params_form("search", {"query": "q"}) != params_form("diffusion", {"query": "q"})
    assert not same("edit", {"img_index": 0, "prompt": "p"}, {"img_index": 1, "prompt": "p"})
    assert same(
        "map", {"places": ["A", "b"], "at": {"x": "C"}}, {"places": ["a", "B"], "at": {"x": "c"}}
    )
    assert not same("map", {"places": ["a", "b"]}, {"places": ["b", "a"]})


CODE = "x = [1, 2]\nplt.plot(x)\nplt.title('one')"


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (CODE.replace("one", "two"), True),
        (CODE.replace("x", "data"), True),
        ("# said\n" + CODE.replace(", ", ","), True),
        (CODE + "\nax = plt.gca()", False),
        (CODE.replace("plot(x)", "plot(x, color='red', label='a')"), True),
        (CODE + "\nplt.grid(True)\nplt.legend()", True),
        (CODE.replace("2]", "3]"), False),
        (CODE.replace("plot", "bar"), False),
        ("'''A chart.'''\n" + CODE, True),
    ],
)
def test_code_that_draws_the_same(other: str, equal: bool) -> None:
    assert same("code", {"code": CODE}, {"code": other}) is equal


@pytest.mark.parametrize(
    "code", ["x = (", "\x00", "(" * 5000, "-" * 100_000 + "1", "a." * 50_000 + "b"]
)
def test_code_that_is_none_is_compared_as_it_stands(code: str) -> None:
    assert same("code", {"code": code}, {"code": f" {code} "})
    assert not same("code", {"code": code}, {"code": code + "y"})


def test_what_repeats() -> None:
    assert repeated(PARAGRAPH) == 0
    assert repeated(PARAGRAPH * 2) == pytest.approx(0.5)
    assert repeated(PARAGRAPH * 10) == pytest.approx(0.9)
    changed = PARAGRAPH.replace("lazy", "sleepy")
    assert repeated(PARAGRAPH + changed) == pytest.approx(15 / 32)
    assert repeated(PARAGRAPH + "\n\n> **" + PARAGRAPH.upper().replace(" ", " *") + "**") == 0.5
    assert repeated("") == repeated("one two") == repeated("--- ***") == 0


def test_what_does_not_repeat() -> None:
    prose = (
        "In the north of the country the rivers freeze, and in the south of the country they do not. "
        "As a result of this, ships sail there all year; as a result of the ice, few do in the north."
    )
    assert repeated(prose) < 0.2
    assert repeated("very " * 4 + "good") == 0


def test_scripts_without_blanks() -> None:
    said = "人工智能正在改变我们的生活方式和工作,也改变了学校。"
    assert repeated(said) == 0
    assert repeated(said * 2) == pytest.approx(0.5)
    assert words("ab人工c") == ["ab", "人", "工", "c"]


def test_it_is_linear() -> None:
    chance = random.Random(3)
    text = " ".join(str(chance.randrange(50)) for _ in range(400_000))
    began = time.process_time()
    repeated(text[:100_000])
    tenth = time.process_time() - began
    began = time.process_time()
    repeated(text[:1_000_000])
    assert time.process_time() - began < 40 * tenth + 0.5


def test_a_description_says_something() -> None:
    assert all(map(says_something, ["a", "7", "狐", "- x"]))
    assert not any(map(says_something, ["", " ", "...", "\u200b", "🦊"]))
