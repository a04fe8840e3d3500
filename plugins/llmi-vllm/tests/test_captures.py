"""Answers of other people's servers, as they stand in public threads and repositories, mostly in part (captures.jsonl)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from llmi_agent.models import heard
from llmi_agent.models.tokens import reported
from llmi_agent.testing import Reply, Seen, Server, json_reply
from llmi_vllm.chat import Chat
from llmi_vllm.connection import ServerError

CAPTURES = [
    json.loads(line) for line in (Path(__file__).parent / "captures.jsonl").read_text().splitlines()
]


class Replaying(Server):
    """Sends these events, whatever it is asked."""

    def __init__(self, events: list[Any]) -> None:
        super().__init__()
        self._events = events

    def answer(self, request: Seen) -> Reply:
        if self._events[0].get("object") == "chat.completion":
            return json_reply(self._events[0])
        body = tuple(f"data: {json.dumps(each)}\n\n".encode() for each in self._events)
        return Reply(body=(*body, b"data: [DONE]\n\n"), media_type="text/event-stream")


async def chunks_of(events: list[Any]) -> list[AIMessageChunk]:
    with Replaying(events) as server:
        chat = Chat(model="m", base_url=f"{server.url}/v1", tokens=True)
        return [each async for each in chat.astream([HumanMessage("Hi")])]  # type: ignore[misc]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture["from"])
async def test_a_strangers_answer(capture: dict[str, Any]) -> None:
    chunks = await chunks_of(capture["events"])
    assert "".join(str(each.text) for each in chunks) == capture["text"]
    assert heard.reasoning_of(chunks) == capture.get("reasoning", "")
    assert heard.reason_of(chunks) == capture.get("finish", "")
    assert heard.weights_of(chunks) == ""
    usage = reported(chunks)
    counted = [usage["input_tokens"], usage["output_tokens"]] if usage else None
    assert counted == capture.get("usage")
    tokens = heard.sampled(chunks)[0]
    if lack := capture.get("lack"):
        assert tokens is None
        assert re.search(lack, heard.sampled(chunks)[1])
    else:
        assert tokens is not None
        assert tokens.logprobs is not None
        assert [*tokens.completion] == capture["ids"]
        assert [*tokens.logprobs] == capture["logprobs"]
        assert [[*each] for each in tokens.pieces] == capture["pieces"]


@pytest.mark.parametrize(
    ("event", "status", "words"),
    [
        (
            {"object": "error", "message": "context", "type": "BadRequestError", "code": 400},
            400,
            "context",
        ),
        (
            {"error": {"message": "EngineCore", "type": "InternalServerError", "code": 500}},
            500,
            "EngineCore",
        ),
        ({"error": "overloaded"}, 500, "error occurred"),
    ],
    ids=["vLLM before 0.11", "vLLM", "a word"],
)
async def test_an_error_among_the_events(event: dict[str, Any], status: int, words: str) -> None:
    first = CAPTURES[1]["events"][1]
    with pytest.raises(ServerError, match=words) as caught:
        await chunks_of([first, event])
    assert caught.value.status_code == status
