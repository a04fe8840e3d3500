"""Every request that a server saw has its record, and the record is true: litellm against a loopback server."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, message_to_dict
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from pydantic import Field

from llmi_agent.base.errors import InputError, PolicyError, UnavailableError
from llmi_agent.base.secrets import Redactor
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest, hookimpl
from llmi_agent.contract.policy import PolicyAgain
from llmi_agent.contract.tool import Failed
from llmi_agent.host.registry import registry_of
from llmi_agent.models.resolve import resolve_models
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import (
    Charged,
    Event,
    Message,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
)
from llmi_agent.records.journal import journal_beside
from llmi_agent.run.answer import Question
from llmi_agent.run.ask import CutShort, Policy
from llmi_agent.run.session import Session
from llmi_agent.run.toolkit import Toolkit
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    FakeTool,
    Hang,
    OpenAIServer,
    Reply,
    openai_error,
    random_png,
    slot,
)
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-canary-0123456789"
DRAFT = f"# The fox\n\nIt is red.\n\n{slot('search', 'A fox', query='fox')}\n"
PRICES: dict[str, Any] = {
    "openai/a": ModelPrice(input=10, output=40),
    "openai/b": ModelPrice(input=1, output=4),
}
FAST = Options(retry_wait=0.01, model_silence=20.0, prices=PRICES)
SENT = ("temperature", "top_p", "max_tokens", "stop", "seed")
EMPTY = Reply(body=(b"data: [DONE]\n\n",), media_type="text/event-stream")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer([DRAFT], key=KEY, chunk=9) as running:
        yield running


def graph_of(server: OpenAIServer, store: ArtifactStore, **given: Any) -> Any:
    return build_graph(
        **{
            "model": "openai/a",
            "api_base": f"{server.url}/v1",
            "tools": [FakeTool("s", "search")],
            "store": store,
            "secrets": {"OPENAI_API_KEY": KEY},
            "options": FAST,
            **given,
        }
    )


REQUEST = {"messages": [HumanMessage("The fox.")]}


async def until(holds: Callable[[], bool]) -> None:
    """Returns when it holds; for 20 s at most."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def records(store: ArtifactStore) -> list[tuple[float, Event]]:
    """All that is on record, with its times."""
    journal = journal_beside(store)
    return [each for name in journal.episodes() for each in events_of(journal.read(name))]


def of_type(store: ArtifactStore, kind: type) -> list[Any]:
    return [event for _, event in records(store) if isinstance(event, kind)]


def check(server: OpenAIServer, store: ArtifactStore) -> tuple[list[ModelStarted], list[Any]]:
    """Each request is on record once, as it went over the wire, and has ended once."""
    started, ended = of_type(store, ModelStarted), of_type(store, ModelEnded)
    assert len(started) == len({each.call for each in started}) == len(server.seen)
    assert [each.call for each in ended] == [each.call for each in started]
    bodies = [seen.json for seen in server.seen]
    assert [each.model.partition("/")[2] for each in started] == [b["model"] for b in bodies]
    for each, body in zip(started, bodies, strict=True):
        assert each.sampling == {name: body[name] for name in SENT if name in body}
    messages = of_type(store, Message)
    assert len(messages) == len({each.digest for each in messages})
    at = {(type(event), event.key): time for time, event in records(store)}
    for each in ended:
        times = [at[ModelStarted, each.call], each.first, at[ModelEnded, each.call]]
        assert (known := [time for time in times if time]) == sorted(known)
    open_ = {e.call for e in of_type(store, Charged)} - {
        e.call for e in of_type(store, Charged) if e.settled
    }
    assert not open_, "what was set aside is settled, or given back"
    return started, ended


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [openai_error(429, "slow down", "rate_limit_exceeded")],
        [openai_error(500, "oops"), openai_error(503, "oops")],
        [Cut(0.5)],
        [Cut(0.5), Cut(0.0), openai_error(500, "oops")],
        [GARBAGE],
        [EMPTY, Reply(200, b"", media_type="text/event-stream")],
        [openai_error(400, "no such parameter")],
    ],
    ids=["none", "429", "500 twice", "cut", "three", "garbage", "empty", "refused"],
)
async def test_every_request_is_on_record(
    server: OpenAIServer, store: ArtifactStore, faults: list[Any]
) -> None:
    server.fault(*faults)
    options = FAST.model_copy(update={"temperature": 0.5, "stop": ("THE END",)})
    await graph_of(server, store, fallback=["openai/b"], options=options).ainvoke(REQUEST)
    _, ended = check(server, store)
    assert [each.accepted for each in ended] == [False] * len(faults) + [True]
    assert all(each.error or each.cut for each in ended[:-1])
    assert ended[-1].answered_by == server.seen[-1].json["model"]
    assert ended[-1].finish_reason == "stop"
    assert ended[-1].output_tokens == len(server.tokens(DRAFT))


