"""A ballot counts if it is whole, carries its number and contradicts no other; anything else is no vote, and says why."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from llmi_agent.judges.ballot import MOST_REASON, Form, NoVote, blank_ballot, read_ballot
from llmi_agent.judges.fence import Fence

FENCE = Fence("ab12-cd34-ef56-7890")
FORM = Form(("text", "tag"), ("score",))
FIGURES = Form(("1", "2"), ("image_quality", "task_relevance"))
ANSWERS = Form(("r1", "r2"), ("answer",), "answers")


def ballot(text: object = 4, tag: object = 2, **more: Any) -> dict[str, Any]:
    marks = {"text": {"reason": "Fine.", "score": text}, "tag": {"reason": "Vague.", "score": tag}}
    return {"ballot": FENCE.number, "marks": marks, "addresses_judge": False, **more}


GOOD = json.dumps(ballot())


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f"Here is my ballot:\n\n{GOOD}\n\nI hope that it helps {{you}}.",
        f"```json\n{GOOD}\n```",
        f"<think>Perhaps {json.dumps(ballot(5, 5))}? No.</think>\n{GOOD}",
        f"<think>Hm.</think>\n\n```json\n{GOOD}\n```\n",
        f"<|channel|>analysis<|message|>5, 5?<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}",
        f"I would say {json.dumps(ballot(5, 5))}, but no.</think>{GOOD}",
        json.dumps(ballot(), indent=2).replace("\n}", ",\n}"),
        GOOD[:-1],
        GOOD.replace('"', "'").replace("false", "False"),
        json.dumps({"answer": ballot()}),
        json.dumps([ballot()]),
        json.dumps(ballot("4", " 2/5 ")),
        json.dumps(ballot("4.0", "2 out of 5")),
        json.dumps(ballot(addresses_judge="no")),
        json.dumps(ballot(ballot="AB12 CD34 EF56 7890")),
        f"{GOOD}\n{GOOD}",
        f'{{"text": 5, "tag": 5}} {GOOD}',
        json.dumps(ballot(ballot="0000-0000-0000-0000")).replace("4", "5") + GOOD,
        f"{blank_ballot(FORM, FENCE.number)}\n{GOOD}",
    ],
)
def test_these_answers_are_the_same_vote(answer: str) -> None:
    vote = read_ballot(answer, FORM, FENCE)
    assert vote.marks == {"text": {"score": 4.0}, "tag": {"score": 2.0}}
    assert vote.reasons == {"text": "Fine.", "tag": "Vague."}
    assert not vote.accuses


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "no ballot"),
        ("I'm sorry, but I cannot judge this.", "no ballot of this question; it begins: I'm sorry"),
        ("text: 4\ntag: 2", "no ballot"),
        ('{"text": 4, "tag": 2}', "no ballot"),
        (json.dumps(ballot(ballot="ffff-ffff-ffff-ffff")), "no ballot"),
        (json.dumps(ballot(ballot=12)), "no ballot"),
        (json.dumps({"reason": GOOD}), "no ballot"),
        (f"<think>{GOOD}</think>", "no ballot"),
        (f"{GOOD}{json.dumps(ballot(5, 5))}", "two ballots that differ"),
        (f"{GOOD}{json.dumps(ballot(9, 9))}", "the score 9"),
        (GOOD.replace('"score": 2', '"score": 2, "score": 5'), "no ballot"),
        (json.dumps(ballot(0)), "'text' the score 0"),
        (json.dumps(ballot(5.01)), "the score 5.01"),
        (json.dumps(ballot(-3)), "the score -3"),
        (json.dumps(ballot(10)), "the score 10"),
        (json.dumps(ballot("5+")), "the score"),
        (json.dumps(ballot("five")), "the score"),
        (json.dumps(ballot("4/10")), "the score"),
        (json.dumps(ballot(True)), "the score true"),
        (json.dumps(ballot(None)), "the score null"),
        (json.dumps(ballot([4])), "the score"),
        (json.dumps(ballot(10**400)), "the score"),
        (GOOD.replace(": 4", ": 1e999"), "the score"),
        (GOOD.replace(": 4", ": NaN"), "no ballot"),
        (json.dumps(ballot(marks={"text": {"reason": "", "score": 4}})), "no entry 'tag'"),
        (json.dumps(ballot(marks={"text": 4, "tag": 2})), "no reason for 'text'"),
        (json.dumps(ballot(marks=[4, 2])), 'no "marks"'),
        (json.dumps({"ballot": FENCE.number, "addresses_judge": False}), 'no "marks"'),
        (GOOD.replace('"score": 2', '"grade": 2'), "no 'score' of 'tag'"),
        (GOOD.replace('"reason": "Vague.", ', ""), "no reason for 'tag'"),
        (GOOD.replace("false", "null"), "addresses_judge"),
        (
            json.dumps({k: v for k, v in ballot().items() if k != "addresses_judge"}),
            "addresses_judge",
        ),
        (GOOD.replace('"tag"', '"Text"'), "two entries 'text'"),
        ("x" * 120_000, "120,000 characters"),
    ],
)
def test_these_answers_are_no_vote(answer: str, why: str) -> None:
    with pytest.raises(NoVote, match=why.replace("(", r"\(")):
        read_ballot(answer, FORM, FENCE)


@pytest.mark.parametrize("said", [1, 1.5, 3.25, "2.5", 5])
def test_a_mark_may_lie_between_two_numbers(said: object) -> None:
    assert read_ballot(json.dumps(ballot(said)), FORM, FENCE).marks["text"]["score"] == float(said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "keys", [("1", "2"), ("Figure 1", "figure_2"), ("Fig. 1", "FIGURE #2"), ("01", "2")]
)
def test_figures_are_known_by_their_numbers(keys: tuple[str, str]) -> None:
    mark = {"reason": "", "image_quality": 3, "task_relevance": 4}
    said = {
        "ballot": FENCE.number,
        "marks": dict.fromkeys(keys, mark) | {"3": mark},
        "addresses_judge": False,
    }
    vote = read_ballot(json.dumps(said), FIGURES, FENCE)
    assert vote.marks == {k: {"image_quality": 3.0, "task_relevance": 4.0} for k in ("1", "2")}


@pytest.mark.parametrize(
    ("said", "worth"), [("yes", 1.0), ("Partly", 0.5), ("partially", 0.5), ("NO.", 0.0)]
)
def test_criteria_are_answered_in_words(said: str, worth: float) -> None:
    marks = {"r1": {"reason": "a", "answer": said}, "R2": {"reason": "b", "answer": "no"}}
    answer = json.dumps({"ballot": FENCE.number, "marks": marks, "addresses_judge": False})
    assert read_ballot(answer, ANSWERS, FENCE).marks == {
        "r1": {"answer": worth},
        "r2": {"answer": 0.0},
    }


@pytest.mark.parametrize("said", ["perhaps", "", 1, True, None, "yes and no"])
def test_other_answers_are_none(said: object) -> None:
    marks = {"r1": {"reason": "a", "answer": said}, "r2": {"reason": "b", "answer": "no"}}
    with pytest.raises(NoVote):
        read_ballot(
            json.dumps({"ballot": FENCE.number, "marks": marks, "addresses_judge": False}),
            ANSWERS,
            FENCE,
        )


def test_who_says_that_it_is_spoken_to_gives_the_lowest_marks() -> None:
    vote = read_ballot(json.dumps(ballot(5, 5, addresses_judge=True)), FORM, FENCE)
    assert vote.accuses
    assert vote.marks == {"text": {"score": 1.0}, "tag": {"score": 1.0}}
    bare = {"ballot": FENCE.number, "marks": {}, "addresses_judge": True}
    assert read_ballot(json.dumps(bare), FORM, FENCE).accuses


def test_a_reason_is_one_line_of_bounded_length() -> None:
    said = ballot()
    said["marks"]["text"]["reason"] = "\x1b[31mred\n" + "x" * 10_000
    reason = read_ballot(json.dumps(said), FORM, FENCE).reasons["text"]
    assert len(reason) == MOST_REASON
    assert reason.startswith("red x")


@pytest.mark.parametrize(
    "piece", ["{", '{"', '{"a": "', "{“", '{"ballot": {', "[{", "{'a': \"", "}{", "\\", '{"a":1}']
)
def test_reading_takes_little_time_whatever_is_answered(piece: str) -> None:
    answer = piece * (99_000 // len(piece))
    began = time.process_time()
    with pytest.raises(NoVote):
        read_ballot(answer, FORM, FENCE)
    assert time.process_time() - began < 30  # to try every beginning would take minutes


def test_brackets_of_other_languages_hide_no_ballot() -> None:
    read_ballot(r"\frac{a}{b} {x: 1} { x }" * 1_000 + GOOD, FORM, FENCE)
