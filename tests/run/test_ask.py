"""The policy over litellm against a loopback server: streams, retries, fallbacks, costs, pictures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from llmi_agent.base.errors import InputError, PolicyError, UnavailableError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest, hookimpl
from llmi_agent.contract.policy import PolicyFailed
from llmi_agent.contract.tool import Failed
from llmi_agent.document.model import Document
from llmi_agent.host.registry import registry_of
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    FakeTool,
    Hang,
    OpenAIServer,
    Reply,
    ScriptedModel,
    openai_error,
    random_png,
    slot,
)
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-canary-0123456789"
CHAT = "/chat/completions"
DRAFT = f"# The fox\n\nIt is red, and the key is {KEY}.\n\n{slot('search', 'A fox', query='fox')}\n"
PRICES: dict[str, Any] = {
    "openai/a": ModelPrice(input=10, output=40),
    "openai/b": ModelPrice(input=1, output=4),
}
FAST = Options(retry_wait=0.01, model_silence=20.0, prices=PRICES)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer([DRAFT], key=KEY, chunk=9) as running:
        yield running


class Run:
    """A document written by the server's models, with what was seen of it."""

    def __init__(self, document: dict[str, Any], events: list[dict[str, Any]]) -> None:
        self.raw = document
        self.document = Document.model_validate(document)
        self.events = events

    @property
    def text(self) -> str:
        """What a reader of the stream has in the end: a restart voids what came before it."""
        said = ""
        for event in self.events:
            if event["type"] == "restart":
                said = ""
            said += event["text"] if event["type"] == "text" else ""
        return said


async def run(
    server: OpenAIServer,
    store: ArtifactStore,
    *,
    options: Options = FAST,
    attachments: Any = (),
    tool: FakeTool | None = None,
    **given: Any,
) -> Run:
    graph = build_graph(
        model=given.pop("model", "openai/a"),
        api_base=f"{server.url}/v1",
        tools=[tool or FakeTool("s", "search")],
        store=store,
        secrets={"OPENAI_API_KEY": KEY},
        options=options,
        **given,
    )
    events: list[dict[str, Any]] = []
    state: dict[str, Any] = {}
    request = {
        "messages": [HumanMessage("The fox.")],
        "attachments": [asdict(a) for a in attachments],
    }
    async for mode, event in graph.astream(request, stream_mode=["custom", "values"]):
        if mode == "custom":
            events.append(event)
        else:
            state = event
    return Run(state["document"], events)