async def test_repairs_and_their_retries_are_on_record(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    tool = FakeTool("s", "search", [Failed("bad_params", "vague", True)] * 2 + [_picture])
    server.script = [DRAFT, slot("search", "A fox", query="red"), slot("search", "A", query="b")]
    graph = graph_of(server, store, tools=[tool])
    task = asyncio.ensure_future(graph.ainvoke(REQUEST))
    await until(lambda: bool(server.seen))
    server.fault(openai_error(500, "oops"))
    await task
    started, ended = check(server, store)
    assert [each.purpose for each in started] == ["draft", "repair", "repair", "repair"]
    assert [each.accepted for each in ended].count(False) == 1
    assert {each.parent for each in started[1:]} == {started[0].call}
    seeds = [each.sampling["seed"] for each in started]
    assert len(set(seeds)) == len(seeds), "another one for each purpose, attempt and retry"
    for each in started[1:]:
        assert each.messages[:2] == started[0].messages, "the same message has the same digest"
        assert each.messages[2] == started[0].call


def _picture(call: Any, context: Any) -> Any:
    return FakeTool("s", "search").picture(call, context)


async def test_a_request_that_was_stopped_has_ended_and_what_it_cost_is_settled(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(Hang(30))
    task = asyncio.create_task(graph_of(server, store).ainvoke(REQUEST))
    await until(lambda: bool(server.seen))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    _, ended = check(server, store)
    assert (ended[0].error, ended[0].accepted, ended[0].first) == (
        "the run was stopped",
        False,
        None,
    )


async def test_what_the_budget_refuses_is_neither_asked_nor_on_record(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"budget": 0.001})
    with pytest.raises(UnavailableError, match="--budget"):
        await graph_of(server, store, options=options).ainvoke(REQUEST)
    assert not server.seen
    kinds = {type(event) for _, event in records(store)}
    assert not kinds & {ModelStarted, ModelEnded, Message, Charged}


async def test_a_process_that_ends_in_mid_answer_leaves_a_start_and_the_next_life_asks_the_same(
    store: ArtifactStore, tmp_path: Path
) -> None:
    with OpenAIServer([DRAFT + "And so on. " * 100], key=KEY, chunk=9, pause=0.02) as server:
        task = asyncio.ensure_future(graph_of(server, store).ainvoke(REQUEST))
        await until(lambda: len(of_type(store, ModelText)) > 0)
        shutil.copytree(store.root, tmp_path / "killed")  # as the disk is at this moment
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        left = ArtifactStore(tmp_path / "killed")
        (cut,) = of_type(left, ModelStarted)
        assert not of_type(left, ModelEnded)
        server.script = [DRAFT]
        (episode,) = journal_beside(left).episodes()
        state = await graph_of(server, left).ainvoke({"resume": episode})
    first, again = of_type(left, ModelStarted)
    assert first == cut
    assert (again.call, again.messages, again.sampling) == ("model-1", cut.messages, cut.sampling)
    assert [each.call for each in of_type(left, ModelEnded)] == ["model-1"]
    assert len(server.seen) == 2
    charges = state["document"]["costs"]["charges"]
    assert [each["basis"] for each in charges if each["call"] == "model"] == [
        "unknown",
        "estimated",
    ]


@asynccontextmanager
async def asking(
    server: OpenAIServer, store: ArtifactStore, model: Any = "openai/a", **given: Any
) -> AsyncIterator[tuple[Policy, Session]]:
    """A policy, and a session that asks it."""
    hooks, options = given.pop("hooks", ()), given.pop("options", FAST)
    registry = registry_of(FakeTool("s", "search"), hooks=hooks)
    secrets = {"OPENAI_API_KEY": KEY}
    toolkit = Toolkit(
        registry, registry.bind({}, {}), store, journal_beside(store), options, secrets=secrets
    )
    models = resolve_models(
        model, policies=registry.policies, store=store, kinds=toolkit.kinds, options=options,
        secrets=secrets, api_base=f"{server.url}/v1" if isinstance(model, str) else None, **given,
    )  # fmt: skip
    policy = Policy(models, registry.host, store, toolkit.limits, toolkit.redactor)
    async with Session("e", toolkit) as session:
        session.tell(Opened(prompt="x"))
        yield policy, session


async def test_who_stops_to_listen_ends_the_call_and_settles_it_once(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    async with asking(server, store) as (policy, session):
        stream = policy.stream(Question("draft", [HumanMessage("x")]), session, {})
        first = await anext(stream)
        await stream.aclose()
        assert session.known.text("model-0") == first
    _, (ended,) = check(server, store)
    assert (ended.accepted, ended.error) == (False, "the run was stopped")
    assert len([e for e in of_type(store, Charged) if e.settled]) == 1


async def test_who_stops_at_the_last_word_changes_nothing_about_the_answer(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"max_tokens": 2})
    async with asking(server, store, options=options) as (policy, session):
        stream = policy.stream(Question("draft", [HumanMessage("x")]), session, {})
        async for piece in stream:
            if isinstance(piece, CutShort):
                break
        await stream.aclose()
    _, (ended,) = check(server, store)
    assert (ended.accepted, ended.error) == (True, "")
    assert ended.cut == "max_tokens allowed 2 tokens; raise it with --max-tokens"


async def test_a_run_that_is_stopped_before_the_request_goes_out_costs_nothing(
    server: OpenAIServer, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(server, store) as (policy, session):
        never = asyncio.Event()
        monkeypatch.setattr(session.ledger, "committed", lambda call: never.wait())
        task = asyncio.ensure_future(policy.answer(Question("judge", []), session, {}))
        await until(lambda: "model-0" in session.known.asked)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert session.ledger.costs.charges == ()
        assert session.known.answered["model-0"].error == "the run was stopped"
    assert not server.seen


HIDDEN = "\u200b".join(KEY)


@pytest.mark.parametrize("written", [KEY, HIDDEN, f"{KEY[:9]}\x00\u2060{KEY[9:]}"])
@pytest.mark.parametrize("chunk", [1, 4, 900])
async def test_a_secret_that_the_model_repeats_is_nowhere(
    store: ArtifactStore, written: str, chunk: int
) -> None:
    with OpenAIServer([f"# The key\n\nIt is {written}, and \x1b[31mred\x1b[0m."], chunk=chunk) as server:  # fmt: skip
        state = await graph_of(server, store).ainvoke({"messages": [HumanMessage(written)]})
    kept = (store.root / "journal.db").read_bytes() + (store.root / "journal.db-wal").read_bytes()
    assert _visible(KEY) not in _visible(kept.decode("latin-1"))
    for event in (repr(event) for _, event in records(store)):
        assert KEY not in _visible(event)
    assert KEY not in _visible(repr(state["document"]))
    (ended,) = of_type(store, ModelEnded)
    assert ended.withheld
    assert ended.raw is None
    assert "It is [secret], and" in "".join(e.text for e in of_type(store, ModelText))


def _visible(text: str) -> str:
    return re.sub(
        r"[\x00-\x1f\u200b\u2060]|\\u200b|\\u2060|\\u0000|\\x00|â\x80\x8b|â\x81\xa0", "", text
    )


def test_a_secret_is_erased_from_long_texts_without_delay() -> None:
    redactor = Redactor([KEY])
    assert redactor.text("a\u200bb" * 100_000 + HIDDEN + "x").endswith("b[secret]x")
    assert redactor.unfinished("x" + HIDDEN[:9]) == 9
    assert redactor.unfinished("s" + "\u200b" * 20_000) == 0, "it is not held for ever"


async def test_pictures_are_on_record_by_their_digests(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    png = random_png(40, 30)
    data = base64.b64encode(png).decode()
    blocks: list[Any] = [
        {"type": "text", "text": "Which is better?"},
        {"type": "image", "base64": data, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "audio", "base64": data, "mime_type": "audio/wav"},
    ]
    options = FAST.model_copy(update={"vision": True})
    async with asking(server, store, options=options) as (policy, session):
        question = Question("judge", [HumanMessage(blocks[:3])])
        assert await policy.answer(question, session, {}) == DRAFT
    (message,) = of_type(store, Message)
    assert data[:40] not in repr(message)
    digest = store.put(png)
    shown = [part["url"] for part in message.body["data"]["content"][1:]]
    assert shown == [f"artifact:{digest}"] * 2
    assert server.pictures == [png, png]


class Watcher:
    def __init__(self) -> None:
        self.purposes: list[str] = []

    @hookimpl
    async def llmi_after_model(
        self, request: ModelRequest, response: AIMessage, context: ModelContext, error: str | None
    ) -> None:
        self.purposes.append(request.purpose)


class Judged(TypedDict):
    verdicts: list[str]


async def test_any_purpose_is_asked_for_several_at_once_and_no_stream_is_told(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.script = lambda messages: f"Verdict on {messages[-1]['content']}."
    watcher = Watcher()
    async with asking(server, store, hooks=[watcher]) as (policy, session):

        async def judge(state: Judged, config: RunnableConfig) -> Judged:
            questions = (Question("judge", [HumanMessage(f"{n}")], slot=n) for n in range(5))
            told = await asyncio.gather(*(policy.answer(q, session, config) for q in questions))
            return {"verdicts": told}

        builder = StateGraph(Judged)
        builder.add_node("judge", judge)
        builder.add_edge(START, "judge")
        builder.add_edge("judge", END)
        heard: list[Any] = []
        state: Any = None
        modes: Any = ["messages", "values"]
        async for mode, piece in builder.compile().astream({"verdicts": []}, stream_mode=modes):
            if mode == "messages":
                heard.append(piece)
            else:
                state = piece
    assert state["verdicts"] == [f"Verdict on {n}." for n in range(5)]
    assert heard == []
    assert watcher.purposes == ["judge"] * 5
    started = of_type(store, ModelStarted)
    assert sorted(each.call for each in started) == [f"model-{n}" for n in range(5)]
    assert len({each.sampling["seed"] for each in started}) == 5
    assert len(of_type(store, ModelEnded)) == 5


async def test_tags_may_be_none(server: OpenAIServer, store: ArtifactStore) -> None:
    config: Any = {"tags": None}
    async with asking(server, store) as (policy, session):
        assert await policy.answer(Question("judge", [HumanMessage("x")]), session, config) == DRAFT


async def test_a_request_has_sampling_of_its_own(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"temperature": 0.2, "top_p": 0.9})
    asked = {"temperature": 1.5, "stop": "THE END", "max_tokens": 700}
    graph = graph_of(server, store, options=options)
    await graph.ainvoke({**REQUEST, "options": asked})
    (started,), _ = check(server, store)
    seed = started.sampling.pop("seed")
    assert started.sampling == {
        "temperature": 1.5, "top_p": 0.9, "max_tokens": 700, "stop": ["THE END"],
    }  # fmt: skip
    assert isinstance(seed, int)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"folders": ["/etc"]}, "cannot set the option 'folders'"),
        ({"download_allow": ["10.0.0.1"]}, "cannot set the option 'download_allow'"),
        ({"prices": {"openai/a": 0}}, "cannot set the option 'prices'"),
        ({"group_budget": 9.0}, "cannot set the option 'group_budget'"),
        ({"temperature": "hot"}, "temperature cannot be 'hot'"),
        ({"temperature": float("nan")}, "temperature cannot be nan"),
        ({"temperature": 1e999}, "temperature cannot be inf"),
        ({"temperature": [1]}, r"temperature cannot be \[1\]"),
        ({"top_p": float("nan")}, "top_p cannot be nan"),
        ({"max_tokens": 10**400}, "max_tokens cannot be"),
        ({"max_tokens": 0}, "max_tokens cannot be 0"),
        ({"stop": [""]}, "stop cannot be ''"),
        ({"stop": ["x" * 100_000]}, "stop cannot be"),
        ({"stop": [{}]}, "stop cannot be"),
        ({"budget": float("nan")}, "budget cannot be nan"),
        ({"x" * 100_000: 1}, "cannot set the option"),
        ([1], "must be an object"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_a_request_may_not_ask_for_is_one_sentence_and_nothing_is_asked(
    server: OpenAIServer, store: ArtifactStore, asked: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        await graph_of(server, store).ainvoke({**REQUEST, "options": asked})
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
    assert not server.seen
    assert not records(store)


async def test_a_request_cannot_raise_its_budget(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"budget": 0.001})
    graph = graph_of(server, store, options=options)
    with pytest.raises(UnavailableError, match=r"leaves \$0\.0010"):
        await graph.ainvoke({**REQUEST, "options": {"budget": 100.0}})
    assert not server.seen


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"max_tokens": 3}, "max_tokens allowed 3 tokens; raise it with --max-tokens"),
        (
            {"max_tokens": 3, "budget": 1.0},
            "max_tokens allowed 3 tokens; raise it with --max-tokens",
        ),
        (
            {"budget": 0.02, "max_tokens": 9000},
            r"the budget allowed \d+ tokens; raise it with --budget",
        ),
        (
            {"budget": 5.0},
            "under a budget, a draft may have 300 tokens; raise it with --max-tokens",
        ),
    ],
)
async def test_what_cut_the_answer_is_named(
    store: ArtifactStore, given: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmi_agent.run.allowance.MOST_TOKENS", 300)
    with OpenAIServer(["# The fox\n\n" + "x" * 5_000], chunk=9) as server:
        options = FAST.model_copy(update=given)
        state = await graph_of(server, store, options=options).ainvoke(REQUEST)
        (started,), _ = check(server, store)
    assert re.fullmatch(sentence, state["document"]["cut"])
    assert started.sampling["max_tokens"] == server.seen[0].json["max_tokens"]


async def test_a_context_that_is_full_before_is_not_blamed_on_who_set_a_limit(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "a"}
    usage = {"prompt_tokens": 4000, "completion_tokens": 96, "total_tokens": 4096}
    choices = [
        {"index": 0, "delta": {"content": "# The fox"}, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "length"},
    ]
    events = [{**head, "choices": [each]} for each in choices]
    events.append({**head, "choices": [], "usage": usage})
    body = b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in events)
    server.fault(Reply(body=(body, b"data: [DONE]\n\n"), media_type="text/event-stream"))
    options = FAST.model_copy(update={"max_tokens": 900})
    state = await graph_of(server, store, options=options).ainvoke(REQUEST)
    assert state["document"]["cut"] == "openai/a writes no more at once"


