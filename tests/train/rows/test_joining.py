"""Calls become one segment where the later one begins with exactly what the earlier one read and wrote.

The ids are Qwen3's and gpt-oss's, and the cases those that people report of agents under reinforcement learning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given as examples, strategies as st

from llmi_agent.traces.parts import ModelCall
from llmi_train.rows.joining import How, Joined, joined
from llmi_train.rows.reading import Drawn, ids

START, END, NEWLINE, GAP, USER, BOT, THINK, THOUGHT = (
    151644, 151645, 198, 271, 872, 77091, 151667, 151668,
)  # fmt: skip
ASKED = (START, USER, NEWLINE, 3838, END, NEWLINE, START, BOT, NEWLINE)
NEXT = (NEWLINE, START, USER, NEWLINE, 1207, END, NEWLINE, START, BOT, NEWLINE)
"""What a template of ChatML puts between an answer, which ends with END, and the next one."""
HARMONY = {"start": 200006, "end": 200007, "message": 200008, "channel": 200005, "return": 200002}
FINAL, ANALYSIS, ASSISTANT = 17196, 35644, 173781


def call(
    name: str,
    prompt: Sequence[int],
    completion: Sequence[int],
    before: str = "",
    *,
    raw: str = "",
    reasoning: str = "",
    finish: str = "stop",
) -> Drawn:
    known: dict[str, Any] = dict.fromkeys(ModelCall.__dataclass_fields__, None)
    known |= {"call": name, "purpose": "repair" if before else "draft", "raw": raw}
    known |= {"reasoning": reasoning, "finish_reason": finish, "slot": 0 if before else None}
    logprobs = np.full(len(completion), -0.5, np.float32)
    return Drawn(ModelCall(**known), before, ids(prompt), ids(completion), logprobs)


def two(
    prompt: Sequence[int], completion: Sequence[int], then: Sequence[int], **given: Any
) -> tuple[list[Joined], Counter[How]]:
    count: Counter[How] = Counter()
    calls = [call("a", prompt, completion, **given), call("b", then, (40, END), "a")]
    return joined(calls, count), count


def test_what_goes_on_exactly_is_one_segment_with_what_was_read_in_between_as_no_sample() -> None:
    (own,), count = two(ASKED, (785, 38835, END), (*ASKED, 785, 38835, END, *NEXT))
    assert count == {"merged": 1}
    assert tuple(own.prompt) == ASKED
    assert tuple(own.completion) == (785, 38835, END, *NEXT, 40, END)
    assert [(each.call, each.start, each.end) for each in own.parts] == [("a", 0, 3), ("b", 13, 15)]
    assert own.logprobs.tolist() == [-0.5] * 3 + [0.0] * 10 + [-0.5] * 2


FORKS = {
    # Qwen3: reasoning of earlier turns is not in the history.
    "thoughts in the answer": (
        ASKED,
        (THINK, NEWLINE, 32313, 11, THOUGHT, GAP, 785, 38835, END),
        (*ASKED, 785, 38835, END, *NEXT),
        {"reasoning": "Okay,"},
    ),
    # Qwen3-Thinking-2507: its template begins the reasoning itself.
    "thoughts that the prompt begins": (
        (*ASKED, THINK, NEWLINE),
        (32313, 11, NEWLINE, THOUGHT, GAP, 785, 38835, END),
        (*ASKED, 785, 38835, END, *NEXT),
        {"raw": "Okay,\n</think>\n\nThe fox"},
    ),
    # raullenchai/Rapid-MLX#214: with enable_thinking=False, an empty thought is in the prompt, and in no history.
    "no thinking": (
        (*ASKED, THINK, GAP, THOUGHT, GAP),
        (3925, END),
        (*ASKED, 3925, END, *NEXT),
        {"raw": "OK"},
    ),
    # huggingface/trl#5109, openai/harmony#57: the turn ends with <|return|>, and in the history with <|end|>.
    "another end of the turn": (
        (1, 2),
        (HARMONY["channel"], FINAL, HARMONY["message"], 19, HARMONY["return"]),
        (1, 2, HARMONY["channel"], FINAL, HARMONY["message"], 19, HARMONY["end"], HARMONY["start"]),
        {"raw": "4"},
    ),
    "an analysis, and another end of the turn": (
        (1, 2),
        (
            HARMONY["channel"], ANALYSIS, HARMONY["message"], 77, HARMONY["end"], HARMONY["start"], ASSISTANT,
            HARMONY["channel"], FINAL, HARMONY["message"], 19, HARMONY["return"],
        ),
        (1, 2, HARMONY["channel"], FINAL, HARMONY["message"], 19, HARMONY["end"], HARMONY["start"]),
        {"raw": "4", "reasoning": "easy"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORKS.values(), ids=FORKS)
def test_a_template_that_leaves_out_reasoning_makes_a_fork(case: tuple[Any, ...]) -> None:
    prompt, completion, then, given = case
    (first, second), count = two(prompt, completion, then, **given)
    assert count == {"fork": 1}
    assert tuple(first.completion) == completion
    assert (tuple(second.prompt), tuple(second.completion)) == (then, (40, END))


DRIFT = {
    # rllm-org/rllm#272: " Pantom" has two spellings.
    "the same words in other tokens": (
        (53122, 316, 374, END),
        (393, 30002, 374, END),
        {},
    ),
    # volcengine/verl#6719, jingyaogong/minimind#850: a special token that no text shows.
    "a special token that is lost": ((THINK + 5, 785, 38835, END), (785, 38835, END), {}),
    "white space that a template strips": ((785, 38835, NEWLINE, END), (785, 38835, END), {}),
    # huggingface/trl#6361: what was thought is put behind an empty thought.
    "thoughts that stand elsewhere": (
        (THINK, NEWLINE, 93217, 8116, THOUGHT, GAP, 785, END),
        (THINK, GAP, THOUGHT, GAP, 93217, 8116, 785, END),
        {"reasoning": "Thinking Process"},
    ),
    "thoughts that are kept, in other tokens": (
        (THINK, 53122, 316, THOUGHT, GAP, 785, END),
        (THINK, 393, 30002, THOUGHT, GAP, 785, END),
        {"reasoning": " Pantom"},
    ),
    "the last word of an answer that was cut": ((785, 53122), (785, 393), {"finish": "length"}),
    "nothing of it": ((785, 38835, END), (), {}),
}


@pytest.mark.parametrize("case", DRIFT.values(), ids=DRIFT)
def test_tokens_that_differ_otherwise_are_drift_and_a_segment_of_their_own(
    case: tuple[Any, ...],
) -> None:
    completion, again, given = case
    then = (*ASKED, *again, *NEXT)
    (first, second), count = two(ASKED, completion, then, **given)
    assert count == {"drift": 1}
    assert tuple(first.completion) == completion
    assert tuple(second.prompt) == then


def test_of_two_that_go_on_from_one_answer_the_second_is_a_branch() -> None:
    draft = (*ASKED, 785, END)
    count: Counter[How] = Counter()
    calls = [
        call("a", ASKED, (785, END)),
        call("b", (*draft, 1), (40, END), "a"),
        call("c", (*draft, 2), (41, END), "a"),
        call("d", (*draft, 2, 41, END, 3), (42, END), "c"),
    ]
    first, second = joined(calls, count)
    assert count == {"merged": 2, "branch": 1}
    assert [each.call for each in first.parts] == ["a", "b"]
    assert [each.call for each in second.parts] == ["c", "d"]
    assert tuple(second.prompt) == (*draft, 2)


def test_a_cut_answer_goes_on_where_the_template_ends_its_turn() -> None:
    _, count = two(ASKED, (785, 38835), (*ASKED, 785, 38835, END, *NEXT), finish="length")
    assert count == {"merged": 1}


def test_one_that_ends_where_the_other_does_has_nothing_of_it_left_out() -> None:
    """All that is read is the beginning of what was: the answer is missing, and not only its reasoning."""
    _, count = two(ASKED, (THINK, 1, THOUGHT, 785, END), ASKED[:4], reasoning="Hm")
    assert count == {"drift": 1}


def test_a_segment_until_a_call_is_as_if_there_had_been_no_more() -> None:
    (own,), _ = two(ASKED, (785, END), (*ASKED, 785, END, *NEXT))
    short = own.until("a")
    assert tuple(short.completion) == (785, END)
    assert [each.call for each in short.parts] == ["a"]


SOME = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@examples(st.lists(st.tuples(SOME, SOME, st.integers(0, 9), st.booleans()), min_size=1, max_size=6))
def test_each_answer_stands_once_behind_exactly_what_it_read(
    drawn: list[tuple[list[int], list[int], int, bool]],
) -> None:
    """Whatever goes on from whatever, and however its prompt begins."""
    calls: list[Drawn] = []
    for number, (read, wrote, before, exact) in enumerate(drawn):
        last = calls[before % number] if number else None
        known = [*last.prompt, *last.completion] if last and exact else []
        calls.append(call(str(number), [*known, *read], wrote, last.call.call if last else ""))
    count: Counter[How] = Counter()
    segments = joined(calls, count)
    places = {part.call: (own, part) for own in segments for part in own.parts}
    assert len(places) == len(calls) == sum(len(own.parts) for own in segments)
    assert count.total() == len(calls) - 1
    for each in calls:
        own, part = places[each.call.call]
        seen = [*own.prompt, *own.completion[: part.start]]
        assert seen == [*each.prompt]
        assert [*own.completion[part.start : part.end]] == [*each.completion]
        assert (own.logprobs[part.start : part.end] == -0.5).all()
