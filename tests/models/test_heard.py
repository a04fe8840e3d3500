"""What is heard beside the text: tokens, counts, costs, reasons, whatever a chat model puts there."""

from __future__ import annotations

import math
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from llmi_agent.base.text import paired
from llmi_agent.contract.policy import TOKENS, WEIGHTS
from llmi_agent.models.heard import (
    lengths_of,
    model_of,
    reason_of,
    reasoning_of,
    sampled,
    says_something,
    weights_of,
)
from llmi_agent.models.tokens import reported, stated_cost
from llmi_agent.records.events import Tokens

HUGE = {"completion": [10**5000]}
"""Python does not even write it down."""


def tokens_of(chunks: list[AIMessageChunk]) -> Tokens | None:
    return sampled(chunks)[0]


def lack_of(chunks: list[AIMessageChunk]) -> str:
    return sampled(chunks)[1]


def told(*given: Any) -> list[AIMessageChunk]:
    """Chunks that say this of their tokens."""
    return [AIMessageChunk("x", response_metadata={TOKENS: each}) for each in given]


def test_tokens_come_in_pieces() -> None:
    pieces = told(
        {"prompt": [7, 8], "mode": "raw_logprobs", "completion": [1], "logprobs": [-0.5]},
        {"completion": [2, 3], "logprobs": (-1, -2.25)},
        {"completion": [], "logprobs": None},
    )
    silent = AIMessageChunk("y")
    assert tokens_of([*pieces, silent]) == Tokens(
        (1, 2, 3), (7, 8), (-0.5, -1.0, -2.25), "raw_logprobs", ((1, 1), (2, 1), (0, 1), (0, 1))
    )
    assert tokens_of(told({"completion": [1, 2]})) == Tokens((1, 2), pieces=((2, 1),))
    assert tokens_of([silent]) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"completion": []},
        {"completion": 5},
        {"completion": "12"},
        {"completion": ["1", "2"]},
        {"completion": [1.0, 2.0]},
        {"completion": [True]},
        {"completion": [-1]},
        {"completion": [2**32]},
        {"completion": [10**30]},
        HUGE,
        {"completion": [None]},
        {"completion": {"1": 1}},
        {"completion": [1], "logprobs": [-0.1, -0.2, -0.3]},
        {"completion": [1], "logprobs": "-0.1"},
        {"completion": [1], "logprobs": [None]},
        {"completion": [1], "logprobs": [math.nan]},
        {"completion": [1], "logprobs": [-math.inf]},
        {"completion": [1], "prompt": "12"},
        {"completion": [1], "prompt": [-5]},
        {"completion": [1], "prompt": [2**32]},
        {"completion": [1], "logprobs": [-(10**400)]},
        {"completion": [1], "mode": 3},
        {"completion": [1], "mode": "\ud800"},
        {"completion": [b"1"]},
        [1, 2],
        "12",
        3,
        False,
    ],
    ids=lambda given: None if given == HUGE else repr(given),
)
def test_what_no_trainer_could_use_is_absent(given: Any) -> None:
    assert tokens_of(told(given)) is None
    assert tokens_of(told({"completion": [1]}, given)) in (
        None,
        Tokens((1,), pieces=((1, 1), (0, 1))),
    )


@pytest.mark.parametrize("ids", [[2**32], [1.5], ["x"]], ids=repr)
def test_of_numbers_that_are_no_tokens_it_is_said_why_none_is_kept(ids: list[Any]) -> None:
    assert "not a whole number" in lack_of(told({"completion": [1]}, {"completion": ids}))


def test_numbers_above_0_are_no_logprobs_and_the_ids_stay() -> None:
    pieces = told(
        {"completion": [1], "logprobs": [-0.5], "mode": "raw_logprobs"},
        {"completion": [2], "logprobs": [2.5]},
    )
    assert tokens_of(pieces) == Tokens((1, 2), pieces=((1, 1), (1, 1)))
    assert lack_of(pieces) == "what it says are logprobs are none: some are above 0"


def test_a_certain_token_may_be_a_rounding_above_0() -> None:
    found = tokens_of(told({"completion": [1, 2], "logprobs": [1e-7, 0.0]}))
    assert found is not None
    assert found.logprobs == (1e-7, 0.0)


def test_a_piece_that_is_open_is_one_with_the_next() -> None:
    def piece(text: str, count: int, **said: Any) -> AIMessageChunk:
        given = {"completion": [5] * count, **said} if count else None
        return AIMessageChunk(text, response_metadata={TOKENS: given} if given else {})

    pieces = [
        piece("", 1),
        piece("a", 2),
        piece("", 1, open=True),
        piece("", 0),
        piece("é", 3, open=True),
        piece("b", 1),
        piece("c", 0),
        piece("", 1, open="yes"),
        piece("", 2, open=True),
    ]
    found = tokens_of(pieces)
    assert found is not None
    assert found.pieces == ((1, 0), (2, 1), (5, 2), (0, 1), (1, 0), (2, 0))