async def test_a_draft_that_ends_at_the_users_word_is_whole(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"stop": ("red",)})
    server.script = ["# The fox\n\nIt is "]
    state = await graph_of(server, store, options=options).ainvoke(REQUEST)
    assert state["document"]["cut"] == ""
    assert server.seen[0].json["stop"] == ["red"]


async def test_a_seed_that_the_server_does_not_know_is_left_out(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(422, "body.seed: Extra inputs are not permitted"))
    graph = graph_of(server, store, options=FAST.model_copy(update={"model_retries": 0}))
    await graph.ainvoke(REQUEST)
    started, ended = check(server, store)
    assert ["seed" in each.sampling for each in started] == [True, False]
    assert [each.accepted for each in ended] == [False, True]
    await graph.ainvoke(REQUEST)
    assert "seed" not in server.seen[2].json, "it is known from then on"


async def test_when_all_models_fail_all_is_on_record(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(404, "gone"), openai_error(403, "closed " + KEY + "x" * 9000))
    with pytest.raises(PolicyError):
        await graph_of(server, store, fallback=["openai/b"]).ainvoke(REQUEST)
    _, ended = check(server, store)
    assert "gone" in ended[0].error
    assert "closed [secret]" in ended[1].error
    assert len(ended[1].error) <= 2000


