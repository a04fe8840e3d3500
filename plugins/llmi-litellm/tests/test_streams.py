"""What comes over the wire, odd as servers are: real LiteLLM against a loopback server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import ConfigError, InputError, LlmiError, UnavailableError
from llmi_agent.config.options import Options
from llmi_agent.document.model import Document
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import ModelEnded
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import (
    FakeTool,
    Reply,
    Seen,
    Server,
    check_light_import,
    json_reply,
    slot,
)
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*:UserWarning"
)

TEXT = (
    f"# Tides\n\nTwice a day.\n\n{slot('search', 'A harbour', query='harbour')}\n\nThat is all.\n"
)
TOOL = {"index": 0, "id": "x", "type": "function", "function": {"name": "imgen", "arguments": "{}"}}


def event(delta: dict[str, Any], end: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode()


def stream(text: str, end: str | None = "stop", *, done: bool = True, **last: Any) -> Reply:
    pieces = [event({"content": text[at : at + 9]}) for at in range(0, len(text), 9)]
    if end or last:
        pieces.append(event(last, end))
    if done:
        pieces.append(b"data: [DONE]\n\n")
    return Reply(body=tuple(pieces), media_type="text/event-stream")


class Odd(Server):
    """Answers as it is told, one after the other, and then always in the last way."""

    def __init__(self, *replies: Reply, refuses: str = "", streams: bool = True) -> None:
        super().__init__()
        self._replies = list(replies)
        self._refuses, self._streams = refuses, streams

    def answer(self, request: Seen) -> Reply:
        if self._refuses and self._refuses in request.json:
            said = f"extra_forbidden: {self._refuses}"
            return json_reply({"error": {"message": said, "code": 400}}, 400)
        if not self._streams or not request.json.get("stream"):
            message = {"role": "assistant", "content": TEXT}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140}
            whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
            return json_reply({**whole, "choices": [choice], "usage": usage})
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


@pytest.fixture
def graph(store: ArtifactStore) -> Iterator[Any]:
    def built(server: Odd) -> Any:
        return build_graph(
            model="openai/m",
            api_base=f"{server.url}/v1",
            tools=[FakeTool("s", "search")],
            store=store,
            secrets={},
            options=Options(retry_wait=0.01),
        )

    return built  # type: ignore[return-value]


def answers(store: ArtifactStore) -> list[ModelEnded]:
    """What is on record of each call, of all runs in their order."""
    journal = journal_beside(store)
    told = [each for name in journal.episodes() for each in events_of(journal.read(name))]
    return [
        event
        for _, event in sorted(told, key=lambda each: each[0])
        if isinstance(event, ModelEnded)
    ]


async def write(graph: Any) -> Document:
    state = await graph.ainvoke({"messages": [HumanMessage("Tides.")]})
    return Document.model_validate(state["document"])


def whole(document: Document) -> bool:
    return "That is all." in repr(document.blocks) and len(document.figures) == 1


@pytest.mark.parametrize(
    "cut",
    [
        stream(TEXT[:20], None, done=False),
        stream(TEXT[:20], None),
        stream(TEXT[:20], "abort"),
        stream(TEXT[:20], "network_error"),
    ],
    ids=["silent end", "done without a reason", "abort", "network error"],
)
async def test_a_stream_that_breaks_off_is_written_anew_or_said(graph: Any, cut: Reply) -> None:
    with Odd(cut, stream(TEXT)) as server:
        mended = await write(graph(server))
        assert whole(mended)
        assert mended.cut == ""
        assert len(server.seen) == 2
    with Odd(cut) as server:
        said = await write(graph(server))
        assert "openai/m" in said.cut
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("end", "cut"),
    [
        ("stop", ""),
        ("eos_token", ""),
        ("length", "writes no more"),
        ("MAX_TOKENS", "writes no more"),
        ("content_filter", "filter"),
    ],
)
async def test_the_reason_is_the_vendors_own(graph: Any, end: str, cut: str) -> None:
    with Odd(stream(TEXT, end)) as server:
        document = await write(graph(server))
    assert cut in document.cut
    assert bool(document.cut) == bool(cut)


async def test_a_server_that_refuses_stream_options_is_asked_without(
    graph: Any, store: ArtifactStore
) -> None:
    with Odd(stream(TEXT), refuses="stream_options") as server:
        built = graph(server)
        assert whole(await write(built))
        assert whole(await write(built))
        asked = ["stream_options" in seen.json for seen in server.seen]
    assert asked == [True, False, False]
    assert [each.accepted for each in answers(store)] == [False, True, True], "each is a call"


async def test_a_server_that_does_not_stream_is_read_whole(
    graph: Any, store: ArtifactStore
) -> None:
    with Odd(streams=False) as server:
        built = graph(server)
        for _ in range(3):
            document = await write(built)
            assert whole(document)
            assert document.cut == ""
        assert document.costs.charges[0].output_tokens == 40
        assert sorted(each.accepted for each in answers(store)) == [False] * 2 + [True] * 3
        assert {each.answered_by for each in answers(store) if each.accepted} == {"m"}
        assert [bool(seen.json.get("stream")) for seen in server.seen] == [
            *(True, False),
            *(True, False),
            False,
        ]


async def test_a_web_page_is_said_to_be_one(graph: Any) -> None:
    page = Reply(body=b"<html>502 Bad Gateway</html>", media_type="text/html; charset=utf-8")
    with Odd(page) as server:
        with pytest.raises(UnavailableError, match=r"answers with text/html.*--api-base"):
            await write(graph(server))
        assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["", "/"])
async def test_an_address_that_may_lack_its_path_is_named(
    path: str, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Reply(body=b"<html>Chat with us</html>", media_type="text/html")
    answers = (
        json_reply({"error": {"message": "Invalid URL (POST /chat/completions)"}}, 404),
        page,
    )
    for answer in answers:
        with Odd(answer) as server:
            bare = build_graph(
                model="openai/m",
                api_base=f"{server.url}{path}",
                store=store,
                secrets={"OPENAI_API_KEY": "sk-test"},
            )
            with pytest.raises(
                UnavailableError, match=r"\(--api-base\),? (which )?mostly ends in /v1"
            ):
                await write(bare)


async def test_a_model_that_is_not_known_at_a_whole_address_is_just_that(graph: Any) -> None:
    unknown = json_reply({"error": {"message": "no model m"}}, 404)
    with (
        Odd(unknown) as server,
        pytest.raises(LlmiError, match=r"not known there.*no model m") as said,
    ):
        await write(graph(server))
    assert "/v1" not in str(said.value)


async def test_a_call_of_a_tool_in_place_of_text_is_said(graph: Any) -> None:
    with (
        Odd(stream("", "tool_calls", tool_calls=[TOOL])) as server,
        pytest.raises(LlmiError, match="called the tool imgen instead of writing"),
    ):
        await write(graph(server))


async def test_retry_after_is_read_behind_a_litellm_proxy(graph: Any) -> None:
    busy = json_reply({"error": {"message": "slow"}}, 429)
    busy = replace(busy, headers={"llm_provider-retry-after": "3600"})
    with Odd(busy) as server:
        with pytest.raises(LlmiError, match="asks to wait 3600 s"):
            await write(graph(server))
        assert len(server.seen) == 1


def test_the_door_is_light() -> None:
    check_light_import("llmi_litellm.plugin")


@pytest.mark.parametrize(
    ("name", "takes", "not_"),
    [
        ("openai/gpt-4o-mini", "temperature top_p max_tokens stop seed", ""),
        ("openai/gpt-5", "max_tokens seed", "top_p stop"),
        ("anthropic/claude-sonnet-4-5", "temperature stop", "seed"),
        ("perplexity/sonar", "temperature", "stop seed"),
    ],
)
def test_what_a_model_takes_is_litellms_own_list(
    store: ArtifactStore, name: str, takes: str, not_: str
) -> None:
    from llmi_agent.contract import PolicyRequest
    from llmi_litellm.policy import make

    secrets = {f"{name.partition('/')[0].upper()}_API_KEY": "sk-0123456789"}
    model = make(PolicyRequest(name, name, store, lambda *_: "", secrets=secrets))
    assert model.takes is not None
    assert model.takes >= set(takes.split())
    assert not model.takes & set(not_.split())


async def test_an_option_that_a_model_does_not_take_is_refused_in_one_sentence(
    store: ArtifactStore,
) -> None:
    given: dict[str, Any] = {
        "model": "perplexity/sonar",
        "tools": [FakeTool("s", "search")],
        "store": store,
        "secrets": {"PERPLEXITY_API_KEY": "sk-0123456789"},
    }
    sentence = (
        r"^the model perplexity/sonar takes no stop; leave it out, or choose another model "
        r"\(it takes temperature, top_p, max_tokens\)"
    )
    with pytest.raises(ConfigError, match=sentence):
        build_graph(**given, options=Options(stop=("END",)))
    asked = {"messages": [HumanMessage("x")], "options": {"stop": ["END"]}}
    with pytest.raises(InputError, match=sentence):
        await build_graph(**given).ainvoke(asked)