def test_a_piece_of_several_tokens_can_say_which_characters_are_which() -> None:
    def piece(text: str, count: int, parts: Any, **said: Any) -> AIMessageChunk:
        given = {"completion": [5] * count, "parts": parts, **said}
        return AIMessageChunk(text, response_metadata={TOKENS: given})

    pieces = [
        piece("the fox", 3, [(1, 3), [2, 4]]),
        piece("é", 3, [(2, 1), (1, 0)], open=True),
        piece("bc", 2, [(1, 1), (1, 1)]),
    ]
    found = tokens_of(pieces)
    assert found is not None
    assert found.pieces == ((1, 3), (2, 4), (2, 1), (2, 1), (1, 1))


@pytest.mark.parametrize(
    "parts",
    [
        [(1, 1)],
        [(2, 1), (1, 1)],
        [(3, 2), (-1, 0)],
        [(1.0, 1), (1, 1)],
        [(True, 1), (1, 1)],
        [(1, 1, 0), (1, 1, 0)],
        [1, 1],
        "12",
        7,
        [],
        None,
    ],
)
def test_parts_that_are_not_those_of_the_piece_are_not_taken(parts: Any) -> None:
    given = {"completion": [5, 6], "parts": parts}
    found = tokens_of([AIMessageChunk("ab", response_metadata={TOKENS: given})])
    assert found is not None
    assert found.pieces == ((2, 2),)


def test_of_what_lacks_something_nothing_is_kept_and_the_reason_is_known() -> None:
    chunks = told({"completion": [1]}, {"lack": "its server\nlost some"}, {"lack": "and more"})
    assert tokens_of(chunks) is None
    assert lack_of(chunks) == "its server lost some"
    assert lack_of(told({"completion": [1]}, {"lack": 5}, {"lack": ""})) == ""


@pytest.mark.parametrize(
    ("texts", "lengths"),
    [
        (["ab", "", "c"], [2, 0, 1]),
        (["a\ud83d", "\udc22b"], [1, 2]),
        (["\ud83d", "", "\udc22"], [0, 0, 1]),
        (["\ud83d", "x", "\ud83d"], [0, 2, 1]),
        (["\udc22\ud83d", "\ud83d\udc22"], [1, 2]),
        ([], []),
    ],
    ids=ascii,
)
def test_the_pieces_characters_are_those_of_the_whole(texts: list[str], lengths: list[int]) -> None:
    chunks = [AIMessageChunk(each) for each in texts]
    assert list(lengths_of(chunks)) == lengths
    assert sum(lengths) == len(paired("".join(texts)))


def test_the_version_of_the_weights_is_what_the_server_says() -> None:
    chunks = [AIMessageChunk("x", response_metadata={WEIGHTS: v}) for v in ("3", "3", "4", 5, "")]
    assert weights_of([*chunks, AIMessageChunk("y")]) == "3, 4"
    assert weights_of(chunks[3:]) == weights_of([]) == ""


def counts(*pairs: tuple[int, int]) -> list[AIMessageChunk]:
    return [
        AIMessageChunk("x", usage_metadata=UsageMetadata(input_tokens=r, output_tokens=w, total_tokens=r + w))
        for r, w in pairs
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "known"),
    [
        ([(10, 5)], (10, 5)),
        ([(10, 1), (0, 4), (0, 7)], (10, 12)),
        ([(10, 1), (10, 5), (10, 12)], (10, 12)),
        ([(10, 12), (0, 0)], (10, 12)),
        ([(0, 12)], (0, 12)),
        ([(10, 0)], None),
        ([(-1, 12)], None),
        ([(10, 10**12)], None),
        ([], None),
    ],
    ids=repr,
)
def test_counts_add_up_or_run_on(
    pairs: list[tuple[int, int]], known: tuple[int, int] | None
) -> None:
    found = reported(counts(*pairs))
    assert (found and (found["input_tokens"], found["output_tokens"])) == known


@pytest.mark.parametrize("cost", ["0.5", math.nan, math.inf, -1.0, True, None, [1], 10**400, 1e300])
def test_a_cost_that_is_no_price_is_none(cost: Any) -> None:
    chunks = [
        AIMessageChunk("x", response_metadata={"response_cost": each}) for each in (cost, 0.25)
    ]
    assert stated_cost(chunks[:1]) is None
    assert stated_cost(chunks) == 0.25


def test_reasoning_is_found_under_each_name_and_in_blocks() -> None:
    chunks: list[Any] = [
        AIMessageChunk("", additional_kwargs={"reasoning_content": "a"}),
        AIMessageChunk("", additional_kwargs={"reasoning": "b"}),
        AIMessageChunk([{"type": "thinking", "thinking": "c"}]),
        AIMessageChunk([{"type": "reasoning", "reasoning": "d"}]),
        AIMessageChunk([{"type": "thinking", "thinking": [{"type": "text", "text": "e"}]}]),
        AIMessageChunk("", additional_kwargs={"reasoning": {"id": "x"}}),
    ]
    assert reasoning_of(chunks) == "abcde"
    assert [says_something(each) for each in chunks] == [True] * 5 + [False]


def test_words_of_a_vendor_are_one_line() -> None:
    chunk = AIMessageChunk(
        "x", response_metadata={"model": "a\nb\x1b[31m", "finish_reason": "st\nop"}
    )
    assert (model_of([chunk]), reason_of([chunk])) == ("a b", "st op")
    assert (model_of([]), reason_of([])) == (None, "")
