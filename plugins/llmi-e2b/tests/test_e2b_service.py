"""Whatever E2B answers, or fails to: one clear failure, the right reason, no key in it, and nothing left running."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.config.options import Options
from llmi_agent.contract import Attachment, Failed, ToolContext
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.run.session import Session
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import (
    GARBAGE,
    Cut,
    Fault,
    Hang,
    Reply,
    attach,
    json_reply,
    make_call,
    make_context,
    make_session,
    random_png,
)
from llmi_e2b.plugin import SPEC
from llmi_e2b.testing import FakeE2B, FakeSandbox, error, figures
from llmi_e2b.tool import E2BCode

KEY = "e2b_canary_4cf1d9"
PNG = base64.b64encode(random_png()).decode()


@pytest.fixture
def e2b() -> Iterator[FakeE2B]:
    """Answers any code with a picture, at once; what it really runs is in test_e2b_code.py."""
    with FakeE2B(KEY, figures(PNG)) as server:
        yield server
        assert not server.alive, "a sandbox was left running"


@pytest.fixture
def tables(tmp_path: Path) -> tuple[ArtifactStore, tuple[Attachment, ...]]:
    store = ArtifactStore(tmp_path / "store")
    sales, prices = tmp_path / "sales.csv", tmp_path / 'Größe "ß".csv'
    sales.write_bytes(b"month,sales\r\nJan,3\n\x00\xff")
    prices.write_bytes(b"a,b\n1,2\n")
    return store, (attach(store, sales, "text/csv"), attach(store, prices, "text/csv"))


@pytest.fixture
def opened(
    e2b: FakeE2B, tables: tuple[ArtifactStore, tuple[Attachment, ...]], tmp_path: Path, caplog: Any
) -> Iterator[Callable[..., Any]]:
    """Opens a session; afterwards the key must be nowhere but in the requests to the API."""
    caplog.set_level(logging.DEBUG)
    events: list[Any] = []
    store, attachments = tables

    def session(key: str = KEY, seconds: float | None = None, **settings: Any) -> Session:
        return make_session(
            SPEC,
            store=store,
            attachments=attachments,
            emit=events.append,
            secrets={"E2B_API_KEY": key},
            settings={SPEC.name: {**e2b.settings, **settings}},
            options=Options(call_timeout=seconds),
        )

    yield session
    assert KEY not in repr(events)
    logged = [record.getMessage() for record in caplog.get_records("call")]
    assert logged
    assert KEY not in "".join(logged)
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]


async def draw(session: Session, slot: int = 0) -> Outcome:
    outcome = await session.result(make_call(SPEC, slot=slot, code=f"plt.plot([{slot}])"))
    assert KEY not in repr(outcome)
    return outcome


async def fails(session: Session, slot: int = 0) -> Failed:
    outcome = await draw(session, slot)
    assert isinstance(outcome, Failed), outcome
    return outcome


async def until(happened: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 - it happens in the server's thread
            await asyncio.sleep(0.01)


async def test_a_figure_comes_with_its_provenance(
    e2b: FakeE2B, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_USER", "not for the sandbox")
    monkeypatch.setenv("E2B_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("E2B_DEBUG", "true")
    async with opened() as session:
        outcome = await draw(session)
        await until(lambda: not e2b.alive[0].contexts)
    assert isinstance(outcome, Finished)
    (candidate,) = outcome.candidates
    assert candidate.provenance.provider == "E2B"
    assert candidate.provenance.model == "matplotlib 3.10.9"
    assert candidate.provenance.code == "plt.plot([0])"
    assert outcome.usd is None
    (sandbox,) = e2b.sandboxes.values()
    assert e2b.killed == [sandbox.id]
    assert sandbox.request["envVars"] == {}
    assert sandbox.request["allow_internet_access"] is False
    assert sandbox.request["timeout"] == 300
    assert sandbox.request["templateID"] == "code-interpreter-v1"
    (executed,) = [each for each in e2b.seen if each.path == "/execute"]
    assert executed.json["env_vars"] is None


async def test_the_key_goes_to_the_api_and_nowhere_else(e2b: FakeE2B, opened: Any) -> None:
    async with opened() as session:
        await draw(session)
    for each in e2b.seen:
        whole = repr((each.path, each.query, each.headers, each.body))
        assert (KEY in whole) == ("sandboxes" in each.path), each.path
        assert KEY.encode() not in each.body


async def test_settings_reach_the_sandbox(e2b: FakeE2B, opened: Any) -> None:
    async with opened(template="mine", sandbox_seconds=900, internet=True) as session:
        assert isinstance(await draw(session), Finished)
    (sandbox,) = e2b.sandboxes.values()
    request = sandbox.request
    assert (request["templateID"], request["timeout"]) == ("mine", 900)
    assert request["allow_internet_access"] is True


def said(status: int, message: str, **headers: str) -> Reply:
    return json_reply({"code": status, "message": message}, status, **headers)


@pytest.mark.parametrize(
    ("fault", "reason", "words", "usd"),
    [
        (said(401, f"bad key {KEY}"), "unavailable", ["does not accept the key", "E2B_API_KEY"], 0),
        (said(402, "no credits"), "quota", ["no credit left", "no credits"], 0),
        (said(403, "team is blocked"), "unavailable", ["E2B_API_KEY", "team is blocked"], 0),
        (said(404, "template 'x' not found"), "unavailable", ["template 'x' not found"], 0),
        (said(422, "timeout too long"), "bad_params", ["timeout too long"], 0),
        (said(429, "slow down", Retry_After="7"), "quota", ["no more calls", "slow down"], 0),
        (said(500, "oh dear"), "unreachable", ["E2B is out of order", "oh dear"], None),
        (Reply(502, b"<html>Bad gateway</html>", "text/html"), "unreachable", ["HTTP 502"], None),
        (said(503, "no capacity", Retry_After="7"), "unreachable", ["no capacity"], None),
        (Reply(500, b"<html>not JSON</html>", "text/html"), "unreachable", ["HTTP 500"], None),
        (Reply(429, b"plain words", "text/plain"), "quota", ["plain words"], 0),
        (GARBAGE, "bad_output", ["E2B's answer cannot be read"], None),
        (Reply(201, GARBAGE.body), "bad_output", ["E2B's answer cannot be read"], None),
        (json_reply({"sandboxID": "x"}, 201), "bad_output", ["answer cannot be read"], None),
        (json_reply([], 201), "bad_output", ["E2B's answer cannot be read"], None),
        (Cut(), "unreachable", ["the connection to E2B broke off"], None),
    ],
)
async def test_a_sandbox_that_cannot_be_made_is_asked_for_once_and_anew_by_the_next_call(
    e2b: FakeE2B, opened: Any, fault: Fault, reason: str, words: list[str], usd: float | None
) -> None:
    e2b.fault(fault, path="/v2/sandboxes", method="POST")
    async with opened() as session:
        failed = await fails(session)
        assert (failed.reason, failed.usd, failed.retryable) == (reason, usd, False)
        assert all(each in failed.message for each in words), failed.message
        asked_to_wait = isinstance(fault, Reply) and "Retry-After" in fault.headers
        assert failed.retry_after == (7.0 if asked_to_wait else None)
        assert e2b.paths("POST") == ["/v2/sandboxes"], "the SDK's own retries are to be off"
        assert isinstance(await draw(session, 1), Finished)


async def test_a_wrong_key_is_refused_by_the_service_itself(e2b: FakeE2B, opened: Any) -> None:
    async with opened(key="e2b_wrong") as session:
        failed = await fails(session)
    assert failed.reason == "unavailable"
    assert "check E2B_API_KEY" in failed.message


async def test_without_a_key_nothing_is_asked_for(
    e2b: FakeE2B, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("E2B_API_KEY", KEY)
    async with opened(key="") as session:
        failed = await fails(session)
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert "E2B_API_KEY is not set" in failed.message
    assert not e2b.seen


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sandbox_secs": 9}, ["sandbox_secs", "api_base, sandbox_url, template"]),
        ({"sandbox_seconds": 5}, ["sandbox_seconds", "greater than or equal to 30"]),
        ({"internet": "yes"}, ["internet", "valid boolean"]),
        ({"api_base": "e2b.app"}, ["api_base"]),
    ],
)
async def test_a_wrong_setting_is_named_with_those_that_exist(
    e2b: FakeE2B, opened: Any, settings: dict[str, Any], words: list[str]
) -> None:
    async with opened(**settings) as session:
        failed = await fails(session)
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert all(each in failed.message for each in ["[tools.e2b_code]", *words]), failed.message
    assert not e2b.seen


async def test_a_server_that_is_not_there(opened: Any) -> None:
    async with opened(api_base="http://127.0.0.1:9") as session:
        failed = await fails(session)
    assert (failed.reason, failed.usd) == ("unreachable", 0.0)
    assert "E2B cannot be reached" in failed.message


@pytest.mark.parametrize("path", ["/v2/sandboxes", "/files", "/contexts", "/execute"])
async def test_silence_ends_at_the_deadline_and_the_vendor_sees_it(
    e2b: FakeE2B, opened: Any, path: str
) -> None:
    e2b.fault(Hang(), path=path, method="POST")
    async with opened(seconds=0.5) as session:
        started = time.monotonic()
        failed = await fails(session)
        assert time.monotonic() - started < 3
        assert failed.reason == "timeout"
        (hung,) = [each for each in e2b.seen if each.path == path and each.method == "POST"]
        await until(lambda: hung.cancelled)
        if path == "/execute":
            assert "the code was stopped after 0." in failed.message
            assert failed.retryable
            await until(lambda: not any(each.contexts for each in e2b.alive))
        assert isinstance(await draw(session, 1), Finished)


@pytest.mark.parametrize("path", ["/v2/sandboxes", "/files", "/contexts", "/execute"])
async def test_closing_the_session_stops_the_call_and_kills_the_sandbox(
    e2b: FakeE2B, opened: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmi_e2b.sandbox._GRACE", 0.2)
    e2b.fault(Hang(), path=path, method="POST")
    session = opened()
    call = asyncio.ensure_future(draw(session))
    await until(lambda: path in e2b.paths("POST"))
    started = time.monotonic()
    await session.aclose()
    assert time.monotonic() - started < 5
    outcome = await call
    assert isinstance(outcome, Failed)
    assert outcome.reason == "cancelled"
    (hung,) = [each for each in e2b.seen if each.path == path and each.method == "POST"]
    assert hung.cancelled
    assert not e2b.alive


@pytest.mark.parametrize(
    ("path", "fault", "reason", "words"),
    [
        ("/contexts", said(502, "The sandbox was not found"), "unreachable", "gone"),
        ("/contexts", Reply(404, b"not found", "text/plain"), "unreachable", "gone"),
        ("/execute", said(502, "The sandbox was not found"), "unreachable", "was not found"),
        ("/execute", Reply(404, b"Context x not found", "text/plain"), "unreachable", "Context x"),
        ("/files", said(502, "The sandbox was not found"), "unreachable", "gone"),
        ("/files", said(507, "disk is full"), "unreachable", "disk is full"),
        ("/execute", said(429, "slow", Retry_After="7"), "quota", "no more calls"),
        ("/execute", said(500, "oh dear"), "unreachable", "out of order"),
        ("/contexts", GARBAGE, "bad_output", "E2B's answer cannot be read"),
        ("/execute", GARBAGE, "bad_output", "E2B's answer cannot be read"),
        ("/execute", Cut(), "unreachable", "gone or does not answer"),
        ("/execute", Reply(), "bad_output", "without a word on how it went"),
    ],
)
async def test_a_failure_in_the_sandbox_costs_an_unknown_sum_and_the_next_call_works(
    e2b: FakeE2B, opened: Any, path: str, fault: Fault, reason: str, words: str
) -> None:
    e2b.fault(fault, path=path, method="POST")
    async with opened() as session:
        failed = await fails(session)
        assert (failed.reason, failed.usd, failed.retryable) == (reason, None, False)
        assert words in failed.message
        asked_to_wait = isinstance(fault, Reply) and "Retry-After" in fault.headers
        assert failed.retry_after == (7.0 if asked_to_wait else None)
        assert len([each for each in e2b.paths("POST") if each == path]) == 1
        assert isinstance(await draw(session, 1), Finished)
    assert set(e2b.killed) == set(e2b.sandboxes)


async def test_a_sandbox_without_its_attachments_is_not_kept_running(
    e2b: FakeE2B, opened: Any
) -> None:
    e2b.fault(said(507, "disk is full"), path="/files")
    async with opened() as session:
        await fails(session)
        await until(lambda: e2b.killed)


async def test_a_sandbox_that_dies_while_it_runs_code_is_replaced(
    e2b: FakeE2B, opened: Any
) -> None:
    usual = e2b.run

    def die(sandbox: FakeSandbox, code: str) -> Any:
        sandbox.alive = False
        e2b.run = usual
        return usual(sandbox, code)

    e2b.run = die
    e2b.fault(Cut(0.2), path="/execute")
    async with opened() as session:
        failed = await fails(session)
        assert failed.reason == "unreachable"
        assert "sandbox was killed" in failed.message
        assert isinstance(await draw(session, 1), Finished)
    first, second = e2b.sandboxes.values()
    assert first.uploads == second.uploads
    assert e2b.killed == [second.id]


@pytest.mark.parametrize(
    ("name", "reason", "retryable", "words"),
    [
        ("ContextRestarting", "crashed", True, "used too much memory"),
        ("WebSocketError", "unreachable", False, "E2B lost the execution"),
        ("ModuleNotFoundError", "unavailable", False, "the template 'code-interpreter-v1' must be"),
    ],
)
async def test_an_execution_that_ends_without_a_report(
    e2b: FakeE2B, opened: Any, name: str, reason: str, retryable: bool, words: str
) -> None:
    e2b.run = lambda sandbox, code: [error(name, "why")]
    async with opened() as session:
        failed = await fails(session)
    assert (failed.reason, failed.retryable) == (reason, retryable)
    assert words in failed.message


async def test_a_figure_that_is_none(e2b: FakeE2B, opened: Any) -> None:
    for broken in ("no base64!", base64.b64encode(b"no picture").decode()):
        e2b.run = figures(broken)
        async with opened() as session:
            assert (await fails(session)).reason == "bad_output"


async def test_a_flood_of_output_is_cut_off(
    e2b: FakeE2B, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmi_e2b.tool._OUTPUT", 1 << 20)
    line = {"type": "stdout", "text": "x" * (1 << 16), "timestamp": 0}
    e2b.run = lambda sandbox, code: [line] * 100
    async with opened() as session:
        failed = await fails(session)
    assert (failed.reason, failed.retryable) == ("crashed", True)
    assert "put out more than 1 MB" in failed.message


async def test_calls_of_one_episode_share_a_sandbox_and_its_attachments(
    e2b: FakeE2B, opened: Any, tables: Any
) -> None:
    store, attachments = tables
    async with opened() as session:
        first, second = await asyncio.gather(draw(session, 0), draw(session, 1))
        third = await draw(session, 2)
        assert all(isinstance(each, Finished) for each in (first, second, third))
        (sandbox,) = e2b.alive
        assert len(sandbox.programs) == 3
        folder = "/home/user/llmi-attachments"
        assert sandbox.uploads == [f"{folder}/{each.name}" for each in attachments]
        for each in attachments:
            kept = sandbox.home / "llmi-attachments" / each.name
            assert kept.read_bytes() == store.read(each.digest)
        contexts = [each.json["context_id"] for each in e2b.seen if each.path == "/execute"]
        assert len(set(contexts)) == 3, "every call must start anew"
    assert e2b.killed == [sandbox.id]


async def test_episodes_do_not_share_even_if_they_share_the_tool(e2b: FakeE2B, tables: Any) -> None:
    store, _ = tables
    tool = E2BCode()
    async with asking(e2b, store) as one:
        async with asking(e2b, store) as other:
            await tool.run(make_call(SPEC, code="1"), one)
            await tool.run(make_call(SPEC, code="1"), other)
        first, second = e2b.sandboxes
        assert e2b.killed == [second]
        await tool.run(make_call(SPEC, code="1"), one)
        assert len(e2b.sandboxes) == 2
    assert e2b.killed == [second, first]


async def test_a_call_that_gives_up_does_not_take_the_sandbox_from_the_others(
    e2b: FakeE2B, tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmi_e2b.sandbox._GRACE", 0.1)
    store, _ = tables
    tool = E2BCode()
    e2b.fault(Hang(0.5), path="/v2/sandboxes")
    async with asking(e2b, store) as context:
        hasty = asyncio.ensure_future(tool.run(make_call(SPEC, code="1"), context))
        patient = asyncio.ensure_future(tool.run(make_call(SPEC, code="2"), context))
        await until(lambda: e2b.seen)
        hasty.cancel()
        await patient
        assert len(e2b.sandboxes) == 1


async def test_a_sandbox_that_is_just_being_made_is_waited_for_and_killed(
    e2b: FakeE2B, opened: Any
) -> None:
    e2b.fault(Hang(0.4), path="/v2/sandboxes", method="POST")
    session = opened()
    call = asyncio.ensure_future(draw(session))
    await until(lambda: e2b.seen)
    await session.aclose()
    await call
    assert len(e2b.sandboxes) == 1
    assert e2b.killed == list(e2b.sandboxes)


@pytest.mark.parametrize("fault", [Cut(0.1), Cut(0.9)])
async def test_a_sandbox_whose_id_never_arrived_is_found_and_killed(
    e2b: FakeE2B, opened: Any, fault: Fault
) -> None:
    async with opened() as session:
        e2b.fault(fault, path="/v2/sandboxes", method="POST")
        await fails(session)
        assert len(e2b.alive) == 1
        (stranger,) = e2b.alive
        assert isinstance(await draw(session, 1), Finished)
    assert stranger.id in e2b.killed
    assert len(e2b.killed) == 2


async def test_only_this_episodes_sandboxes_are_killed(e2b: FakeE2B, tables: Any) -> None:
    store, _ = tables
    tool = E2BCode()
    async with asking(e2b, store) as other:
        await tool.run(make_call(SPEC, code="1"), other)
        async with asking(e2b, store) as context:
            e2b.fault(Cut(), path="/v2/sandboxes", method="POST")
            with pytest.raises(Exception, match="broke off"):
                await tool.run(make_call(SPEC, code="1"), context)
        assert len(e2b.alive) == 1


async def test_a_sandbox_whose_time_runs_out_is_given_more_or_replaced(
    e2b: FakeE2B, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(sandbox_seconds=30, seconds=25) as session:
        await draw(session)
        assert not [path for path in e2b.paths() if path.endswith("/timeout")]
        real = asyncio.get_running_loop().time
        ahead = 10.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: real() + ahead)
        assert isinstance(await draw(session, 1), Finished)
        (prolonged,) = [each for each in e2b.seen if each.path.endswith("/timeout")]
        assert prolonged.json["timeout"] == 30
        ahead = 25.0
        e2b.alive[0].alive = False
        assert isinstance(await draw(session, 2), Finished)
        assert len(e2b.sandboxes) == 2


async def test_a_sandbox_that_cannot_be_killed_is_said(
    e2b: FakeE2B, opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened() as session:
        await draw(session)
        e2b.fault(said(500, f"no, {KEY}"), path="/sandboxes/", method="DELETE")
    (sandbox,) = e2b.alive
    assert "e2b.sandbox_not_killed" in caplog.text
    assert sandbox.id in caplog.text
    sandbox.alive = False


async def test_a_kill_that_hangs_ends(
    e2b: FakeE2B, opened: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("llmi_e2b.sandbox._CLOSE", 0.5)
    session = opened()
    await draw(session)
    e2b.fault(Hang(), path="/sandboxes/", method="DELETE")
    started = time.monotonic()
    await session.aclose()
    assert time.monotonic() - started < 2
    assert "e2b.sandbox_not_killed" in caplog.text
    e2b.alive[0].alive = False


async def test_a_cancelled_close_still_kills(e2b: FakeE2B, opened: Any) -> None:
    session = opened()
    await draw(session)
    e2b.fault(Hang(0.3), path="/sandboxes/", method="DELETE")
    closing = asyncio.ensure_future(session.aclose())
    await until(lambda: "DELETE" in {each.method for each in e2b.seen if "sandboxes" in each.path})
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await until(lambda: e2b.killed)


@asynccontextmanager
async def asking(e2b: FakeE2B, store: ArtifactStore, key: str = KEY) -> AsyncIterator[ToolContext]:
    async with AsyncExitStack() as scope:
        fields = {"secrets": {"E2B_API_KEY": key}, "settings": e2b.settings}
        deadline = asyncio.get_running_loop().time() + 30
        yield make_context(store, scope, deadline=deadline, **fields)


async def test_the_key_is_verified_without_a_sandbox(e2b: FakeE2B, tables: Any) -> None:
    store, _ = tables
    async with asking(e2b, store) as context:
        health = await E2BCode().verify(context)
        assert (health.ok, health.message) == (True, "E2B accepts the key")
        assert [(each.method, each.query) for each in e2b.seen] == [("GET", "limit=1")]
    async with asking(e2b, store, key="e2b_wrong") as context:
        health = await E2BCode().verify(context)
        assert not health.ok
        assert "check E2B_API_KEY" in health.message
    async with asking(e2b, store, key="") as context:
        assert not (await E2BCode().verify(context)).ok
        assert not (await E2BCode().check(context)).ok
    async with asking(e2b, store) as context:
        assert (await E2BCode().check(context)).ok
    assert not e2b.sandboxes
