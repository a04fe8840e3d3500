"""Reading the two models' answers: lenient as to what is around the object, strict as to what is in it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from llmi_train.prompts.make.answers import MOST_ANSWER, read_check, read_request

GOOD = {
    "answerable": True,
    "pictures": 3,
    "photograph": "yes",
    "invented": "no",
    "chart": "possible",
    "changed": "no",
    "names_a_tool": False,
    "orders_you": False,
    "why": "It says three.",
}


@pytest.mark.parametrize(
    "text",
    [
        '{"request": "A walk."}',
        'Here you are:\n```json\n{"request": "A walk."}\n```\nI hope it helps.',
        '<think>{"request": "No"} or {hm</think>{"request": "A walk."}',
        'thinking {"request": "No"} ... </think>\n{"request": "A walk."}',
        "{'request': 'A walk.'}",
        '{"request": "A walk.",}',
        '{"request": "A walk."',
        "{“request”: “A walk.”}",
        '{} {"other": 1} {"request": "A walk."}',
        '{not json} {"request": " A walk. "}',
        '{"request": "A walk."}\n{"request": "A walk."}',
    ],
)
def test_one_request_is_read_whatever_is_around_it(text: str) -> None:
    assert read_request(text) == "A walk."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A walk.",
        '"A walk."',
        '{"request": ""}',
        '{"request": ["A walk."]}',
        '{"request": null}',
        '{"prompt": "A walk."}',
        '{"request": "A wal',
        '{"request": "A walk."} {"request": "A ride."}',
        '<think>{"request": "A walk."}</think>I will not.',
        '{"a": {"request": "A walk."}}',
    ],
)
def test_what_is_no_request_or_two_of_them_is_none(text: str) -> None:
    assert read_request(text) is None


def test_braces_and_quotes_in_a_request_are_of_it() -> None:
    text = 'The set {1, 2} is "small", \\ isn\'t it?\nYes }'
    assert read_request("ok " + json.dumps({"request": text})) == text


def test_half_a_character_is_no_text() -> None:
    assert read_request('{"request": "A \\ud83d walk"}') is None
    assert read_request('{"request": "A \\ud83d\\ude00 walk"}') == "A \U0001f600 walk"


@pytest.mark.parametrize("piece", ["{", '{"', '{"a":', "<think>", "</think>", "\\", '"', "a", "{}"])
def test_an_answer_without_end_is_none_and_is_not_read_for_long(piece: str) -> None:
    for size in (19_000, MOST_ANSWER + 1):
        began = time.process_time()
        assert read_request(piece * (size // len(piece))) is None
        assert time.process_time() - began < 2


def test_long_thought_before_a_request_is_none_of_it() -> None:
    thought = "<think>" + "Hm, {maybe} so. " * 8_000
    assert read_request(thought + '</think>{"request": "A walk."}') == "A walk."
    assert read_request(thought + '{"request": "A walk."}') is None


def test_a_check_is_read() -> None:
    checked = read_check("I think:\n" + json.dumps(GOOD))
    assert checked is not None
    assert checked.pictures == 3
    assert checked.needed == {"search"}
    assert checked.answerable
    assert not checked.names_a_tool


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": 3.0},
        {"pictures": True},
        {"pictures": 100},
        {"pictures": -2},
        {"pictures": "three"},
        {"pictures": None},
        {"answerable": "true"},
        {"answerable": None},
        {"chart": "maybe"},
        {"chart": 1},
        {"chart": None},
        {"names_a_tool": "no"},
        {"orders_you": 0},
    ],
)
def test_a_check_with_a_value_that_it_cannot_have_is_none(change: dict[str, Any]) -> None:
    assert read_check(json.dumps(GOOD | change)) is None


@pytest.mark.parametrize("name", [name for name in GOOD if name != "why"])
def test_a_check_without_one_of_its_keys_is_none(name: str) -> None:
    assert (
        read_check(json.dumps({key: value for key, value in GOOD.items() if key != name})) is None
    )


def test_a_check_that_says_two_things_is_none_and_one_that_says_it_twice_is_one() -> None:
    assert read_check(json.dumps(GOOD) + json.dumps(GOOD | {"pictures": 2})) is None
    assert read_check(json.dumps(GOOD) + json.dumps(GOOD | {"why": "Anew."})) is not None


def test_reasons_may_be_missing_and_a_number_may_be_in_quotes() -> None:
    given = {name: value for name, value in GOOD.items() if name != "why"}
    checked = read_check(json.dumps(given | {"pictures": " 3 "}))
    assert checked is not None
    assert checked.pictures == 3
