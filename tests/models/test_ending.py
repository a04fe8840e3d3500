"""How an answer ended: by what the vendor said, by what it did not say, and by what is open."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from llmi_agent.models.ending import ending, limited, open_tag


def chunks(text: str = "# T\n\nDone.", **metadata: Any) -> list[AIMessageChunk]:
    last = AIMessageChunk(content="", response_metadata=metadata)
    return [AIMessageChunk(content=text[:4]), AIMessageChunk(content=text[4:]), last]


@pytest.mark.parametrize(
    "metadata",
    [
        {"finish_reason": "stop"},
        {"finish_reason": "STOP"},
        {"finish_reason": "eos_token"},
        {"stop_reason": "end_turn"},
        {"stopReason": "end_turn"},
        {"done_reason": "stop"},
        {"status": "completed", "model_provider": "openai"},
    ],
)
def test_a_whole_answer_says_so_in_many_ways(metadata: dict[str, Any]) -> None:
    assert not ending(chunks(**metadata), "m", reports=None).cut
    assert not ending(chunks(**metadata), "m", reports=True).cut


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"finish_reason": "length"}, "writes no more at once"),
        ({"finish_reason": "MAX_TOKENS"}, "writes no more at once"),
        ({"stop_reason": "max_tokens"}, "writes no more at once"),
        ({"stop_reason": "model_context_window_exceeded"}, "writes no more at once"),
        ({"status": "incomplete"}, "writes no more at once"),
        ({"finish_reason": "content_filter"}, "filter"),
        ({"stop_reason": "refusal"}, "filter"),
        ({"finish_reason": "SAFETY"}, "filter"),
        ({"finish_reason": "tool_calls"}, "no tool was offered"),
    ],
)
def test_what_the_model_means_is_said_and_not_asked_for_again(
    metadata: dict[str, Any], words: str
) -> None:
    end = ending(chunks(**metadata), "m", reports=True)
    assert words in end.cut
    assert not end.broken


def test_the_limit_that_was_set_is_named_where_the_answer_fills_it() -> None:
    full = "the budget allowed 300 tokens; raise it with --budget"
    assert ending(chunks(finish_reason="length"), "m", True, full).cut == full
    assert ending(chunks(finish_reason="stop"), "m", True, full).cut == ""


@pytest.mark.parametrize("reason", ["abort", "error", "network_error", "cancelled", "xyz"])
def test_a_reason_that_nobody_means_is_broken_off(reason: str) -> None:
    end = ending(chunks(finish_reason=reason), "m", reports=None)
    assert end.broken
    assert repr(reason) in end.cut


@pytest.mark.parametrize(
    ("reports", "metadata", "broken"),
    [
        (True, {}, True),
        (False, {}, False),
        (None, {}, False),
        (None, {"model_provider": "openai"}, True),
        (None, {"model_provider": "anthropic"}, True),
        (None, {"model_provider": "something"}, False),
    ],
)
def test_no_reason_is_a_cut_where_there_always_is_one(
    reports: bool | None, metadata: dict[str, Any], broken: bool
) -> None:
    end = ending(chunks(**metadata), "m", reports)
    assert (end.broken, bool(end.cut)) == (broken, broken)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('# T\n\n<imgen>{"source": "sea', "<imgen>"),
        ("# T\n\n<think>I should", "<think>"),
        ("# T\n\n<Thinking>I should", "<thinking>"),
        ("# T\n\n<imgen>{}</imgen>\n<imgen>{", "<imgen>"),
        ("# T\n\n<imge", "a tag"),
        ("# T\n\n<imgen>{}</imge", "<imgen>"),
        ("# T\n\n<imgen>{}</imgen> Done.", ""),
        ("# T\n\nWrite `<imgen>` and close it.", ""),
        ("# T\n\n```\n<think>\n```\n", ""),
        ("# T\n\n1 <", ""),
        ("<think>x</think># T", ""),
        ('# T\n\n<imgen source="search" query="q"/>', ""),
        ('# T\n\n<imgen source="search" query="q"/> Done.', ""),
        ('# T\n\n<imgen>{"source": "search"}\n\nMore is said.', ""),
        ('# T\n\n<imgen>{"source": "search"}\n', "<imgen>"),
        ('# T\n\n<imgen>{"source": "search"} </img', "<imgen>"),
    ],
)
def test_an_open_tag_is_always_a_cut(text: str, inside: str) -> None:
    assert open_tag(text) == inside
    without, whole = (
        ending(chunks(text), "m", False),
        ending(chunks(text, finish_reason="stop"), "m", True),
    )
    assert bool(without.cut) == bool(whole.cut) == bool(inside)
    assert without.broken == bool(inside)
    assert not whole.broken


@pytest.mark.parametrize(
    ("reason", "is_limit"),
    [
        ("length", True),
        ("MAX_TOKENS", True),
        ("FINISH_REASON_MAX_TOKENS", True),
        ("stop", False),
        ("content_filter", False),
        ("", False),
    ],
)
def test_whether_a_reason_is_the_limit_on_the_length(reason: str, is_limit: bool) -> None:
    assert limited(reason) == is_limit
