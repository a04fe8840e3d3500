"""What is recorded is what was sampled, bit by bit: the whole graph against a server on loopback."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent import ArtifactStore
from llmi_agent.base.errors import ConfigError, InputError, LlmiError, UnavailableError
from llmi_agent.config.options import Options
from llmi_agent.contract import TOKENS
from llmi_agent.document.model import Document
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import ModelEnded, ModelStarted, SlotPlanned, Tokens
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    FakeTool,
    Hang,
    Mime,
    Reply,
    Server,
    check_light_import,
    json_reply,
    random_png,
    slot,
)
from llmi_agent.traces.parts import tokens_of_span
from llmi_graphs import build_graph
from llmi_vllm.chat import NEUTRAL, Chat
from llmi_vllm.testing import FakeVLLM, Manner, Sent, refused

SLOT = slot("search", "Der Fuchs 🦊", query="Füchse")
DRAFT = f"# The fox 🦊🦊\n\nIt is réd.\n\n{SLOT}\n\nThe end.\n"
REQUEST = {"messages": [HumanMessage("The fox.")]}
FAST = Options(retry_wait=0.01, model_silence=20.0)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def graph_of(server: Server, store: ArtifactStore, **given: Any) -> Any:
    arguments = {
        "model": "vllm/Qwen/Qwen3-4B",
        "api_base": f"{server.url}/v1",
        "tools": [FakeTool("s", "search")],
        "store": store,
        "secrets": {},
        "options": FAST,
        "record": "full",
    }
    return build_graph(**{**arguments, **given})


async def write(graph: Any, **request: Any) -> Document:
    state = await graph.ainvoke({**REQUEST, **request})
    return Document.model_validate(state["document"])


def of_type(store: ArtifactStore, kind: type) -> list[Any]:
    """Of all runs, in their order."""
    journal = journal_beside(store)
    found = [each for name in journal.episodes()[::-1] for each in events_of(journal.read(name))]
    return [event for _, event in found if isinstance(event, kind)]


def check(sent: Sent, tokens: Tokens | None, text: str | None = None, mode: str = "") -> None:
    """The same ids and the same bits; and the pieces are of all of them, and of all the text."""
    assert tokens is not None
    assert (tokens.completion, tokens.prompt) == (sent.ids, sent.prompt)
    assert tokens.logprobs is not None
    assert [each.hex() for each in tokens.logprobs] == [each.hex() for each in sent.logprobs]
    assert tokens.mode == mode
    assert sum(count for count, _ in tokens.pieces) == len(sent.ids)
    assert sum(length for _, length in tokens.pieces) == len(sent.text if text is None else text)


MANNERS = {
    "token by token": Manner(),
    "several at once": Manner(tokens=3),
    "all at once": Manner(tokens=10_000),
    "true bytes": Manner(tokens=4, true_bytes=True),
    "reasoning": Manner(reasoning="Hm, a fox 🦊. Red?", tokens=2),
    "reasoning_content": Manner(reasoning="Hm", reasoning_name="reasoning_content"),
    "usage in each": Manner(usage="each"),
    "no usage": Manner(usage="never"),
    "whole though a stream was asked for": Manner(streams=False, reasoning="Hm."),
    "ids with whole answers only": Manner(ids_stream=False, reasoning="Hm."),
}


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
async def test_what_is_recorded_is_what_was_sent_and_a_slot_leads_to_its_tokens(
    store: ArtifactStore, manner: Manner
) -> None:
    with FakeVLLM([DRAFT], manner) as server:
        document = await write(graph_of(server, store))
    assert (document.title, len(document.figures)) == ("The fox 🦊🦊", 1)
    (planned,), ended = of_type(store, SlotPlanned), of_type(store, ModelEnded)[-1]
    check(server.sent[-1], ended.tokens)
    assert ended.reasoning == manner.reasoning
    assert (ended.finish_reason, ended.answered_by) == ("stop", "Qwen/Qwen3-4B")
    under = tokens_of_span(ended.tokens, planned.span)
    assert under is not None
    assert b"".join(server.sent[-1].tokens[slice(*under)]).strip() == SLOT.encode()


async def test_every_field_of_sampling_is_sent_and_on_record(store: ArtifactStore) -> None:
    options = FAST.model_copy(update={"temperature": 0.7, "max_tokens": 900})
    with FakeVLLM([DRAFT]) as server:
        await write(graph_of(server, store, options=options))
        await write(graph_of(server, store, record="events"))
    full, events = of_type(store, ModelStarted)
    told = {"logprobs": True, "return_token_ids": True}
    seed = full.sampling["seed"]
    assert full.sampling == {**NEUTRAL, **told, "temperature": 0.7, "max_tokens": 900, "seed": seed}
    assert events.sampling == {**NEUTRAL, "seed": events.sampling["seed"]}
    for each, seen in zip((full, events), server.seen, strict=True):
        sent = {**seen.json}
        for name in ("model", "messages", "stream", "stream_options"):
            del sent[name]
        assert sent == each.sampling


async def test_without_a_full_record_no_tokens_are_asked_for(store: ArtifactStore) -> None:
    with FakeVLLM([DRAFT]) as server:
        await write(graph_of(server, store, record=None))
    assert not {"logprobs", "return_token_ids"} & server.seen[0].json.keys()
    (ended,) = of_type(store, ModelEnded)
    assert ended.tokens is None
    assert ended.output_tokens == len(server.sent[0].ids)


async def test_a_repair_is_a_call_of_its_own_with_its_own_tokens(store: ArtifactStore) -> None:
    broken = DRAFT.replace('"query"', '"nothing"')
    with FakeVLLM([broken, SLOT], Manner(tokens=2)) as server:
        document = await write(graph_of(server, store))
    assert len(document.figures) == 1
    draft, repair = of_type(store, ModelEnded)
    check(server.sent[0], draft.tokens)
    check(server.sent[1], repair.tokens)
    assert len({each.sampling["seed"] for each in of_type(store, ModelStarted)}) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Cut(0.5),
        Cut(0.9),
        Cut(0.03),
        json_reply({"error": "busy"}, 503),
        GARBAGE,
        refused("no seed"),
    ],
    ids=["half", "most", "hardly", "503", "garbage", "seed"],
)
async def test_what_was_cut_or_made_again_is_a_call_of_its_own(
    store: ArtifactStore, fault: Any
) -> None:
    with FakeVLLM([DRAFT], Manner(tokens=2)) as server:
        server.fault(fault)
        document = await write(graph_of(server, store))
    assert (len(document.figures), document.cut) == (1, "")
    first, last = of_type(store, ModelEnded)
    assert (first.accepted, last.accepted) == (False, True)
    check(server.sent[-1], last.tokens)
    if not isinstance(fault, Cut):
        assert first.tokens is None
        return
    assert "peer closed connection" in first.error
    sent = server.sent[0]
    if fault.share == 0.03:
        assert first.tokens is None, "not one token had come"
        return
    count = len(first.tokens.completion)
    assert 0 < count < len(sent.ids)
    assert (first.tokens.completion, first.tokens.prompt) == (sent.ids[:count], sent.prompt)
    assert first.tokens.logprobs == sent.logprobs[:count]


@pytest.mark.parametrize(("code", "calls"), [("503", 2), (None, 2), (400, 1)])
async def test_an_error_in_the_middle_of_a_stream_is_tried_again(
    store: ArtifactStore, code: Any, calls: int
) -> None:
    options = FAST.model_copy(update={"model_retries": 1})
    with FakeVLLM([DRAFT], Manner(breaks_after=9, break_code=code)) as server:
        graph = graph_of(server, store, options=options)
        with pytest.raises(LlmiError, match="broke off: EngineCore died"):
            await write(graph)
    assert len(server.seen) == calls
    for ended, sent in zip(of_type(store, ModelEnded), server.sent, strict=True):
        assert ended.tokens.completion == sent.ids[:8]
        assert "EngineCore died" in ended.error


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        (Manner(ids=False), "gives no token ids"),
        (Manner(loses=2), r"counts \d+ tokens, and gave the ids of \d+"),
        (Manner(floors=True), "has no logprob of 1 of its tokens"),
        (Manner(refuses=("return_token_ids",)), "gives no token ids"),
        (Manner(refuses=("logprobs", "return_token_ids")), "gives no token ids"),
        (Manner(ids_stream=False, ids=False), "gives no token ids"),
    ],
    ids=["ignored", "fewer", "no logprob of one", "refused", "both refused", "sglang without"],
)
async def test_what_a_server_cannot_give_is_absent_and_that_is_said_once(
    store: ArtifactStore, manner: Manner, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with FakeVLLM([DRAFT.replace('"query"', '"nothing"'), SLOT], manner) as server:
        graph = graph_of(server, store)
        document = await write(graph)
        await write(graph)
    assert len(document.figures) == 1
    accepted = [each for each in of_type(store, ModelEnded) if each.accepted]
    assert [each.tokens for each in accepted] == [None] * 3
    said = [each for each in caplog.messages if "tokens.absent" in each]
    assert len(said) == 1
    (message,) = said
    assert "vllm/Qwen/Qwen3-4B" in message
    assert re.search(words, message), message


@pytest.mark.parametrize(
    "manner",
    [Manner(logprobs=False), Manner(refuses=("logprobs",))],
    ids=["null", "refused"],
)
async def test_ids_without_logprobs_are_kept_without(
    store: ArtifactStore, manner: Manner, caplog: pytest.LogCaptureFixture
) -> None:
    with FakeVLLM([DRAFT], manner) as server:
        await write(graph_of(server, store))
    tokens = of_type(store, ModelEnded)[-1].tokens
    assert (tokens.completion, tokens.logprobs) == (server.sent[-1].ids, None)
    assert any("it gives no logprobs" in each for each in caplog.messages)


async def test_ids_may_be_written_in_place_of_the_tokens(store: ArtifactStore) -> None:
    with FakeVLLM([DRAFT], Manner(ids=False, numbered=True)) as server:
        await write(graph_of(server, store))
    tokens, sent = of_type(store, ModelEnded)[-1].tokens, server.sent[-1]
    assert (tokens.completion, tokens.logprobs) == (sent.ids, sent.logprobs)
    assert tokens.prompt is None


@pytest.mark.parametrize("name", ["top_k", "stream_options"])
async def test_a_field_that_is_not_known_is_left_out_from_then_on(
    store: ArtifactStore, name: str
) -> None:
    with FakeVLLM([DRAFT], Manner(refuses=(name,))) as server:
        graph = graph_of(server, store)
        await write(graph)
        await write(graph)
    assert [name in seen.json for seen in server.seen] == [True, False, False]
    for each, seen in zip(of_type(store, ModelStarted), server.seen, strict=False):
        assert (name in each.sampling) <= (name in seen.json)
    check(server.sent[-1], of_type(store, ModelEnded)[-1].tokens)


async def test_a_server_that_knows_little_is_asked_three_times_at_most(
    store: ArtifactStore,
) -> None:
    strange = ("top_k", "min_p", "repetition_penalty", "return_token_ids", "stream_options")
    with FakeVLLM([DRAFT], Manner(refuses=strange, one_by_one=True)) as server:
        document = await write(graph_of(server, store))
    assert len(document.figures) == 1
    assert len(server.seen) == 3
    for each, seen in zip(of_type(store, ModelStarted), server.seen, strict=True):
        assert each.sampling.items() <= seen.json.items(), "what is on record was sent"
        assert not [name for name in NEUTRAL if name in seen.json and name not in each.sampling]


async def test_stop_strings_are_refused_where_tokens_are_kept(store: ArtifactStore) -> None:
    stopping = FAST.model_copy(update={"stop": ("THE END",)})
    with FakeVLLM([DRAFT]) as server:
        with pytest.raises(ConfigError, match="takes no stop strings where its tokens are"):
            graph_of(server, store, options=stopping)
        with pytest.raises(InputError, match="takes no stop strings where its tokens are"):
            await write(graph_of(server, store), options={"stop": ["THE END"]})
        await write(graph_of(server, store, options=stopping, record="events"))
    assert [seen.json["stop"] for seen in server.seen] == [["THE END"]]


@pytest.mark.parametrize(("said", "stated", "known"), [("v7", "x", "v7"), ("default", "x", "x")])
async def test_the_version_of_the_weights(
    store: ArtifactStore, said: str, stated: str, known: str
) -> None:
    options = FAST.model_copy(update={"weights": stated})
    with FakeVLLM([DRAFT], Manner(weights=said)) as server:
        await write(graph_of(server, store, options=options))
    assert of_type(store, ModelEnded)[-1].weights == known


async def test_the_mode_of_the_logprobs_is_what_the_user_states(store: ArtifactStore) -> None:
    stated = {"VLLM_LOGPROBS_MODE": "processed_logprobs"}
    with FakeVLLM([DRAFT]) as server:
        await write(graph_of(server, store, secrets=stated))
        with pytest.raises(ConfigError, match="'raw_logits' gives no logprobs"):
            graph_of(server, store, secrets={"VLLM_LOGPROBS_MODE": "raw_logits"})
    check(server.sent[0], of_type(store, ModelEnded)[0].tokens, mode="processed_logprobs")


async def test_an_answer_that_is_too_long_is_cut_and_its_tokens_are_those_of_the_part(
    store: ArtifactStore,
) -> None:
    options = FAST.model_copy(update={"max_tokens": 12})
    with FakeVLLM([DRAFT], Manner(tokens=5)) as server:
        document = await write(graph_of(server, store, options=options))
    assert "max_tokens allowed 12 tokens" in document.cut
    (ended,) = of_type(store, ModelEnded)
    assert (ended.finish_reason, len(ended.tokens.completion)) == ("length", 12)
    assert (ended.tokens.completion, ended.tokens.logprobs) == (
        server.sent[0].ids,
        server.sent[0].logprobs,
    )


async def test_a_secret_that_the_model_repeats_leaves_no_tokens(store: ArtifactStore) -> None:
    key = "sk-canary-0123456789"
    with FakeVLLM([DRAFT.replace("réd", key)], key=key) as server:
        await write(graph_of(server, store, secrets={"VLLM_API_KEY": key}))
    (ended,) = of_type(store, ModelEnded)
    assert (ended.withheld, ended.tokens, ended.raw) == (True, None, None)


async def test_a_secret_in_the_prompt_is_not_kept_as_ids(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    key = "sk-canary-0123456789"
    with FakeVLLM([DRAFT.replace('"query"', '"nothing"'), SLOT], key=key) as server:
        graph = graph_of(server, store, secrets={"VLLM_API_KEY": key})
        await write(graph, messages=[HumanMessage(f"The fox. My key is {key}.")])
    draft, repair = of_type(store, ModelEnded)
    assert (draft.tokens.completion, draft.tokens.prompt) == (server.sent[0].ids, None)
    check(server.sent[1], repair.tokens)
    assert key not in json.dumps(server.seen[1].json["messages"])
    assert any("a secret is in the prompt" in each for each in caplog.messages)


async def test_a_model_that_sees_is_shown_pictures(store: ArtifactStore) -> None:
    picture = attach_bytes(store, "fox.png", random_png())
    with FakeVLLM([DRAFT]) as server:
        for model in ("vllm/Qwen/Qwen2.5-VL-7B-Instruct", "vllm/Qwen/Qwen3-4B"):
            await write(graph_of(server, store, model=model), attachments=[asdict(picture)])
    seeing, blind = (json.dumps(seen.json["messages"]) for seen in server.seen)
    assert "data:image/png;base64," in seeing
    assert "base64" not in blind


KEYS = ("authorization", "openai-organization", "openai-project", "x-canary")


async def test_nothing_of_the_process_goes_along(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-the-process")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-canary")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-canary")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Canary: canary\nAuthorization: Bearer canary")
    with FakeVLLM([DRAFT], key="its-own-key") as server:
        await write(graph_of(server, store, secrets={"VLLM_API_KEY": "its-own-key"}))
    assert "canary" not in repr(server.seen[0].headers)
    assert "stainless" not in repr(server.seen[0].headers).lower()
    with FakeVLLM([DRAFT]) as server:
        await write(graph_of(server, store))
    assert not [name for name in KEYS if name in server.seen[0].headers]


@pytest.mark.parametrize(
    ("secrets", "api_base", "error", "words"),
    [
        ({}, None, UnavailableError, "needs the address of its server: --api-base"),
        ({"VLLM_BASE_URL": "localhost"}, None, ConfigError, "VLLM_BASE_URL is no address"),
        ({"VLLM_BASE_URL": "http://u:p@h/v1"}, None, ConfigError, "VLLM_BASE_URL is no address"),
    ],
)
def test_without_an_address_there_is_one_sentence(
    store: ArtifactStore,
    secrets: Mapping[str, str],
    api_base: str | None,
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        build_graph(
            model="vllm/m",
            api_base=api_base,
            tools=[FakeTool("s", "search")],
            store=store,
            secrets=secrets,
        )


async def test_a_server_that_is_not_there_is_named(store: ArtifactStore, quick: Options) -> None:
    with FakeVLLM() as server:
        graph = graph_of(server, store, options=quick)
    with pytest.raises(LlmiError, match=r"Unreachable: http://127.0.0.1:\d+/v1/: .*connect"):
        await write(graph)


@pytest.mark.parametrize("name", ["VLLM_BASE_URL", "VLLM_API_BASE"])
async def test_the_address_may_be_a_variable(store: ArtifactStore, name: str) -> None:
    with FakeVLLM([DRAFT]) as server:
        graph = graph_of(server, store, api_base=None, secrets={name: f"{server.url}/v1"})
        assert (await write(graph)).title == "The fox 🦊🦊"


@pytest.fixture
def quick() -> Options:
    return FAST.model_copy(update={"model_retries": 0, "model_silence": 0.5})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Mime("text/html"), "answers with text/html, where text should stream"),
        (json_reply({"detail": "Not Found"}, 404), "has no /chat/completions"),
        (
            json_reply({"error": {"message": "The model `x` does not exist.", "code": 404}}, 404),
            "not known there .HTTP 404.*does not exist",
        ),
        (json_reply({"error": "Unauthorized"}, 401), "its key is not accepted"),
        (Reply(body=(b"data: {]\n\n",), media_type="text/event-stream"), "is no JSON"),
        (Reply(body=(b"data: 5\n\n",), media_type="text/event-stream"), "is no event"),
        (json_reply({"error": {"message": "no", "code": 400}}), "broke off: no"),
        (json_reply([1]), "is no event"),
        (Hang(20), "said nothing for 0.5 s"),
        (refused("This model's maximum context length is 4096 tokens."), "maximum context length"),
    ],
    ids=[
        "html",
        "path",
        "model",
        "key",
        "garbage",
        "number",
        "error as 200",
        "list",
        "hang",
        "context",
    ],
)
async def test_what_cannot_be_an_answer_is_one_sentence(
    store: ArtifactStore, quick: Options, fault: Any, words: str
) -> None:
    with FakeVLLM([DRAFT]) as server:
        server.fault(fault)
        with pytest.raises(LlmiError, match=words) as caught:
            await write(graph_of(server, store, options=quick))
        async with asyncio.timeout(60):
            while isinstance(fault, Hang) and not server.seen[0].cancelled:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
    assert "\n" not in str(caught.value)
    assert len(server.seen) == 1


def test_the_door_is_light() -> None:
    check_light_import("llmi_vllm.plugin")


def test_it_is_a_chat_model_for_anybody() -> None:
    with FakeVLLM(["Hello 🦊."], Manner(reasoning="Hm.")) as server:
        chat = Chat(model="m", base_url=f"{server.url}/v1", tokens=True)
        answers = [chat.invoke("Hi"), chat.invoke("Hi")]  # each on an event loop of its own
    assert [each.text for each in answers] == ["Hello 🦊."] * 2
    said = answers[1].response_metadata[TOKENS]
    assert (said["completion"], said["logprobs"]) == (
        [*server.sent[1].ids],
        [*server.sent[1].logprobs],
    )
    assert answers[1].usage_metadata["output_tokens"] == len(server.sent[1].ids)