def test_a_message_is_itself_when_it_is_read_back() -> None:
    from langchain_core.messages import messages_from_dict

    body = message_to_dict(
        HumanMessage([{"type": "text", "text": "x"}], additional_kwargs={"a": 1})
    )
    (again,) = messages_from_dict([body])
    assert Message.of(message_to_dict(again)).digest == Message.of(body).digest


class Blocks(BaseChatModel):
    """A chat model that streams content blocks, and asks to be asked anew as often as it is told to."""

    again: list[PolicyAgain] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "blocks"

    def _generate(self, messages: Any, *args: Any, **given: Any) -> Any:
        raise NotImplementedError

    async def _astream(self, messages: Any, *args: Any, **given: Any) -> Any:
        if self.again:
            raise self.again.pop()
        for piece in ("Good, ", "all in all."):
            content: Any = [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "text", "text": piece},
            ]
            yield ChatGenerationChunk(message=AIMessageChunk(content))


async def test_a_model_that_speaks_in_blocks_judges_too(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    async with asking(server, store, Blocks()) as (policy, session):
        assert await policy.answer(Question("judge", []), session, {}) == "Good, all in all."
    (ended,) = of_type(store, ModelEnded)
    assert ended.reasoning == "Hm.Hm."


async def test_a_model_is_asked_anew_at_once_and_not_for_ever(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"retry_wait": 60.0})
    asks = [PolicyAgain("the server knows it not") for _ in range(9)]
    async with asking(server, store, Blocks(again=asks[:3]), options=options) as (policy, session):
        heard = [p async for p in policy.stream(Question("draft", []), session, {})]
    assert heard == ["Good, ", "all in all."], (
        "nobody is told of a restart: there was nothing to void"
    )
    assert [each.error for each in of_type(store, ModelEnded)] == [
        "the server knows it not"
    ] * 3 + [""]
    with pytest.raises(PolicyError, match="the server knows it not"):
        async with asking(server, store, Blocks(again=asks), options=options) as (policy, session):
            await policy.answer(Question("judge", []), session, {})


async def test_that_tokens_cannot_be_kept_is_said_once_of_each_model(
    server: OpenAIServer, store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    graph = graph_of(server, store, record="full")
    for _ in range(2):
        await graph.ainvoke(REQUEST)
    await graph_of(server, store, model="offline", record="full", api_base=None).ainvoke(
        {**REQUEST, "attachments": [asdict(attach_bytes(store, "t.csv", b"a,b\n1,2\n2,3\n"))]}
    )
    (said,) = [each for each in caplog.messages if "tokens.absent" in each]
    assert "what the model openai/a samples is not kept as asked: it gives no tokens" in said