async def test_the_draft_streams_and_its_cost_is_known_from_the_reported_tokens(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    done = await run(server, store)
    assert done.document.title == "The fox"
    assert done.document.policy == "openai/a"
    assert len([event for event in done.events if event["type"] == "text"]) > 1
    (charge,) = [each for each in done.document.costs.charges if each.call == "model"]
    read, written = len(server.prompt_tokens(server.asked[0])), len(server.tokens(DRAFT))
    assert (charge.input_tokens, charge.output_tokens) == (read, written)
    assert charge.usd == pytest.approx((read * 10 + written * 40) / 1e6)
    assert (charge.basis, charge.purpose) == ("estimated", "draft"), "a server of one's own"
    assert done.document.costs.unknown == 0
    assert {"model", "tool"} == {e["call"] for e in done.events if e["type"] == "cost"}


async def test_the_key_is_sent_and_is_nowhere_else(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    done = await run(server, store)
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert "the key is [secret]." in done.text
    assert "canary" not in json.dumps([done.raw, done.events])


@pytest.mark.parametrize(
    "fault",
    [
        openai_error(429, "slow down", "rate_limit_exceeded"),
        openai_error(500, "oops"),
        openai_error(503, "overloaded"),
        openai_error(408, "too slow"),
        Cut(0.5),
        Cut(0.0),
        replace(GARBAGE, media_type="text/event-stream"),
        Reply(200, b"", media_type="text/event-stream"),
    ],
    ids=["429", "500", "503", "408", "cut", "cut at once", "garbage", "empty"],
)
async def test_what_may_pass_is_tried_again_and_the_partial_draft_is_void(
    server: OpenAIServer, store: ArtifactStore, fault: Any
) -> None:
    server.fault(fault, path=CHAT)
    tool = FakeTool("s", "search")
    done = await run(server, store, tool=tool)
    assert server.paths() == [f"/v1{CHAT}"] * 2
    assert done.text == DRAFT[: DRAFT.index("<imgen>")].replace(KEY, "[secret]") + "\n"
    assert [event["model"] for event in done.events if event["type"] == "restart"] == ["openai/a"]
    assert len(done.document.figures) == len(tool.calls) == 1


async def test_a_cut_stream_is_charged_as_an_estimate(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(Cut(0.7), path=CHAT)
    done = await run(server, store)
    charges = [each for each in done.document.costs.charges if each.call == "model"]
    assert len(charges) == 2
    assert charges[0].input_tokens is None
    assert (charges[0].usd or 0) > 0


async def test_a_request_that_was_turned_away_is_no_charge(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(429, "slow down", "rate_limit_exceeded"), path=CHAT)
    done = await run(server, store)
    assert len([each for each in done.document.costs.charges if each.call == "model"]) == 1


@pytest.mark.parametrize(
    ("reason", "words"), [("length", "writes no more at once"), ("content_filter", "the filter")]
)
async def test_a_draft_that_the_model_cuts_short_is_said_to_be(
    server: OpenAIServer, store: ArtifactStore, reason: str, words: str
) -> None:
    server.fault(_stream("# The fox\n\nIt was", reason), path=CHAT)
    done = await run(server, store)
    assert words in done.document.cut
    assert len(server.seen) == 1
    graph = build_graph(
        model=ScriptedModel(script=["x"]), tools=[FakeTool("s", "search")], store=store
    )
    again = await graph.ainvoke({"resume": done.document.episode})
    assert again["document"]["cut"] == done.document.cut


def _stream(text: str, reason: str) -> Reply:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": reason}
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "a"}
    events = [json.dumps({**head, "choices": [each]}) for each in (choice, end)]
    body = tuple(f"data: {event}\n\n".encode() for event in events)
    return Reply(body=body, media_type="text/event-stream")


async def test_a_budget_that_cuts_the_draft_says_so(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.script = ["# The fox\n\n" + "It is red and quick. " * 2000]
    done = await run(server, store, options=FAST.model_copy(update={"budget": 0.1}))
    assert "--budget" in done.document.cut


async def test_a_long_line_of_dashes_is_no_broken_model(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.script = ["# The fox\n\n" + "=" * 9 * 400 + "\n\nRed."]
    done = await run(server, store)
    assert len(server.seen) == 1
    assert done.text.endswith("Red.")


async def test_retry_after_is_honoured(server: OpenAIServer, store: ArtifactStore) -> None:
    server.fault(openai_error(429, "slow down", Retry_After="1"), path=CHAT)
    await run(server, store)
    first, second = server.seen
    assert 1.0 <= second.at - first.at < 3.0


async def test_nobody_waits_for_a_vendor_that_asks_for_an_hour(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(429, "come back later", Retry_After="3600"), path=CHAT)
    done = await run(server, store, fallback=["openai/b"])
    assert done.document.policy == "openai/b"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (openai_error(400, "no such parameter", "invalid_value"), "no such parameter"),
        (openai_error(401, "wrong key sk-canary-0123456789", "invalid_api_key"), "wrong key"),
        (openai_error(402, "pay first"), "pay first"),
        (openai_error(403, "not for you"), "not for you"),
        (openai_error(404, "no such model", "model_not_found"), "no such model"),
        (openai_error(422, "cannot be processed"), "cannot be processed"),
        (openai_error(429, "You exceeded your current quota", "insufficient_quota"), "quota"),
    ],
    ids=["400", "401", "402", "403", "404", "422", "no credit"],
)
async def test_what_will_not_pass_is_not_tried_again(
    server: OpenAIServer, store: ArtifactStore, fault: Any, words: str
) -> None:
    server.fault(fault, path=CHAT)
    with pytest.raises(PolicyError, match="the model openai/a failed") as caught:
        await run(server, store)
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)
    assert len(server.seen) == 1


async def test_a_model_that_says_nothing_is_left_after_its_silence(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(Hang(30), path=CHAT)
    began = asyncio.get_running_loop().time()
    options = FAST.model_copy(update={"model_silence": 0.5, "model_retries": 0})
    with pytest.raises(PolicyError, match=r"said nothing for 0\.5 s"):
        await run(server, store, options=options)
    assert asyncio.get_running_loop().time() - began < 3.0
    await asyncio.sleep(0.1)
    assert server.seen[0].cancelled


async def test_retries_end(server: OpenAIServer, store: ArtifactStore) -> None:
    server.fault(openai_error(500, "oops"), path=CHAT, times=9)
    options = FAST.model_copy(update={"model_retries": 2})
    with pytest.raises(PolicyError, match="oops"):
        await run(server, store, options=options)
    assert len(server.seen) == 3


async def test_the_next_model_writes_when_the_first_fails(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(404, "no such model", "model_not_found"), path=CHAT)
    done = await run(server, store, fallback=["openai/b"])
    assert [seen.json["model"] for seen in server.seen] == ["a", "b"]
    assert done.document.policy == "openai/b"
    (restart,) = [event for event in done.events if event["type"] == "restart"]
    assert restart["model"] == "openai/b"
    assert "no such model" in restart["message"]
    (charge,) = [each for each in done.document.costs.charges if each.call == "model"]
    assert charge.name == "openai/b"


async def test_a_resumed_run_knows_who_wrote_and_what_it_cost(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(404, "no such model", "model_not_found"), path=CHAT)
    first = await run(server, store, fallback=["openai/b"])
    graph = build_graph(
        model="openai/a",
        fallback=["openai/b"],
        api_base=f"{server.url}/v1",
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
        options=FAST,
    )
    asked = len(server.seen)
    again = await graph.ainvoke({"resume": first.document.episode})
    assert again["document"]["policy"] == "openai/b"
    assert again["document"]["costs"] == first.raw["costs"]
    assert len(server.seen) == asked


async def test_when_all_models_fail_each_is_named(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(404, "gone"), openai_error(403, "closed"), path=CHAT)
    with pytest.raises(PolicyError, match=r"openai/a failed.*gone.*openai/b failed.*closed"):
        await run(server, store, fallback=["openai/b"])


async def test_repairs_are_charged_to_their_slot(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    tool = FakeTool(
        "s", "search", [Failed("bad_params", "too vague", True), FakeTool("s", "search").picture]
    )
    answer = iter([DRAFT, slot("search", "A fox", query="red fox")])
    server.script = lambda messages: next(answer)
    done = await run(server, store, tool=tool)
    repairs = [each for each in done.document.costs.charges if each.purpose == "repair"]
    assert [each.slot for each in repairs] == [0]
    assert done.document.figures[0].params == {"query": "red fox"}


async def test_cancelling_the_run_hangs_up(server: OpenAIServer, store: ArtifactStore) -> None:
    server.fault(Hang(30), path=CHAT)
    task = asyncio.create_task(run(server, store))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)
    assert server.seen[0].cancelled


async def test_a_model_that_sees_is_shown_the_attached_pictures_and_a_blind_one_their_list(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    picture = attach_bytes(store, "fox.png", random_png(2000, 20))
    seeing = FAST.model_copy(update={"vision": True})
    await run(server, store, attachments=[picture], options=seeing)
    await run(server, store, attachments=[picture])
    shown, listed = (asked[-1]["content"] for asked in server.asked)
    assert [part["type"] for part in shown] == ["text", "image_url"]
    assert "img_index 0: fox.png" in shown[0]["text"]
    assert isinstance(listed, str)
    assert "img_index 0: fox.png" in listed
    (seen,) = server.pictures
    from io import BytesIO

    from PIL import Image

    assert max(Image.open(BytesIO(seen)).size) == 1568
    assert b"iVBOR" not in (store.root / "journal.db").read_bytes()


async def test_a_budget_that_is_too_small_for_the_draft_ends_before_any_call(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    with pytest.raises(UnavailableError, match=r"budget leaves \$0\.0100.*--budget"):
        await run(server, store, options=FAST.model_copy(update={"budget": 0.01}))
    assert not server.seen


async def test_a_budget_limits_the_length_of_the_answer(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    done = await run(server, store, options=FAST.model_copy(update={"budget": 0.1}))
    most = server.seen[0].json["max_tokens"]
    assert 256 < most < 0.1 / 40e-6
    assert done.document.costs.usd < 0.1


async def test_an_unknown_price_is_refused_under_a_budget_naming_the_setting(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"budget": 1.0, "prices": {}})
    with pytest.raises(UnavailableError, match=r'options\.prices.*"openai/a" = \{input'):
        await run(server, store, options=options)
    assert not server.seen


async def test_a_budget_that_the_first_model_exceeds_is_spent_on_the_next(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    options = FAST.model_copy(update={"budget": 0.012})
    done = await run(server, store, options=options, fallback=["openai/b"])
    assert done.document.policy == "openai/b"


async def test_when_the_budget_is_used_up_the_document_is_still_composed(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.script = [DRAFT + slot("search", "Another", query="wolf")]
    prices = {**PRICES, "s": 0.05}
    options = FAST.model_copy(update={"budget": 0.1, "prices": prices})
    tool = FakeTool("s", "search", usd=0.05)
    tool.picture = lambda call, context: _unpriced(tool, call, context)  # type: ignore[method-assign]
    done = await run(server, store, options=options, tool=tool)
    assert len(done.document.figures) == 1
    (missing,) = done.document.missing
    assert missing.reason == "budget"
    assert "--budget" in missing.message
    assert done.document.costs.usd <= 0.1
    assert [c.basis for c in done.document.costs.charges if c.call == "tool"] == ["estimated"]


def _unpriced(tool: FakeTool, call: Any, context: Any) -> Any:
    from dataclasses import replace

    return replace(FakeTool.picture(tool, call, context), usd=None)


async def test_a_tool_of_unknown_price_is_refused_under_a_budget(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    done = await run(server, store, options=FAST.model_copy(update={"budget": 0.1}))
    (missing,) = done.document.missing
    assert missing.reason == "budget"
    assert '"s" = 0.05' in missing.message


async def test_a_model_without_a_price_is_unknown_and_never_free(
    store: ArtifactStore, tmp_path: Path
) -> None:
    graph = build_graph(
        model=ScriptedModel(script=[DRAFT]), tools=[FakeTool("s", "search")], store=store
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("x")]})
    costs = answer["document"]["costs"]
    assert costs["unknown"] == 1
    assert costs["charges"][0]["usd"] is None


class Watcher:
    """Keeps what the hook on models hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str | None]] = []
        self.requests = ""

    @hookimpl
    async def llmi_after_model(
        self, request: ModelRequest, response: AIMessage, context: ModelContext, error: str | None
    ) -> None:
        self.heard.append((request.purpose, str(response.text), error))
        self.requests += repr(request) + repr(response)


async def watched(server: OpenAIServer, store: ArtifactStore, **given: Any) -> Watcher:
    watcher = Watcher()
    graph = build_graph(
        model="openai/a",
        api_base=f"{server.url}/v1",
        tools=registry_of(FakeTool("s", "search"), hooks=[watcher]),
        store=store,
        secrets={"OPENAI_API_KEY": KEY},
        options=FAST.model_copy(update={"model_retries": 1}),
        **given,
    )
    with suppress(PolicyError):
        await graph.ainvoke({"messages": [HumanMessage(f"My key is {KEY}.")]})
    return watcher


async def test_the_hook_hears_of_every_call_failed_and_cut_ones_too(
    server: OpenAIServer, store: ArtifactStore
) -> None:
    server.fault(openai_error(500, f"oops {KEY}"), path=CHAT)
    server.fault(Cut(0.5), path=CHAT)
    failed, cut = (await watched(server, store)).heard
    assert failed[:2] == ("draft", "")
    assert "oops [secret]" in str(failed[2])
    assert cut[1].startswith("# The fox")
    assert not cut[1].endswith("</imgen>\n")
    assert "broke off" in str(cut[2])


async def test_the_hook_hears_no_secret(server: OpenAIServer, store: ArtifactStore) -> None:
    watcher = await watched(server, store)
    ((_, text, error),) = watcher.heard
    assert "the key is [secret]" in text
    assert error is None
    assert "My key is [secret]" in watcher.requests
    assert KEY not in watcher.requests


class Script(BaseChatModel):
    """A model that streams these answers, each with its metadata."""

    answers: list[tuple[str, dict[str, Any]]]

    @property
    def _llm_type(self) -> str:
        return "script"

    def _generate(self, messages: Any, *args: Any, **given: Any) -> Any:
        raise NotImplementedError

    async def _astream(self, messages: Any, *args: Any, **given: Any) -> Any:
        text, metadata = self.answers.pop(0)
        chunk = AIMessageChunk(content=text, response_metadata=metadata)
        yield ChatGenerationChunk(message=chunk)


OPENAI: dict[str, Any] = {"model_provider": "openai"}


async def scripted(store: ArtifactStore, *answers: tuple[str, dict[str, Any]]) -> Document:
    graph = build_graph(
        model=Script(answers=list(answers)),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
        options=FAST,
    )
    state = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    return Document.model_validate(state["document"])


@pytest.mark.parametrize(
    "broken",
    [
        ("# T\n\nHalf", OPENAI),
        ("# T\n\nHalf", {"finish_reason": "abort"}),
        ("# T\n\n<imgen>{", {}),
        ("# T\n\n<think>hm", {}),
    ],
    ids=["no reason", "abort", "in a slot", "in thought"],
)
async def test_an_answer_that_breaks_off_is_asked_for_again_once_and_then_said(
    store: ArtifactStore, broken: tuple[str, dict[str, Any]]
) -> None:
    mended = await scripted(store, broken, ("# Whole", {**OPENAI, "finish_reason": "stop"}))
    assert (mended.title, mended.cut) == ("Whole", "")
    again = await scripted(store, broken, broken)
    assert "Script" in again.cut


async def test_an_open_tag_that_the_model_means_is_said(store: ArtifactStore) -> None:
    done = await scripted(store, ("# T\n\nText <imgen>{", {"finish_reason": "stop"}))
    assert "inside <imgen>" in done.cut


class Unwilling(ScriptedModel):
    async def _astream(self, *args: Any, **given: Any) -> Any:
        raise PolicyFailed("nothing is attached; attach a table", "input")
        yield


async def test_what_a_policy_says_will_not_work_is_not_tried_again(store: ArtifactStore) -> None:
    def graph(*fallback: Any) -> Any:
        return build_graph(
            model=Unwilling(script=["x"]), fallback=fallback, tools=[FakeTool("s", "search")],
            store=store, secrets={}, options=FAST,
        )  # fmt: skip

    request = {"messages": [HumanMessage("Write.")]}
    with pytest.raises(InputError, match=r"^nothing is attached; attach a table"):
        await graph().ainvoke(request)
    state = await graph(ScriptedModel(script=["# Other"])).ainvoke(request)
    assert state["document"]["title"] == "Other"
