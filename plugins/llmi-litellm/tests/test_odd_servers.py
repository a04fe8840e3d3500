"""Servers as people have met them (the public report is named): what is on record of each answer is true."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent import ArtifactStore
from llmi_agent.base.errors import PolicyError
from llmi_agent.config.options import Options
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import ModelEnded, ModelStarted
from llmi_agent.records.journal import journal_beside
from llmi_agent.testing import FakeTool, Reply, Seen, Server, json_reply
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*:UserWarning"
)

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "served"}
USAGE = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
Json = dict[str, Any]


def chunk(delta: Json | None, end: Any = None, **choice: Any) -> Json:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": end, **choice}]}


def text(**choice: Any) -> list[Json]:
    return [chunk({"content": piece}, **choice) for piece in ("# Tides\n", "\nTwice ", "a day.\n")]


def lacking(name: str, pieces: list[Json]) -> list[Json]:
    for piece in pieces:
        del piece["choices"][0][name]
    return pieces


STOP = chunk({}, "stop")
COUNTED = {**HEAD, "choices": [], "usage": USAGE}


def sse(*events: Json, done: bool = True, form: str = "data: {}\n\n") -> Reply:
    said = [form.format(json.dumps(event)) for event in events]
    said += [form.format("[DONE]")] if done else []
    return Reply(body=tuple(each.encode() for each in said), media_type="text/event-stream")


def raw(*lines: str) -> Reply:
    return Reply(body=tuple(each.encode() for each in lines), media_type="text/event-stream")


def told(pieces: list[Json]) -> list[str]:
    return [f"data: {json.dumps(each)}\n\n" for each in pieces]


WHOLE: Json = {
    "accepted": True,
    "answered_by": "served",
    "finish_reason": "stop",
    "cut": "",
    "error": "",
}
NO_COUNT = {"input_tokens": None, "output_tokens": None}
KNOWN = {"input_tokens": 50, "output_tokens": 20}
CASES: dict[str, tuple[Reply, Json]] = {
    "sglang#3912 ollama#4357: an empty reason in every piece": (
        sse(*text(finish_reason=""), STOP), WHOLE | NO_COUNT,
    ),
    "AIShell#350: the word null as a reason": (sse(*text(finish_reason="null"), STOP), WHOLE),
    "vllm#19662 LocalAI#1744: no reason in a piece": (
        sse(*lacking("finish_reason", text()), STOP), WHOLE,
    ),
    "cline#8518: choices are null beside the count": (
        sse(*text(), STOP, {**COUNTED, "choices": None}), WHOLE | KNOWN,
    ),
    "shell_gpt#470: no choices at the end": (sse(*text(), STOP, {**HEAD, "choices": []}), WHOLE),
    "mentat#429: no choices at the start, and no model": (
        sse({**HEAD, "model": "", "choices": [], "prompt_filter_results": []}, *text(), STOP), WHOLE,
    ),
    "langchain#18977: a filter's piece without a delta": (
        sse(*text(), STOP, *lacking("delta", [chunk(None)])), WHOLE,
    ),
    "semantic-kernel#7114: a null delta": (sse(*text(), chunk(None, "stop")), WHOLE),
    "llama.cpp#12137: another model, timings, the count beside the reason": (
        sse(*({**each, "model": "gpt-3.5-turbo"} for each in text()),
            {**STOP, "model": "gpt-3.5-turbo", "usage": USAGE, "timings": {"predicted_ms": 1.5}}),
        WHOLE | KNOWN | {"answered_by": "gpt-3.5-turbo"},
    ),
    "alfred#52: the count so far in every piece": (
        sse(*({**each, "usage": {**USAGE, "completion_tokens": n}} for n, each in enumerate(text(), 2)),
            {**STOP, "usage": USAGE}),
        WHOLE | KNOWN,
    ),
    "LocalAI#1744: a count of nothing": (
        sse(*text(), {**STOP, "usage": dict.fromkeys(USAGE, 0)}), WHOLE | NO_COUNT,
    ),
    "the count is null": (sse(*({**each, "usage": None} for each in (*text(), STOP))), WHOLE | NO_COUNT),
    "the count is a sum only": (sse(*text(), {**STOP, "usage": {"total_tokens": 70}}), WHOLE | NO_COUNT),
    "the count is below nothing": (
        sse(*text(), {**STOP, "usage": {"prompt_tokens": -1, "completion_tokens": 20}}),
        WHOLE | NO_COUNT,
    ),
    "the count is in words": (
        sse(*text(), {**STOP, "usage": {k: str(v) for k, v in USAGE.items()}}), WHOLE | KNOWN,
    ),
    "litellm#20246: reasoning under its new name": (
        sse(chunk({"role": "assistant", "reasoning": "So "}), chunk({"reasoning": "be it."}), *text(), STOP),
        WHOLE | {"reasoning": "So be it."},
    ),
    "DeepSeek: reasoning under its old name": (
        sse(chunk({"reasoning_content": "So be it."}), *text(), STOP), WHOLE | {"reasoning": "So be it."},
    ),
    "litellm#16272: reasoning in parts": (
        sse(chunk({"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "So be it."}]}]}),
            *text(), STOP),
        WHOLE | {"reasoning": "So be it."},
    ),
    "litellm#10686: logprobs, then none": (
        sse(*text(logprobs={"content": [{"token": "x", "logprob": -0.5, "bytes": None, "top_logprobs": []}]}),
            chunk({}, "stop", logprobs=None)),
        WHOLE | {"tokens": None},
    ),
    "OpenRouter: comments keep the line open": (
        raw(": OPENROUTER PROCESSING\n\n", *told(text()), ": ping\n\n", *told([STOP]), "data: [DONE]\n\n"),
        WHOLE,
    ),
    "no space, and the line ends of Windows": (sse(*text(), STOP, form="data:{}\r\n\r\n"), WHOLE),
    "no ids and no times": (
        sse(*({**each, "id": None, "created": None, "object": None} for each in (*text(), STOP))), WHOLE,
    ),
    "a character in two halves": (
        raw(*told(text()), *told([chunk({"content": "\ud83e"}), chunk({"content": "\udd8a"}), STOP])),
        WHOLE | {"raw": None},
    ),
    "local-operator#223: an error in a piece": (
        sse(*text(), chunk({"content": ""}, "error") | {"error": {"code": 502, "message": "Provider left"}}),
        {"accepted": False, "error": "the answer broke off: Provider left"},
    ),
    "OmniRoute#8210: an error in place of an answer": (
        sse({**HEAD, "choices": [], "error": {"code": 502, "message": "limit reached (33/32)"}}),
        {"accepted": False, "error": "the answer broke off: limit reached (33/32)"},
    ),
    "LM Studio: an event that is an error": (
        raw(*told(text()), 'event: error\ndata: {"error": {"message": "The model has crashed"}}\n\n'),
        {"accepted": False, "error": "the answer broke off: The model has crashed"},
    ),
    "opencode#43379: no reason and no end": (
        sse(*text(), COUNTED, {"choices": [], "cost": "0"}, done=False),
        KNOWN | {"finish_reason": "", "cut": "openai/m broke off: nothing says that the text is whole"},
    ),
    "DeepSeek: too little of a machine": (
        sse(*text(), chunk({}, "insufficient_system_resource")),
        {"finish_reason": "insufficient_system_resource",
         "cut": "openai/m ended it with the reason 'insufficient_system_resource'"},
    ),
    "nativ#223: nothing but a header": (
        Reply(body=(b"",), media_type="text/event-stream"),
        {"accepted": False, "error": "it answered with an empty draft", "first": None},
    ),
    "a name without an end": (
        sse(*({**each, "model": "m" * 9_000} for each in (*text(), STOP))), WHOLE | {"answered_by": "m" * 200},
    ),
    "an error with the status of an answer": (
        json_reply({"error": {"message": "the model is loading", "code": 503}}),
        {"accepted": False, "error": "the model's server answers whole, where text should stream"},
    ),
}  # fmt: skip


class Odd(Server):
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self._reply = reply

    def answer(self, request: Seen) -> Reply:
        return self._reply


@pytest.mark.parametrize("case", CASES)
async def test_what_is_on_record_is_what_the_server_said(store: ArtifactStore, case: str) -> None:
    reply, expected = CASES[case]
    title = ""
    with Odd(reply) as server:
        graph = build_graph(
            model="openai/m",
            api_base=f"{server.url}/v1",
            tools=[FakeTool("s", "search")],
            store=store,
            secrets={},
            options=Options(retry_wait=0.01, model_retries=1),
        )
        try:
            state = await graph.ainvoke({"messages": [HumanMessage("Tides.")]})
            title = state["document"]["title"]
        except PolicyError:
            pass
    journal = journal_beside(store)
    (episode,) = journal.episodes()
    events = [event for _, event in events_of(journal.read(episode))]
    started = [event for event in events if isinstance(event, ModelStarted)]
    ended = [event for event in events if isinstance(event, ModelEnded)]
    assert len(started) == len(ended) == len(server.seen), "each request is a call on record"
    assert {name: getattr(ended[0], name) for name in expected} == expected
    assert title == ("Tides" if ended[-1].accepted else "")


async def test_halves_of_a_character_are_put_together(store: ArtifactStore) -> None:
    reply, _ = CASES["a character in two halves"]
    with Odd(reply) as server:
        graph = build_graph(
            model="openai/m", api_base=f"{server.url}/v1", tools=[FakeTool("s", "search")],
            store=store, secrets={},
        )  # fmt: skip
        state = await graph.ainvoke({"messages": [HumanMessage("Tides.")]})
    assert "\U0001f98a" in repr(state["document"]["blocks"])
