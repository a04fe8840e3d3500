"""Whatever the text, and however it is cut into tokens and events: no token is taken for another's text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from langchain_core.messages import AIMessageChunk

from llmi_agent.models import heard
from llmi_vllm.alignment import aligned
from llmi_vllm.hearing import Hearing
from llmi_vllm.testing import SPECIAL, FakeVLLM, Manner, Sent

ASK = {
    "model": "m",
    "logprobs": True,
    "return_token_ids": True,
    "stream_options": {"include_usage": True},
}
WORDS = st.sampled_from(
    [
        "fox",
        " a",
        " ",
        "\n",
        "\n\n",
        "<imgen>",
        "</imgen>",
        "<",
        "[x]",
        "🦊",
        "é",
        "é ",
        "漢字",
        "�",
        "{",
        '"',
        "\\",
        "aa",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=24).map("".join)


def heard_of(text: str, manner: Manner, *, whole: bool) -> tuple[Sent, list[AIMessageChunk]]:
    """What is heard of the answer, without a socket."""
    server = FakeVLLM([text], manner)
    ask: dict[str, Any] = {**ASK, "messages": [{"role": "user", "content": "Hi"}]}
    sent = server._sampled(ask)
    events = [server._whole(ask, sent)] if whole else [*server._events(ask, sent)]
    hearing = Hearing(tokens=True, mode="")
    chunks = [chunk for event in events for chunk in hearing.hear(event)]
    return sent, [*chunks, *hearing.end()]


def true_spans(sent: Sent) -> Iterator[tuple[int, int]]:
    """Of each token, the bytes of the text that are its own."""
    at, thinking = 0, False
    for token in sent.tokens:
        if token in SPECIAL:
            thinking = token == b"<think>"
        own = 0 if token in SPECIAL or thinking else len(token)
        yield at, at + own
        at += own


@settings(max_examples=150, deadline=None)
@given(
    text=TEXTS,
    tokens=st.sampled_from([1, 2, 3, 5, 999]),
    true_bytes=st.booleans(),
    reasoning=st.sampled_from(["", "Hm 🦊, a fox."]),
    whole=st.booleans(),
)
def test_a_piece_holds_all_tokens_of_its_text(
    text: str, tokens: int, true_bytes: bool, reasoning: str, whole: bool
) -> None:
    manner = Manner(tokens=tokens, true_bytes=true_bytes, reasoning=reasoning)
    sent, chunks = heard_of(text, manner, whole=whole)
    found = heard.sampled(chunks)[0]
    assert found is not None
    assert (found.completion, found.logprobs) == (sent.ids, sent.logprobs)
    assert "".join(str(each.text) for each in chunks) == text
    assert heard.reasoning_of(chunks) == reasoning
    assert sum(length for _, length in found.pieces) == len(text)
    spans, number, at = [*true_spans(sent)], 0, 0
    for count, length in found.pieces:
        start, end = len(text[:at].encode()), len(text[: at + length].encode())
        for own in spans[number : number + count]:
            assert own[0] == own[1] or (start <= own[0] and own[1] <= end)
        number, at = number + count, at + length
    assert number == len(sent.ids)


@pytest.mark.parametrize(
    ("tokens", "spoken", "shares"),
    [
        (["a", "b"], "ab", (0, ["a", "b"])),
        (["a", "�", "�", "b"], "a🦊b", (0, ["a", None, "🦊", "b"])),
        (["a", "�"], "a", (0, ["a", None])),
        (["�", "b"], "🦊b", (0, ["🦊", "b"])),
        (["b", "�"], "b🦊", (0, ["b", "🦊"])),
        (["b", "x�"], "bx", (0, ["b", None])),
        (["b", "�", "�"], "b🦊", (0, ["b", None, None])),
        (["</think>", "\n"], "\n", (1, ["\n"])),
        (["a", "<|im_end|>"], "a", (0, ["a", ""])),
        (["� b", " b", "�", "x"], "🦊 b b🐢x", None),
        (["a", "b"], "ac", None),
        (["token_id:1"], "a", None),
        (["a"], "", None),
    ],
    ids=repr,
)
def test_only_what_is_certain(tokens: list[str], spoken: str, shares: Any) -> None:
    entries = [{"token": each, "bytes": [*each.encode()]} for each in tokens]
    found = aligned(entries, spoken, after_others=False, ends=False)
    assert (found and (found[0], [None if each.open else each.text for each in found[1]])) == shares


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"delta": None},
        {"delta": {"content": 5}, "token_ids": "12"},
        {"delta": {"content": "x"}, "token_ids": {"1": 1}, "logprobs": []},
        {"delta": {"content": "x"}, "logprobs": {"content": 5}},
        {"delta": {"content": "x"}, "token_ids": [1], "logprobs": {"content": [None]}},
        {"delta": {"content": "x"}, "token_ids": [1], "logprobs": {"content": [{"bytes": [999]}]}},
        {"delta": {"content": "x"}, "token_ids": [None], "logprobs": {"content": [{"token": "x"}]}},
        {
            "delta": {"content": "x"},
            "token_ids": ["1"],
            "logprobs": {"content": [{"token": "x", "logprob": "a"}]},
        },
        {
            "delta": {"content": "\ud800"},
            "token_ids": [1],
            "logprobs": {"content": [{"token": "\ud800", "logprob": -1.0}]},
        },
    ],
    ids=repr,
)
def test_what_is_no_form_of_a_token_is_no_crash(choice: Any) -> None:
    hearing = Hearing(tokens=True, mode="")
    chunks = [*hearing.hear({"choices": [choice], "usage": {"prompt_tokens": "a"}}), *hearing.end()]
    found = heard.sampled(chunks)[0]
    assert found is None or found.completion == (1,)
    for event in (
        {"choices": None},
        {"choices": [5]},
        {"choices": {}},
        {"usage": 7, "metadata": 3},
    ):
        assert [*hearing.hear(event)] == []
