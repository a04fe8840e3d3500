"""Both tools against OpenAI's API on loopback: real LiteLLM, over real sockets, as the framework runs them."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from llmi_agent.config.options import Options
from llmi_agent.contract import Failed, ToolCall, ToolContext, ToolSpec
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.run.session import Session
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    Fault,
    Hang,
    OpenAIServer,
    Reply,
    check_light_import,
    check_tool,
    content_refusal,
    json_reply,
    make_call,
    make_context,
    make_session,
    openai_error,
    random_png,
    redirect,
)
from llmi_litellm_images.plugin import DRAW, EDIT
from llmi_litellm_images.testing import images_server
from llmi_litellm_images.tool import Draw, Edit

pytestmark = pytest.mark.filterwarnings(  # raised while LiteLLM is imported and used
    "ignore::DeprecationWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-canary-5f1c0de9"
BOTH = pytest.mark.parametrize("spec", [DRAW, EDIT], ids=["draw", "edit"])


@dataclass
class Run:
    """A session with both tools, and all that it said."""

    session: Session
    store: ArtifactStore
    events: list[Any] = field(default_factory=list)
    slot: int = 0

    def call(self, spec: ToolSpec, prompt: str = "a red fox") -> ToolCall:
        self.slot += 1
        if spec is DRAW:
            return make_call(DRAW, slot=self.slot, prompt=prompt)
        source = self.store.put(flat((255, 0, 0)))
        return make_call(EDIT, slot=self.slot, inputs=(source,), img_index=0, prompt=prompt)

    async def make(self, spec: ToolSpec, prompt: str = "a red fox") -> Outcome:
        return await self.session.result(self.call(spec, prompt))


MakeRun = Callable[..., Run]


def flat(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with images_server(KEY) as running:
        yield running


@pytest.fixture
async def run(
    server: OpenAIServer,
    store: ArtifactStore,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> AsyncIterator[MakeRun]:
    """Makes runs against the server; afterwards the key must be in nothing that they said."""
    caplog.set_level(logging.DEBUG)
    made: list[Run] = []
    async with AsyncExitStack() as stack:

        def make(
            secrets: dict[str, str] | None = None,
            options: dict[str, Any] | None = None,
            **settings: Any,
        ) -> Run:
            given = {"api_base": f"{server.url}/v1", **settings}
            events: list[Any] = []
            session = make_session(
                DRAW,
                EDIT,
                store=store,
                emit=events.append,
                secrets={"OPENAI_API_KEY": KEY} if secrets is None else secrets,
                settings={DRAW.name: given, EDIT.name: given},
                options=Options(**{"download_allow": (server.host,), **(options or {})}),
            )
            stack.push_async_callback(session.aclose)
            made.append(Run(session, store, events))
            return made[-1]

        yield make
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert KEY not in caplog.text
    assert all(KEY not in repr(each.events) for each in made)


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert KEY not in repr(outcome)
    return outcome


def finished(outcome: Outcome) -> Finished:
    assert isinstance(outcome, Finished), outcome
    assert KEY not in repr(outcome)
    return outcome


# What works


async def test_a_picture_is_drawn_with_provenance_and_cost(
    server: OpenAIServer, run: MakeRun
) -> None:
    outcome = finished(await run().make(DRAW))
    said = outcome.candidates[0].provenance
    assert (said.provider, said.model) == ("127.0.0.1", "gpt-image-1")
    assert (said.source_url, said.licence) == (None, None)
    # 3 tokens of text at $5 and 85 of a picture at $40 per million, by LiteLLM's own price list
    assert outcome.usd == pytest.approx(3 * 5e-6 + 85 * 40e-6)
    assert [each.json for each in server.seen] == [{"model": "gpt-image-1", "prompt": "a red fox"}]
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


async def test_an_edit_sends_the_picture_and_brings_it_back_changed(
    server: OpenAIServer, run: MakeRun, store: ArtifactStore
) -> None:
    outcome = finished(await run().make(EDIT, "invert it"))
    with Image.open(io.BytesIO(store.read(outcome.candidates[0].digest))) as picture:
        assert picture.convert("RGB").getpixel((9, 9)) == (0, 255, 255)
    assert server.pictures == [flat((255, 0, 0))]
    assert b"invert it" in server.seen[0].body
    assert server.paths() == ["/v1/images/edits"]
    assert outcome.usd is not None
    assert 0.003 < outcome.usd < 0.01


@BOTH
async def test_settings_go_along(server: OpenAIServer, run: MakeRun, spec: ToolSpec) -> None:
    finished(await run(size="1536x1024", quality="low").make(spec))
    assert b"1536x1024" in server.seen[0].body
    assert b"low" in server.seen[0].body


@BOTH
async def test_a_dall_e_model_is_asked_for_the_bytes(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec
) -> None:
    outcome = finished(await run(model="openai/dall-e-2").make(spec))
    assert outcome.usd is None
    assert outcome.candidates[0].provenance.model == "dall-e-2"
    assert b"b64_json" in server.seen[0].body
    assert len(server.seen) == 1


@BOTH
async def test_an_address_is_downloaded_without_the_key(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec
) -> None:
    url = f"{server.url}/pictures/1.png"
    server.fault(json_reply({"created": 1, "data": [{"url": url}]}))
    server.fault(Reply(body=random_png(), media_type="image/png"), path="/pictures")
    outcome = finished(await run().make(spec))
    assert outcome.candidates[0].provenance.source_url == url
    asked, fetched = server.seen
    assert asked.headers["authorization"]
    assert "authorization" not in fetched.headers
    assert KEY not in repr(fetched)


async def test_a_picture_that_cannot_be_fetched_is_paid_for(
    server: OpenAIServer, run: MakeRun
) -> None:
    tokens = {"input_tokens": 3, "output_tokens": 85, "total_tokens": 88}
    details = {"input_tokens_details": {"text_tokens": 3, "image_tokens": 0}}
    url = f"{server.url}/pictures/none.png"
    server.fault(json_reply({"created": 1, "data": [{"url": url}], "usage": {**tokens, **details}}))
    failure = failed(await run().make(DRAW))
    assert failure.usd == pytest.approx(0.003415)
    assert "cannot be fetched" in failure.message


async def test_pictures_side_by_side(server: OpenAIServer, run: MakeRun) -> None:
    one = run()
    prompts = [f"fox {number}" for number in range(6)]
    outcomes = await asyncio.gather(*(one.make(DRAW, prompt) for prompt in prompts))
    digests = {finished(each).candidates[0].digest for each in outcomes}
    assert len(digests) == 6


async def test_the_environment_decides_nothing(
    server: OpenAIServer, run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody-else")
    monkeypatch.setenv("OPENAI_ORGANIZATION", "org-of-somebody-else")
    one = run()
    for spec in (DRAW, EDIT):
        finished(await one.make(spec))
    assert len(server.seen) == 2
    assert all("somebody-else" not in repr(each) for each in server.seen)


@pytest.mark.parametrize(("spec", "tool"), [(DRAW, Draw), (EDIT, Edit)], ids=["draw", "edit"])
async def test_the_contract_is_kept(
    server: OpenAIServer, store: ArtifactStore, spec: ToolSpec, tool: type[Draw | Edit]
) -> None:
    async with AsyncExitStack() as scope:
        context = _context(store, scope, server)
        source = store.put(random_png())
        params = {"img_index": 0} if spec is EDIT else {}
        call = make_call(spec, inputs=(source,), prompt="a fox", **params)
        await check_tool(spec, call, context)
        assert (await tool().check(context)).ok


def test_the_door_is_light() -> None:
    check_light_import("llmi_litellm_images.plugin")


# What goes wrong: each row is (fault, reason, words of the message, usd, retry_after)

TABLE: dict[str, tuple[Fault, str, str, float | None, float | None]] = {
    "400": (openai_error(400, "too long"), "bad_params", "does not accept.*too long", 0.0, None),
    "401": (
        openai_error(401, f"Incorrect API key provided: {KEY[:6]}***{KEY[-4:]}"),
        "unavailable",
        "does not accept the key; check OPENAI_API_KEY.*401.$",
        0.0,
        None,
    ),
    "402": (openai_error(402, "pay"), "quota", "no credit left; top it up", 0.0, None),
    "403": (
        openai_error(403, "Your organization must be verified to use the model."),
        "unavailable",
        "OPENAI_API_KEY and the account.*organization must be verified",
        0.0,
        None,
    ),
    "404": (
        openai_error(404, "The model `x` does not exist"),
        "unavailable",
        "settings.*model `x` does not exist",
        0.0,
        None,
    ),
    "422": (json_reply({"detail": "no such size"}, 422), "bad_params", "no such size", 0.0, None),
    "429": (
        openai_error(429, "slow down", "rate_limit_exceeded", Retry_After="7"),
        "quota",
        "no more calls for now.*slow down",
        0.0,
        7.0,
    ),
    "out of credit": (
        openai_error(429, "You exceeded your current quota.", "insufficient_quota"),
        "quota",
        "no credit left.*top it up",
        0.0,
        None,
    ),
    "hard limit": (
        openai_error(400, "Billing hard limit has been reached", "billing_hard_limit_reached"),
        "quota",
        "no credit left.*hard limit",
        0.0,
        None,
    ),
    "500": (openai_error(500, "oops"), "unreachable", "out of order.*oops", None, None),
    "503": (
        openai_error(503, "busy", Retry_After="2"),
        "unreachable",
        "out of order.*busy",
        None,
        2.0,
    ),
    "a page": (
        Reply(502, b"<html>Bad gateway</html>", "text/html"),
        "unreachable",
        "out of order .HTTP 502.$",
        None,
        None,
    ),
    "refused": (content_refusal(), "refused", "refuses to draw this.*safety system", 0.0, None),
    "blocked": (
        content_refusal("moderation_blocked"),
        "refused",
        "refuses to draw this",
        0.0,
        None,
    ),
    "redirect": (redirect("http://127.0.0.1:9/x", 307), "unavailable", "api_base", 0.0, None),
    "cut": (Cut(0.5), "unreachable", "broke before the answer was whole", None, None),
    "cut at once": (Cut(0.0), "unreachable", "broke before the answer was whole", None, None),
    "garbage": (GARBAGE, "bad_output", "cannot be read", None, None),
    "a list": (json_reply([]), "bad_output", "cannot be read", None, None),
    "no picture": (json_reply({"data": []}), "bad_output", "without a picture", None, None),
    "nothing": (json_reply({}), "bad_output", "without a picture", None, None),
    "an empty picture": (json_reply({"data": [{}]}), "bad_output", "cannot be read", None, None),
    "no base64": (
        json_reply({"data": [{"b64_json": "@@"}]}),
        "bad_output",
        "cannot be read",
        None,
        None,
    ),
    "no image": (
        json_reply({"data": [{"b64_json": "aGVsbG8="}]}),
        "bad_output",
        "picture",
        None,
        None,
    ),
}


@BOTH
@pytest.mark.parametrize("row", TABLE)
async def test_a_failure_says_what_and_what_to_do(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec, row: str
) -> None:
    fault, reason, words, usd, wait = TABLE[row]
    server.fault(fault)
    one = run()
    failure = failed(await one.make(spec))
    assert (failure.reason, failure.usd, failure.retry_after) == (reason, usd, wait)
    assert _has(words, failure.message)
    assert len(server.seen) == 1  # a second request may be a second bill
    assert "canary" not in failure.message
    assert "c0de9" not in failure.message
    finished(await one.make(spec))


def _has(words: str, message: str) -> bool:
    return re.search(words, message, re.IGNORECASE) is not None


async def test_a_date_to_wait_for_is_understood(server: OpenAIServer, run: MakeRun) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.fault(openai_error(429, "slow down", Retry_After=later))
    failure = failed(await run().make(DRAW))
    assert failure.retry_after == pytest.approx(60, abs=5)


@BOTH
async def test_a_wrong_key(run: MakeRun, spec: ToolSpec) -> None:
    failure = failed(await run(secrets={"OPENAI_API_KEY": "sk-wrong-one"}).make(spec))
    assert failure.reason == "unavailable"
    assert "check OPENAI_API_KEY" in failure.message
    assert "wrong-one" not in failure.message


@BOTH
async def test_nobody_is_there(run: MakeRun, spec: ToolSpec) -> None:
    failure = failed(await run(api_base="http://127.0.0.1:9/v1").make(spec))
    assert (failure.reason, failure.usd) == ("unreachable", 0.0)
    assert "127.0.0.1 cannot be reached" in failure.message


@BOTH
async def test_our_time_limit_holds_and_the_server_sees_it(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec
) -> None:
    import_module("llmi_litellm_images.api")  # takes longer than the limit
    server.fault(Hang())
    began = time.monotonic()
    failure = failed(await run(options={"call_timeout": 0.5}).make(spec))
    assert time.monotonic() - began < 3
    assert (failure.reason, failure.usd) == ("timeout", None)
    await _until(lambda: server.seen[-1].cancelled)


@BOTH
async def test_a_session_that_ends_ends_the_call(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec
) -> None:
    server.fault(Hang())
    one = run()
    call = asyncio.ensure_future(one.make(spec))
    await _until(lambda: bool(server.seen))
    began = time.monotonic()
    await one.session.aclose()
    assert failed(await call).reason == "cancelled"
    assert time.monotonic() - began < 3
    await _until(lambda: server.seen[0].cancelled)
    assert len(server.seen) == 1


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come true within 10 s")


@BOTH
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"model": "vertex_ai/imagen-4"}, "model.*openai/.*LiteLLM proxy"),
        ({"model": "openai/"}, "model.*the model's name"),
        ({"size": "big"}, "size"),
        ({"api_base": "api.openai.com"}, "api_base.*URL"),
        ({"colour": "red"}, "colour: no such setting; there are model, api_base, size, quality"),
    ],
)
async def test_a_wrong_setting_is_named(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec, wrong: dict[str, str], words: str
) -> None:
    failure = failed(await run(**wrong).make(spec))
    assert (failure.reason, failure.usd) == ("unavailable", 0.0)
    assert f"[tools.{spec.name}]" in failure.message
    assert _has(words, failure.message)
    assert server.seen == []


@BOTH
@pytest.mark.parametrize("key", ["", "  ", "sk-ключ", "sk-a\nb"])
async def test_no_good_key_is_said_before_anything_is_sent(
    server: OpenAIServer, run: MakeRun, spec: ToolSpec, key: str
) -> None:
    failure = failed(await run(secrets={"OPENAI_API_KEY": key}).make(spec))
    assert (failure.reason, failure.usd) == ("unavailable", 0.0)
    assert "OPENAI_API_KEY" in failure.message
    assert server.seen == []


# Whether the key works


def _context(
    store: ArtifactStore, scope: AsyncExitStack, server: OpenAIServer, key: str = KEY
) -> ToolContext:
    return make_context(
        store,
        scope,
        secrets={"OPENAI_API_KEY": key},
        settings={"api_base": f"{server.url}/v1"},
    )


@pytest.mark.parametrize(
    ("key", "fault", "ok", "words"),
    [
        (KEY, None, True, "127.0.0.1 accepts OPENAI_API_KEY"),
        ("sk-wrong-one", None, False, "check OPENAI_API_KEY"),
        (KEY, openai_error(500, "oops"), False, "out of order"),
        (KEY, redirect("http://127.0.0.1:9/x"), False, "api_base"),
    ],
)
async def test_verify_asks_for_the_models_only(
    server: OpenAIServer,
    store: ArtifactStore,
    key: str,
    fault: Fault | None,
    ok: bool,
    words: str,
) -> None:
    if fault:
        server.fault(fault)
    async with AsyncExitStack() as scope:
        health = await Draw().verify(_context(store, scope, server, key))
    assert health.ok is ok
    assert words in health.message
    assert key not in health.message
    assert [(each.method, each.path) for each in server.seen] == [("GET", "/v1/models")]
