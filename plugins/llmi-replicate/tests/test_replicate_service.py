"""The tools against Replicate on loopback: the real SDK and downloader, over real sockets, as the framework runs them."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from llmi_agent.config.options import Options
from llmi_agent.contract import Failed, ToolCall, ToolContext, ToolFailed
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.run.seeds import call_seed
from llmi_agent.run.session import Session
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    Fault,
    Hang,
    Reply,
    check_tool,
    json_reply,
    make_call,
    make_context,
    make_session,
    random_png,
    redirect,
)
from llmi_replicate import job, pictures
from llmi_replicate.models import MODELS
from llmi_replicate.plugin import KEY as NAME, SPECS
from llmi_replicate.testing import OFFICIAL, FakeReplicate, Plan, picture_of
from llmi_replicate.tool import ReplicateTool

KEY = "r8_canary_5f1c0de9"
DRAW = "replicate_flux_schnell"
EDIT = "replicate_flux_kontext"
MODEL = "black-forest-labs/flux-schnell"
POST = f"/v1/models/{MODEL}/predictions"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls follow each other at once."""
    monkeypatch.setattr(job, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(job, "LONGEST_PAUSE", 0.05)


@dataclass
class Run:
    """A session with the tools, and all that it said."""

    session: Session
    store: ArtifactStore
    events: list[Any] = field(default_factory=list)

    def call(self, tool: str = DRAW, slot: int = 0) -> ToolCall:
        if SPECS[tool].kind == "diffusion":
            return make_call(SPECS[tool], slot=slot, prompt="a red boat")
        digest = self.store.put(random_png(200, 150))
        return make_call(
            SPECS[tool], slot=slot, inputs=(digest,), img_index=0, prompt="make it blue"
        )

    async def result(self, tool: str = DRAW, slot: int = 0) -> Outcome:
        return await self.session.result(self.call(tool, slot))


MakeRun = Callable[..., Run]


@pytest.fixture
async def run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[MakeRun]:
    """Makes runs against a fake; afterwards the token must be in nothing that they said."""
    caplog.set_level(logging.DEBUG)
    made: list[Run] = []
    async with AsyncExitStack() as stack:

        def make(
            fake: FakeReplicate,
            store: str = "store",
            secrets: dict[str, str] | None = None,
            options: dict[str, Any] | None = None,
            **settings: Any,
        ) -> Run:
            kept = ArtifactStore(tmp_path / store)
            events: list[Any] = []
            session = make_session(
                *SPECS.values(),
                store=kept,
                emit=events.append,
                secrets={NAME: KEY} if secrets is None else secrets,
                settings={name: {**fake.settings, **settings} for name in SPECS},
                options=Options(**{"download_allow": (fake.host,), **(options or {})}),
            )
            stack.push_async_callback(session.aclose)
            made.append(Run(session, kept, events))
            return made[-1]

        yield make
    logged = [each.getMessage() for each in caplog.get_records("call")]
    assert logged or not made
    assert KEY not in " ".join(logged)
    assert all(KEY not in repr(each.events) for each in made)


def _said(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert KEY not in repr(outcome)
    return outcome


def pixels(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as opened:
        return opened.convert("RGB").tobytes()


def _made(outcome: Outcome) -> Finished:
    assert isinstance(outcome, Finished), outcome
    assert KEY not in repr(outcome)
    return outcome


# What works


@pytest.mark.parametrize("tool", MODELS)
async def test_every_model_of_the_table_makes_a_picture(run: MakeRun, tool: str) -> None:
    model = MODELS[tool]
    with FakeReplicate(key=KEY) as fake:
        outcome = _made(await run(fake, options={"seed": 7}).result(tool))
        (prediction,) = fake.created
    assert prediction.model == model.name
    assert prediction.input["prompt"] == (
        "a red boat" if model.kind == "diffusion" else "make it blue"
    )
    seed = call_seed(7, 0, 0) if model.seed_input else None
    assert prediction.input.get("seed") == seed
    origin = outcome.candidates[0].provenance
    assert (origin.provider, origin.model) == ("Replicate", model.name)
    assert origin.seed == seed
    assert origin.source_url is None
    assert outcome.usd is None, "the spec's price is the estimate"


async def test_the_picture_is_the_one_that_the_model_has_made(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        made = run(fake)
        outcome = _made(await made.result())
        picture = made.store.read(outcome.candidates[0].digest)
        assert pixels(picture) == pixels(picture_of(fake.created[0].id))


async def test_a_slow_prediction_is_polled_and_its_state_is_shown(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=3)
        made = run(fake)
        _made(await made.result())
        assert fake.created[0].polls == 4
        assert fake.cancelled == []
    shown = [each["message"] for each in made.events if each["type"] == "progress"]
    assert shown == ["Replicate: starting", "Replicate: processing"]


async def test_a_quick_prediction_needs_one_request(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(seconds=0.2)
        _made(await run(fake).result())
        assert fake.paths("POST") == [POST]
        assert fake.created[0].polls == 0
        assert fake.seen[0].headers["prefer"] == "wait=1"


async def test_an_answer_that_is_late_is_waited_for(run: MakeRun) -> None:
    """The SDK would give up half a second after the time for which the server may hold it back."""
    with FakeReplicate(key=KEY) as fake:
        fake.fault(Hang(1.8), path="/predictions")
        _made(await run(fake).result())
        assert len(fake.created) == 1


async def test_an_edit_sends_its_picture_within_the_request(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        _made(await run(fake).result(EDIT))
        sent = fake.created[0].input["input_image"]
    head, _, data = sent.partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == random_png(200, 150)


async def test_the_users_inputs_go_along_and_win_over_the_table(run: MakeRun) -> None:
    given = {"aspect_ratio": "16:9", "output_format": "jpg", "seed": 3}
    with FakeReplicate(key=KEY) as fake:
        outcome = _made(await run(fake, input=given).result())
        assert fake.created[0].input == {"prompt": "a red boat", **given}
    assert outcome.candidates[0].provenance.seed == 3


async def test_the_api_base_may_end_in_its_version(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        _made(await run(fake, api_base=f"{fake.url}/v1").result())
        assert fake.paths("POST") == [POST]


async def test_a_model_of_ones_own_by_version(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.versions["abc123"] = frozenset({"text", "number", "style"})
        seed = call_seed(-1, 0, 0)
        settings = {
            "model": "acme/painter:abc123",
            "prompt_input": "text",
            "seed_input": "number",
            "input": {"style": "oil"},
        }
        outcome = _made(await run(fake, options={"seed": -1}, **settings).result("replicate_image"))
        assert fake.paths("POST") == ["/v1/predictions"]
        assert fake.created[0].input == {"text": "a red boat", "number": seed, "style": "oil"}
    origin = outcome.candidates[0].provenance
    assert (origin.model, origin.seed) == ("acme/painter:abc123", seed)


@pytest.mark.parametrize("many", [False, True])
async def test_an_edit_model_of_ones_own(run: MakeRun, many: bool) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.models["acme/retoucher"] = frozenset({"prompt", "picture"})
        settings = {"model": "acme/retoucher", "image_input": "picture", "image_list": many}
        _made(await run(fake, **settings).result("replicate_edit"))
        sent = fake.created[0].input["picture"]
    assert isinstance(sent, list) is many
    assert (sent[0] if many else sent).startswith("data:image/png;base64,")


async def test_several_pictures_are_all_candidates(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        one, two = fake.add(Plan()), fake.add(Plan())
        fake.plan = Plan(output=[f"{fake.url}/outputs/{each.id}/0.png" for each in (one, two)])
        assert len(_made(await run(fake).result()).candidates) == 2


async def test_a_picture_within_the_answer_is_taken(run: MakeRun) -> None:
    picture = random_png()
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(output=f"data:image/png;base64,{base64.b64encode(picture).decode()}")
        made = run(fake)
        outcome = _made(await made.result())
        assert pixels(made.store.read(outcome.candidates[0].digest)) == pixels(picture)
        assert fake.downloads == []


async def test_the_token_goes_to_the_api_and_to_nobody_else(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=1)
        _made(await run(fake).result())
        assert len(fake.downloads) == 1
        assert not fake.told_the_token
        asked = [each for each in fake.seen if each.path.startswith("/v1/")]
    assert len(asked) == 3
    assert all(each.headers["authorization"] == f"Bearer {KEY}" for each in asked)


async def test_the_environment_is_not_looked_at(
    run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", "another")
    monkeypatch.setenv("REPLICATE_BASE_URL", "http://127.0.0.1:9")
    with FakeReplicate(key=KEY) as fake:
        _made(await run(fake).result())


@pytest.mark.parametrize("tool", [DRAW, EDIT])
async def test_the_tools_keep_the_contract(tmp_path: Path, tool: str) -> None:
    with FakeReplicate(key=KEY) as fake:

        async def download(url: str) -> bytes:
            return picture_of(fake.created[0].id)

        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake, download=download)
            digest = ArtifactStore(tmp_path / "store").put(random_png())
            params = {"img_index": 0} if tool == EDIT else {}
            call = make_call(SPECS[tool], inputs=(digest,), prompt="a boat", **params)
            produced = await check_tool(SPECS[tool], call, context)
    assert len(produced.images) == 1


# What fails


def _refusal(status: int, words: str = "no", **headers: str) -> Reply:
    return json_reply({"title": "Refused", "detail": words, "status": status}, status, **headers)


@pytest.mark.parametrize(
    ("fault", "reason", "words", "usd"),
    [
        (_refusal(400, "odd input"), "bad_params", ["odd input", "400"], 0.0),
        (_refusal(401), "unavailable", [NAME, "401"], 0.0),
        (_refusal(402, "Insufficient credit"), "quota", ["no credit left", "402"], 0.0),
        (_refusal(403), "unavailable", [NAME, "403"], 0.0),
        (_refusal(404), "unavailable", [MODEL, "owner/name:version", "404"], 0.0),
        (_refusal(422, "- input.seed: too large"), "bad_params", ["input.seed", "422"], 0.0),
        (_refusal(429), "quota", ["no more calls for now", "429"], 0.0),
        (_refusal(500), "unreachable", ["out of order", "500"], None),
        (Reply(503, b"<html>", "text/html"), "unreachable", ["503"], None),
        (Cut(), "unreachable", ["connection to Replicate broke"], None),
        (GARBAGE, "bad_output", ["cannot be read"], None),
        (Reply(body=b""), "bad_output", ["cannot be read"], None),
        (json_reply(["no", "object"]), "bad_output", ["cannot be read"], None),
        (json_reply({"id": "x"}), "bad_output", ["cannot be read"], None),
    ],
)
async def test_a_prediction_that_cannot_be_made_says_why(
    run: MakeRun, fault: Fault, reason: str, words: list[str], usd: float | None
) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(fault, path="/predictions")
        failed = _said(await run(fake).result())
        assert fake.paths() == [POST], "the SDK must not repeat the request"
    assert (failed.reason, failed.usd) == (reason, usd)
    for word in ["Replicate", *words]:
        assert word in failed.message


@pytest.mark.parametrize("status", [429, 503])
async def test_the_wait_that_replicate_asks_for_arrives(run: MakeRun, status: int) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(_refusal(status, Retry_After="17"), path="/predictions")
        assert _said(await run(fake).result()).retry_after == 17.0


async def test_a_wrong_token_is_named_but_not_shown(run: MakeRun) -> None:
    with FakeReplicate(key="r8_another") as fake:
        failed = _said(await run(fake).result())
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert NAME in failed.message


async def test_an_unknown_input_is_named(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        failed = _said(await run(fake, input={"aspect": "16:9"}).result())
        assert fake.created == []
    assert (failed.reason, failed.usd) == ("bad_params", 0.0)
    assert "aspect is not allowed" in failed.message


async def test_after_a_failure_the_next_call_works(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(_refusal(500), path="/predictions")
        again = run(fake)
        assert _said(await again.result(slot=1)).reason == "unreachable"
        _made(await again.result(slot=2))


async def test_the_token_does_not_follow_a_redirect(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake, FakeReplicate(key=KEY) as elsewhere:
        fake.fault(redirect(f"{elsewhere.url}{POST}", 307), path="/predictions")
        failed = _said(await run(fake).result())
        assert elsewhere.seen == []
    assert failed.reason == "unavailable"
    assert "api_base" in failed.message


async def test_a_server_that_is_not_there_cost_nothing(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        pass
    failed = _said(await run(fake).result())
    assert (failed.reason, failed.usd) == ("unreachable", 0.0)
    assert "cannot be reached" in failed.message


@pytest.mark.parametrize(
    ("plan", "reason", "words"),
    [
        (Plan(1, status="failed", error="NSFW content detected."), "refused", ["NSFW"]),
        (
            Plan(1, status="failed", error="The output was flagged as sensitive. (E005)"),
            "refused",
            ["flux-schnell refuses", "E005"],
        ),
        (Plan(1, status="failed", error="CUDA out of memory"), "crashed", ["CUDA out of memory"]),
        (Plan(1, status="failed", error="Interrupted; please retry"), "unreachable", ["retry"]),
        (Plan(1, status="failed"), "crashed", ["does not say why"]),
        (Plan(status="failed", error="at once"), "crashed", ["at once"]),
        (Plan(1, status="canceled"), "unavailable", ["not by LLMI"]),
        (Plan(1, status="aborted"), "unreachable", ["before it ran"]),
        (Plan(status="aborted"), "unreachable", ["before it ran"]),
        (Plan(1, output=None), "bad_output", ["no picture"]),
        (Plan(1, output=[]), "bad_output", ["no picture"]),
        (Plan(1, output={"text": "hello"}), "bad_output", ["makes pictures"]),
        (Plan(1, output=[1, 2]), "bad_output", ["makes pictures"]),
        (Plan(1, output="data:text/html;base64,AAAA"), "bad_output", ["text/html"]),
        (Plan(1, output="data:image/png;base64,!!"), "bad_output", ["cannot be read"]),
        (Plan(1, output="http://169.254.169.254/latest"), "bad_output", ["169.254.169.254"]),
    ],
)
async def test_a_prediction_that_ends_badly_says_why(
    run: MakeRun, plan: Plan, reason: str, words: list[str]
) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = plan
        failed = _said(await run(fake).result())
        assert fake.cancelled == [], "what has ended need not be cancelled"
    paid = plan.status == "succeeded"
    assert (failed.reason, failed.usd) == (reason, SPECS[DRAW].usd if paid else None)
    for word in words:
        assert word in failed.message


async def test_too_large_a_picture_within_the_answer_is_not_taken(
    run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_INLINE", 1024 * 1024)
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(output="data:image/png;base64," + "A" * 1_500_000)
        failed = _said(await run(fake).result())
    assert failed.reason == "bad_output"
    assert "larger than 1 MB" in failed.message


async def test_a_picture_that_is_paid_for_is_fetched_a_second_time(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(Reply(503, b"busy", "text/plain"), path="/outputs/")
        _made(await run(fake).result())
        assert len(fake.created) == 1


async def test_a_picture_that_cannot_be_had_is_told(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(Reply(503, b"busy", "text/plain"), path="/outputs/", times=2)
        failed = _said(await run(fake).result())
        assert len(fake.created) == 1
    assert (failed.reason, failed.usd) == ("bad_output", SPECS[DRAW].usd), "it is paid for"
    assert "the picture that Replicate has made cannot be used" in failed.message


@pytest.mark.parametrize(
    ("given", "word"), [({"seed": "abc"}, "whole number"), ({"guidance": float("inf")}, "JSON")]
)
async def test_inputs_that_cannot_be_sent_are_told_before_anything_is_sent(
    run: MakeRun, given: dict[str, Any], word: str
) -> None:
    with FakeReplicate(key=KEY) as fake:
        failed = _said(await run(fake, input=given).result())
        assert fake.seen == []
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert word in failed.message


async def test_a_wrong_setting_is_told_before_anything_is_sent(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        failed = _said(await run(fake, inputs={}).result())
        assert fake.seen == []
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert "inputs: no such setting; there are api_base, input" in failed.message


@pytest.mark.parametrize("key", ["", "  ", "r8_\nx", "r8_\xe9"])
async def test_without_a_token_nothing_is_sent(
    run: MakeRun, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would read the environment."""
    monkeypatch.setenv(NAME, KEY)
    with FakeReplicate(key=KEY) as fake:
        failed = _said(await run(fake, secrets={NAME: key}).result())
        assert fake.seen == []
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert NAME in failed.message


# Polling


@pytest.mark.parametrize(
    "fault",
    [_refusal(429, Retry_After="0.05"), _refusal(503), Cut(), GARBAGE],
    ids=["quota", "down", "cut", "garbage"],
)
async def test_a_poll_that_fails_does_not_waste_the_prediction(run: MakeRun, fault: Fault) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=2)
        fake.fault(fault, method="GET", path="/predictions/", times=2)
        _made(await run(fake).result())
        assert len(fake.created) == 1
        assert fake.cancelled == []


async def test_the_sdk_does_not_repeat_polls(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=2)
        fake.fault(_refusal(503), method="GET", path="/predictions/", times=20)
        failed = _said(await run(fake).result())
        assert failed.reason == "unreachable"
        assert fake.running == []
        assert len([each for each in fake.paths("GET") if "/predictions/" in each]) == 5


async def test_a_token_that_is_withdrawn_meanwhile_is_told_at_once(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=2)
        fake.fault(_refusal(401), method="GET", path="/predictions/")
        failed = _said(await run(fake).result())
        assert fake.cancelled == [fake.created[0].id]
    assert (failed.reason, failed.usd) == ("unavailable", None), "what it has cost is unknown"


@pytest.mark.parametrize("polls", [0, 2])
async def test_a_status_that_nobody_knows_loses_no_prediction(run: MakeRun, polls: int) -> None:
    """The SDK refuses it, and the id with it."""
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=polls, seconds=1.2, first_status="queued")
        _made(await run(fake).result())
        assert len(fake.created) == 1
        assert fake.running == []


# Cancelling


async def test_replicate_is_told_how_long_a_prediction_may_live(run: MakeRun) -> None:
    """What nobody can cancel any more, since we were killed or its id was lost, ends by itself."""
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=1)
        _made(await run(fake, options={"call_timeout": 42.0}).result())
        asked = {each.method: each.headers.get("cancel-after") for each in fake.seen[:2]}
    assert asked == {"POST": "42s", "GET": None}


@pytest.mark.parametrize(
    ("plan", "ready"),
    [
        (Plan(seconds=60.0), lambda fake: len(fake.created) == 1),
        (Plan(polls=10**6), lambda fake: fake.created and fake.created[0].polls > 2),
    ],
    ids=["while the answer is held back", "while it is polled"],
)
async def test_closing_the_run_cancels_the_prediction(
    run: MakeRun, plan: Plan, ready: Callable[[FakeReplicate], bool]
) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = plan
        ended = run(fake)
        task = asyncio.create_task(ended.result())
        await _until(lambda: ready(fake))
        await ended.session.aclose()
        assert _said(await task).reason == "cancelled"
        assert fake.cancelled == [fake.created[0].id]
        assert fake.running == []


async def test_closing_the_run_while_the_request_is_under_way_cancels_what_it_made(
    run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=10**6)
        fake.fault(Hang(0.5), path="/predictions")
        ended = run(fake)
        task = asyncio.create_task(ended.result())
        await _until(lambda: fake.seen)
        assert fake.created == []
        await ended.session.aclose()
        assert _said(await task).reason == "cancelled"
        assert fake.cancelled == [fake.created[0].id]
        assert fake.running == []


async def test_being_cancelled_twice_does_not_keep_it_from_cancelling(tmp_path: Path) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=10**6)
        fake.fault(Hang(0.3), path="/cancel")
        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake)
            call = make_call(SPECS[DRAW], prompt="a boat")
            task = asyncio.create_task(ReplicateTool(DRAW).run(call, context))
            await _until(lambda: fake.created and fake.created[0].polls)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.05)
            with pytest.raises(asyncio.CancelledError):
                await task
        assert fake.running == []


async def test_a_prediction_that_takes_too_long_is_cancelled(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=10**6)
        failed = _said(await run(fake, options={"call_timeout": 0.5}).result())
        assert fake.running == []
        assert fake.cancelled == [fake.created[0].id]
    assert failed.reason == "timeout"


async def test_a_silent_replicate_is_given_up_in_time(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(Hang(), path="/predictions")
        begun = time.monotonic()
        failed = _said(await run(fake, options={"call_timeout": 0.3}).result())
        assert time.monotonic() - begun < 3
        await _until(lambda: fake.seen[0].cancelled)
    assert failed.reason == "timeout"


async def test_a_cancel_that_hangs_does_not_hold_up_the_end(
    run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job, "CANCEL_SECONDS", 0.2)
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=10**6)
        fake.fault(Hang(), path="/cancel")
        begun = time.monotonic()
        _said(await run(fake, options={"call_timeout": 0.3}).result())
        assert time.monotonic() - begun < 2
        said = " ".join(each.getMessage() for each in caplog.get_records("call"))
        assert "replicate.cancel_failed" in said
        assert fake.created[0].id in said


async def test_a_job_that_cannot_be_noted_is_cancelled(tmp_path: Path) -> None:
    async def full(job: str) -> None:
        raise OSError("the disk is full")

    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=5)
        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake, record_job=full)
            with pytest.raises(OSError, match="full"):
                await ReplicateTool(DRAW).run(make_call(SPECS[DRAW], prompt="a boat"), context)
        assert fake.running == []


# Going on after a crash


async def test_the_job_is_noted_before_it_has_ended(tmp_path: Path) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=3)
        noted: list[tuple[str, int]] = []

        async def record(job: str) -> None:
            noted.append((job, fake.predictions[job].polls))

        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake, record_job=record, download=_no_picture)
            with pytest.raises(ToolFailed, match="gone"):
                await ReplicateTool(DRAW).run(make_call(SPECS[DRAW], prompt="a boat"), context)
        assert noted == [(fake.created[0].id, 0)]


async def test_a_resumed_run_picks_the_prediction_up_and_does_not_pay_twice(run: MakeRun) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.plan = Plan(polls=10**6)
        first = run(fake)
        call = first.call()
        running = asyncio.create_task(first.session.result(call))
        await _until(lambda: fake.created and fake.created[0].polls > 1)
        job_id = first.session.known.jobs[call.key]
        assert job_id == fake.created[0].id
        # As if the process had been killed: the prediction goes on, and nobody cancels it.
        fake.fault(Reply(500), path="/cancel")
        await first.session.aclose()
        await running
        assert len(fake.running) == 1

        fake.created[0].plan = Plan(polls=fake.created[0].polls + 2)
        again = run(fake)
        assert again.session.known.jobs[call.key] == job_id
        outcome = _made(await again.session.result(call))
        kept = again.store.read(outcome.candidates[0].digest)
        assert pixels(kept) == pixels(picture_of(job_id))
        assert len(fake.created) == 1
        assert fake.running == []


@pytest.mark.parametrize(
    "plan",
    [
        None,
        Plan(status="failed", error="CUDA out of memory"),
        Plan(status="canceled"),
        Plan(status="aborted"),
        Plan(output=None),
    ],
    ids=["gone", "failed", "cancelled", "aborted", "deleted output"],
)
async def test_a_job_that_is_no_good_any_more_is_started_anew(
    tmp_path: Path, plan: Plan | None
) -> None:
    noted: list[str] = []

    async def record(job: str) -> None:
        noted.append(job)

    with FakeReplicate(key=KEY) as fake:
        earlier = fake.add(plan).id if plan else "nobody-knows-this"

        async def download(url: str) -> bytes:
            return picture_of(fake.created[-1].id)

        async with AsyncExitStack() as scope:
            context = _context(
                tmp_path, scope, fake, job=earlier, record_job=record, download=download
            )
            await check_tool(SPECS[DRAW], make_call(SPECS[DRAW], prompt="a boat"), context)
        assert len(fake.paths("POST")) == 1
        assert noted == [fake.created[-1].id]
        assert noted != [earlier]


async def test_a_picked_up_prediction_is_cancelled_with_its_call(tmp_path: Path) -> None:
    with FakeReplicate(key=KEY) as fake:
        earlier = fake.add(Plan(polls=10**6))
        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake, job=earlier.id)
            call = make_call(SPECS[DRAW], prompt="a boat")
            task = asyncio.create_task(ReplicateTool(DRAW).run(call, context))
            await _until(lambda: earlier.polls > 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert fake.cancelled == [earlier.id]
        assert fake.created == [earlier]


async def test_when_replicate_is_down_a_picked_up_prediction_is_not_replaced(
    tmp_path: Path,
) -> None:
    with FakeReplicate(key=KEY) as fake:
        earlier = fake.add(Plan())
        fake.fault(_refusal(503), method="GET", times=9)
        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake, job=earlier.id)
            with pytest.raises(ToolFailed) as caught:
                await ReplicateTool(DRAW).run(make_call(SPECS[DRAW], prompt="a boat"), context)
        assert (caught.value.reason, caught.value.usd) == ("unreachable", None)
        assert fake.created == [earlier]


# Asking beforehand


@pytest.mark.parametrize("tool", [DRAW, EDIT])
async def test_verify_asks_for_the_account_and_makes_nothing(tmp_path: Path, tool: str) -> None:
    with FakeReplicate(key=KEY) as fake:
        async with AsyncExitStack() as scope:
            health = await ReplicateTool(tool).verify(_context(tmp_path, scope, fake))
        assert fake.paths() == ["/v1/account"]
    assert (health.ok, health.message) == (True, "Replicate accepts the token of user tester")


async def test_a_tool_whose_model_nobody_has_named_is_no_trouble(tmp_path: Path) -> None:
    with FakeReplicate(key=KEY) as fake:
        async with AsyncExitStack() as scope:
            health = await ReplicateTool("replicate_edit").verify(_context(tmp_path, scope, fake))
        assert fake.seen == []
    assert health.ok
    assert "not in use" in health.message


@pytest.mark.parametrize(
    ("fault", "word"), [(_refusal(401), NAME), (Cut(), "broke"), (json_reply({}), "cannot be read")]
)
async def test_verify_says_what_is_wrong(tmp_path: Path, fault: Fault, word: str) -> None:
    with FakeReplicate(key=KEY) as fake:
        fake.fault(fault)
        async with AsyncExitStack() as scope:
            health = await ReplicateTool(DRAW).verify(_context(tmp_path, scope, fake))
    assert not health.ok
    assert word in health.message
    assert KEY not in health.message


async def test_check_looks_at_token_and_settings_and_sends_nothing(tmp_path: Path) -> None:
    with FakeReplicate(key=KEY) as fake:
        async with AsyncExitStack() as scope:
            good = await ReplicateTool(DRAW).check(_context(tmp_path, scope, fake))
            keyless = await ReplicateTool(DRAW).check(_context(tmp_path, scope, fake, secrets={}))
            unnamed = await ReplicateTool("replicate_edit").check(_context(tmp_path, scope, fake))
        assert fake.seen == []
    assert (good.ok, good.message) == (True, f"{MODEL}; the token is set")
    assert not keyless.ok
    assert f"{NAME} is not set" in keyless.message
    assert not unnamed.ok
    assert "[tools.replicate_edit] model: say which one" in unnamed.message


async def test_the_tools_own_messages_never_hold_the_token(tmp_path: Path) -> None:
    """As the framework would erase it, this asks the tool itself."""
    faults: list[Fault] = [_refusal(401), Cut(), GARBAGE, _refusal(500)]
    with FakeReplicate(key=KEY) as fake:
        for fault in faults:
            fake.fault(fault, path="/predictions")
            async with AsyncExitStack() as scope:
                with pytest.raises(ToolFailed) as caught:
                    await ReplicateTool(DRAW).run(
                        make_call(SPECS[DRAW], prompt="boat"), _context(tmp_path, scope, fake)
                    )
            assert KEY not in str(caught.value)


def test_the_fake_knows_every_model_of_the_table() -> None:
    for model in MODELS.values():
        used = {
            model.prompt_input,
            *model.input,
            *filter(None, (model.image_input, model.seed_input)),
        }
        assert used <= OFFICIAL[model.name]


async def _no_picture(url: str) -> bytes:
    raise ToolFailed("gone", "bad_output")


def _context(
    tmp_path: Path, scope: AsyncExitStack, fake: FakeReplicate, **fields: Any
) -> ToolContext:
    given = {"secrets": {NAME: KEY}, "settings": fake.settings, **fields}
    return make_context(ArtifactStore(tmp_path / "store"), scope, **given)


async def _until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the server runs in a thread of its own
            await asyncio.sleep(0.01)
