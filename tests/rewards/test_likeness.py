# ruff: noqa: RUF001 - characters that look alike are meant
"""What counts as the same again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from llmi_agent.rewards.likeness import params_form, said


def same(kind: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    return params_form(kind, one) == params_form(kind, other)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("a red fox", "a  RED, fox!", False),
        ("red fox", " Red,  Fox!", True),
        ("a red fox", "the red fox", True),
        ("red fox", "fox red", False),
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
    assert same("molecule", {"smiles": "C1CC "}, {"smiles": " C1CC"})
    assert not same("molecule", {"smiles": "C1CCCCC1"}, {"smiles": "c1ccccc1"})
    assert not same("map", {"places": ["a", "b"]}, {"places": ["b", "a"]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("काल", "कील"),
        ("काल", "कूल"),
        ("पानी", "पाना"),
        ("ปู", "ปี"),
        ("கடல்", "கடலு"),
        ("牛奶", "奶牛"),
        ("蜜蜂", "蜂蜜"),
        ("上海", "海上"),
        ("北京到上海的火车", "上海到北京的火车"),
        ("logo of C++", "logo of C#"),
        ("logo of C++", "logo of C"),
        ("A* search", "A search"),
        ("-5 degrees", "5 degrees"),
        ("−5 degrees", "5 degrees"),
        ("The Who", "WHO"),
        ("vitamin a", "vitamin"),
        ("dog bites man", "man bites dog"),
        ("a cat, not a dog", "a dog, not a cat"),
        ("CO molecule", "Co molecule"),
        ("COCl2", "CoCl2"),
        ("10 MW laser", "10 mW laser"),
        ("10² grid", "102 grid"),
        ("3.5 mm", "35 mm"),
        ("16:9", "169"),
        (".NET logo", "NET logo"),
        ("f'(x)", "f(x)"),
        ("(0,1)", "[0,1]"),
        ("(a, b)", "[a, b]"),
        ("5!", "5"),
        ("Maße", "Masse"),
        ("résumé", "resume"),
        ("péché", "pêche"),
        ("The White House", "a white house"),
        ("A minor scale", "minor scale"),
        ("Na+", "Na-"),
        ("Na+ ion", "Na ion"),
        ("$5", "€5"),
        ("50% off", "50 off"),
        ("½ cup", "1 2 cup"),
        ("ตา กลม", "ตากลม"),
        ("아버지가 방에", "아버지 가방에"),
        ("배", "비"),
        ("x < 5", "x > 5"),
        ("x - y", "x y"),
        ("عِلم", "عَلم"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
        ("🐱", "🐶"),
        ("H2O", "H2O2"),
        ("F", "F#"),
        ("Fe²⁺", "Fe³⁺"),
        ("O+", "O-"),
        ("はし", "ハシ"),
        ("か", "が"),
        ("हाथ", "हाथी"),
        ("לִי", "לָי"),
        ("1,2-dichloroethane", "1.2-dichloroethane"),
        ("and/or", "and or"),
        ("R&B", "RB"),
        ("@python", "python"),
        ("#1", "1"),
        ("US map", "us map"),
        ("IT", "it"),
        ("rock", "rock 'n' roll"),
        ("Wham!", "Wham 2"),
        ("कमल", "कमला"),
        ("กา", "ก่า"),
        ("မ", "မာ"),
        ("ក", "កា"),
        ("U.S. flag", "us flag"),
        ("mg", "Mg2"),
        ("ম", "মা"),
        ("ਕ", "ਕਾ"),
        ("ᄀ", "가"),
    ],
)
def test_what_may_be_another_thing_is_no_repetition(one: str, other: str) -> None:
    assert said(one) != said(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a red fox", "a  red, fox!"),
        ("a red fox", "the red fox"),
        ("a red fox", "red fox"),
        ("red fox", '"red fox"'),
        ("red fox", "“red fox”"),
        ("red fox", "(red fox)"),
        ("red fox", "red\u200b fox"),
        ("red fox", "re\u00add f\u2060ox"),
        ("red\u00a0fox", "red fox"),
        ("ｒｅｄ fox", "red fox"),
        ("红色的狐狸", "红色的狐狸。"),
        ("集装箱船", "集装箱 船！"),
        ("红色，的狐狸", "红色的狐狸"),
        ("「狐狸」", "狐狸"),
        ("سفينة", "سفيـــنة"),
        ("سفينة؟", "سفينة"),
        ("जहाज", "जहाज।"),
        ("می‌روم", "میروم"),
        ("ship at sea", "ship at sea..."),
        ("in 1999", "in 1999,"),
        ("dog’s tail", "dog's tail"),
        ("5–7 km", "5-7 km"),
        ("ship,sea", "ship sea"),
        ("the container ship, at sea!", "container ship at sea"),
        ("1990–2000", "1990-2000"),
        ("ship — sea", "ship sea"),
        ("ship?", "ship"),
        ("배", "배."),
        ("가", "가"),
        ("e\u0301te\u0301", "été"),
    ],
)
def test_the_same_in_other_clothes(one: str, other: str) -> None:
    assert said(one) == said(other)


@pytest.mark.parametrize("piece", [".", "!", "(", "' ", "'\"", "1!", "a,", "红 ", "红."])
def test_hostile_words_take_linear_time(piece: str) -> None:
    began = time.process_time()
    said(piece * 10_000 + "x")
    assert time.process_time() - began < 5
