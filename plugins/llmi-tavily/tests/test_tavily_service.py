"""The tool against Tavily on loopback: the real SDK and downloader, over real sockets, as the framework runs it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.config.options import Options
from llmi_agent.contract import Failed, ToolContext, ToolFailed
from llmi_agent.records.outcome import Finished, Outcome
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
    redirect,
)
from llmi_tavily.plugin import SPEC
from llmi_tavily.testing import A_PAGE, HUGE, INTERNAL, FakeTavily, Shown
from llmi_tavily.tool import TavilyImages

KEY = "tvly-canary-5f1c0de9"
BOATS = (
    Shown("a red boat in the harbour", page="/story", title="Boats of the bay"),
    Shown("a quay", jpeg=True),
)


@dataclass
class Run:
    """A session with the tool, and all that it said."""

    session: Session
    events: list[Any] = field(default_factory=list)
    slot: int = 0

    async def search(self, query: str = "red boat") -> Outcome:
        self.slot += 1
        return await self.session.result(make_call(SPEC, slot=self.slot, query=query))


MakeRun = Callable[..., Run]


@pytest.fixture
async def run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[MakeRun]:
    """Makes runs against a fake; afterwards the key must be in nothing that they said."""
    caplog.set_level(logging.DEBUG)
    made: list[Run] = []
    async with AsyncExitStack() as stack:

        def make(fake: FakeTavily, secrets: dict[str, str] | None = None, **fields: Any) -> Run:
            options = {"download_allow": (fake.host,), **fields.pop("options", {})}
            events: list[Any] = []
            session = make_session(
                SPEC,
                store=ArtifactStore(tmp_path / f"store{len(made)}"),
                emit=events.append,
                secrets={"TAVILY_API_KEY": KEY} if secrets is None else secrets,
                settings={"tavily_images": {"api_base": fake.url, **fields}},
                options=Options(**options),
            )
            stack.push_async_callback(session.aclose)
            made.append(Run(session, events))
            return made[-1]

        yield make
    assert KEY not in caplog.text
    assert all(KEY not in repr(each.events) for each in made)


def _said(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert KEY not in repr(outcome)
    return outcome


def _found(outcome: Outcome) -> Finished:
    assert isinstance(outcome, Finished), outcome
    assert KEY not in repr(outcome)
    return outcome


# What works


async def test_a_search_gives_pictures_with_their_page_and_price(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        outcome = _found(await run(fake).search())
        first, second = (each.provenance for each in outcome.candidates)
        assert first.source_url == fake.address(0)
        assert (first.provider, first.page_url) == ("Tavily", f"{fake.url}/story")
        assert first.title == "Boats of the bay"
        assert (second.source_url, second.page_url, second.title) == (fake.address(1), None, None)
    assert first.licence is None
    assert "licence is unknown" in outcome.note
    assert outcome.usd == pytest.approx(0.008)
    assert [each.media_type for each in outcome.candidates] == ["image/png", "image/jpeg"]


async def test_the_request_is_what_the_settings_say(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        settings = {
            "depth": "advanced",
            "include_domains": ["nasa.gov"],
            "exclude_domains": ["example.org"],
            "country": "norway",
            "usd_per_credit": 0.005,
        }
        outcome = _found(await run(fake, **settings).search("  red boat "))
        asked = fake.seen[0].json
    assert outcome.usd == pytest.approx(0.01)
    assert asked == {
        "query": "red boat",
        "search_depth": "advanced",
        "max_results": 10,
        "include_images": True,
        "include_image_descriptions": True,
        "include_usage": True,
        "include_domains": ["nasa.gov"],
        "exclude_domains": ["example.org"],
        "country": "norway",
    }


async def test_the_key_goes_to_tavily_and_to_nobody_else(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        _found(await run(fake).search())
        asked, *downloads = fake.seen
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert "x-tavily-access-mode" not in asked.headers
    assert len(downloads) == 2
    assert all(KEY not in repr(each) for each in downloads)


async def test_what_is_not_told_is_not_made_up(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY, tells_usage=False) as fake:
        assert _found(await run(fake).search()).usd is None


async def test_the_best_picture_comes_first(run: MakeRun) -> None:
    pictures = (
        Shown("a quay", 300, 300),
        Shown("a crane", 300, 300),
        Shown("the red boat", 900, 900),
    )
    with FakeTavily(pictures, key=KEY) as fake:
        outcome = _found(await run(fake).search("red boat"))
        order = [each.provenance.source_url for each in outcome.candidates]
        assert order == [fake.address(2), fake.address(0), fake.address(1)]


async def test_bad_pictures_are_left_out(run: MakeRun) -> None:
    pictures = (
        Shown("an icon", 64, 64),
        Shown("a page", reply=A_PAGE),
        Shown("gone", reply=Reply(404, b"gone", "text/plain")),
        Shown("huge", reply=HUGE),
        Shown("internal", reply=INTERNAL),
        Shown("a red boat", only_on_page=True, page="/story"),
    )
    with FakeTavily(pictures, key=KEY) as fake:
        outcome = _found(await run(fake).search())
        assert [each.provenance.source_url for each in outcome.candidates] == [fake.address(5)]
        assert outcome.candidates[0].provenance.page_url == f"{fake.url}/story"


async def test_only_so_many_are_downloaded(run: MakeRun) -> None:
    pictures = [Shown(f"boat {number}") for number in range(5)]
    with FakeTavily(pictures, key=KEY) as fake:
        outcome = _found(await run(fake, candidates=2).search())
        assert len(fake.paths("GET")) == 2
    assert len(outcome.candidates) == 2


async def test_one_slow_picture_keeps_nobody_waiting(run: MakeRun) -> None:
    pictures = [Shown(f"boat {number}") for number in range(4)]
    with FakeTavily(pictures, key=KEY) as fake:
        fake.fault(Hang(), path="/images/0")
        begun = time.monotonic()
        outcome = _found(await run(fake).search())
        assert time.monotonic() - begun < 4
        await _until(lambda: any(each.cancelled for each in fake.seen))
    assert len(outcome.candidates) == 3


async def test_the_tool_keeps_the_contract(tmp_path: Path) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        pictures = {fake.address(number): each.data for number, each in enumerate(BOATS)}

        async def download(url: str) -> bytes:
            return pictures[url]

        async with AsyncExitStack() as scope:
            context = _context(tmp_path, scope, fake, download=download)
            produced = await check_tool(SPEC, make_call(SPEC, query="red boat"), context)
    assert len(produced.images) == 2


# What fails


def _refusal(status: int, words: str = "no", **headers: str) -> Reply:
    return json_reply({"detail": {"error": words}}, status, **headers)


@pytest.mark.parametrize(
    ("fault", "reason", "words", "usd"),
    [
        (_refusal(400, "Query is odd."), "bad_params", ["Query is odd.", "400"], 0.0),
        (_refusal(401), "unavailable", ["TAVILY_API_KEY", "401"], 0.0),
        (_refusal(402), "quota", ["no credit", "402"], 0.0),
        (_refusal(403), "unavailable", ["TAVILY_API_KEY", "403"], 0.0),
        (_refusal(404), "unavailable", ["settings", "404"], 0.0),
        (
            json_reply({"detail": [{"loc": ["country"], "msg": "unknown"}]}, 422),
            "bad_params",
            ["country", "unknown", "422"],
            0.0,
        ),
        (_refusal(429), "quota", ["no more calls for now", "429"], 0.0),
        (_refusal(432), "quota", ["the plan's limit", "app.tavily.com", "432"], 0.0),
        (_refusal(433), "quota", ["the pay-as-you-go limit", "433"], 0.0),
        (_refusal(500), "unreachable", ["out of order", "500"], None),
        (Reply(502, b"<html>Bad gateway", "text/html"), "unreachable", ["502"], None),
        (Reply(204), "unreachable", ["204"], None),
        (Cut(), "unreachable", ["connection to Tavily broke"], None),
        (GARBAGE, "bad_output", ["cannot be read"], None),
        (json_reply(["no", "object"]), "bad_output", ["cannot be read"], None),
        (json_reply({"images": "one"}), "bad_output", ["cannot be read"], None),
        (Reply(body=b""), "bad_output", ["cannot be read"], None),
    ],
)
async def test_a_failing_search_says_why(
    run: MakeRun, fault: Fault, reason: str, words: list[str], usd: float | None
) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        fake.fault(fault, path="/search")
        failed = _said(await run(fake).search())
        assert fake.paths() == ["/search"]
    assert (failed.reason, failed.usd) == (reason, usd)
    for word in ["Tavily", *words]:
        assert word in failed.message


@pytest.mark.parametrize("status", [429, 432, 503])
async def test_the_wait_that_tavily_asks_for_arrives(run: MakeRun, status: int) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        fake.fault(_refusal(status, Retry_After="17"), path="/search")
        assert _said(await run(fake).search()).retry_after == 17.0


async def test_a_wrong_key_is_named_but_not_shown(run: MakeRun) -> None:
    with FakeTavily(BOATS, key="tvly-another") as fake:
        failed = _said(await run(fake).search())
    assert failed.reason == "unavailable"
    assert "TAVILY_API_KEY" in failed.message


async def test_after_a_failure_the_next_call_works(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        fake.fault(_refusal(500), path="/search")
        again = run(fake)
        assert _said(await again.search()).reason == "unreachable"
        assert len(_found(await again.search()).candidates) == 2


async def test_the_key_does_not_follow_a_redirect(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake, FakeTavily(BOATS, key=KEY) as elsewhere:
        fake.fault(redirect(f"{elsewhere.url}/search", 307), path="/search")
        failed = _said(await run(fake).search())
        assert elsewhere.seen == []
    assert failed.reason == "unavailable"
    assert "api_base" in failed.message


async def test_a_server_that_is_not_there_cost_nothing(run: MakeRun) -> None:
    with FakeTavily(key=KEY) as fake:
        pass
    failed = _said(await run(fake).search())
    assert (failed.reason, failed.usd) == ("unreachable", 0.0)
    assert "cannot be reached" in failed.message


async def test_a_silent_tavily_is_given_up_in_time(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        fake.fault(Hang(), path="/search")
        begun = time.monotonic()
        failed = _said(await run(fake, options={"call_timeout": 0.5}).search())
        assert time.monotonic() - begun < 3
        await _until(lambda: fake.seen[0].cancelled)
    assert failed.reason == "timeout"


async def test_silent_pictures_leave_what_has_arrived(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        fake.fault(Hang(), path="/images/0")
        outcome = _found(await run(fake, options={"call_timeout": 1.5}).search())
        assert [each.provenance.source_url for each in outcome.candidates] == [fake.address(1)]


async def test_nothing_found_asks_for_other_words(run: MakeRun) -> None:
    with FakeTavily(key=KEY) as fake:
        failed = _said(await run(fake).search("xyzzy"))
    assert (failed.reason, failed.retryable, failed.usd) == ("bad_params", True, 0.008)
    assert "no picture for 'xyzzy'; try other words" in failed.message


async def test_when_no_picture_can_be_had_the_first_reason_is_said(run: MakeRun) -> None:
    pictures = (Shown("internal", reply=INTERNAL), Shown("an icon", 64, 64))
    with FakeTavily(pictures, key=KEY) as fake:
        failed = _said(await run(fake).search("boat"))
    assert (failed.reason, failed.retryable, failed.usd) == ("bad_output", True, 0.008)
    assert "found 2 pictures for 'boat', and all 2 downloads failed" in failed.message
    assert "169.254.169.254" in failed.message


async def test_pictures_on_private_addresses_are_refused_unless_allowed(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        failed = _said(await run(fake, options={"download_allow": ()}).search())
        assert fake.paths() == ["/search"]
    assert failed.reason == "bad_output"


async def test_too_long_a_query_is_not_sent(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        failed = _said(await run(fake).search("boat " * 100))
        assert fake.seen == []
    assert (failed.reason, failed.retryable, failed.usd) == ("bad_params", True, 0.0)
    assert "499 characters" in failed.message


async def test_a_wrong_setting_is_told_before_anything_is_sent(run: MakeRun) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        failed = _said(await run(fake, depth="deep").search())
        assert fake.seen == []
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert "[tools.tavily_images] depth" in failed.message


@pytest.mark.parametrize("key", ["", "  ", "tvly-\nx", "tvly-\xe9"])
async def test_without_a_key_nothing_is_sent(
    run: MakeRun, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would read the environment, and then search anonymously."""
    monkeypatch.setenv("TAVILY_API_KEY", KEY)
    with FakeTavily(BOATS, key=KEY) as fake:
        failed = _said(await run(fake, secrets={"TAVILY_API_KEY": key}).search())
        assert fake.seen == []
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert "TAVILY_API_KEY" in failed.message


# Cancelling


@pytest.mark.parametrize("where", ["/search", "/images/0"])
async def test_closing_the_run_ends_what_is_in_flight(run: MakeRun, where: str) -> None:
    with FakeTavily(BOATS, key=KEY) as fake:
        fake.fault(Hang(), path=where)
        ended = run(fake)
        task = asyncio.create_task(ended.search())
        await _until(lambda: where in "".join(fake.paths()))
        await ended.session.aclose()
        assert _said(await task).reason == "cancelled"
        await _until(lambda: any(each.cancelled for each in fake.seen))


# Asking beforehand


async def test_verify_asks_for_the_usage_and_spends_nothing(tmp_path: Path) -> None:
    with FakeTavily(key=KEY) as fake:
        async with AsyncExitStack() as scope:
            health = await TavilyImages().verify(_context(tmp_path, scope, fake))
        assert fake.paths() == ["/usage"]
        assert fake.credits == 0
    assert health.ok
    assert health.message == "plan Researcher: 0 of 1000 credits used this month"


async def test_verify_says_that_a_key_is_wrong(tmp_path: Path) -> None:
    with FakeTavily(key="tvly-another") as fake:
        async with AsyncExitStack() as scope:
            health = await TavilyImages().verify(_context(tmp_path, scope, fake))
    assert not health.ok
    assert "TAVILY_API_KEY" in health.message
    assert KEY not in health.message


async def test_check_looks_at_key_and_settings_and_sends_nothing(tmp_path: Path) -> None:
    with FakeTavily(key=KEY) as fake:
        async with AsyncExitStack() as scope:
            good = await TavilyImages().check(_context(tmp_path, scope, fake))
            bad = await TavilyImages().check(_context(tmp_path, scope, fake, secrets={}))
        assert fake.seen == []
    assert (good.ok, good.message) == (True, "basic search at 127.0.0.1")
    assert not bad.ok
    assert "TAVILY_API_KEY is not set" in bad.message


async def test_the_tools_own_messages_never_hold_the_key(tmp_path: Path) -> None:
    """As the framework would erase it, this asks the tool itself."""
    faults: list[Fault] = [_refusal(401), Cut(), GARBAGE, _refusal(500)]
    with FakeTavily(BOATS, key=KEY) as fake:
        for fault in faults:
            fake.fault(fault, path="/search")
            async with AsyncExitStack() as scope:
                with pytest.raises(ToolFailed) as caught:
                    await TavilyImages().run(
                        make_call(SPEC, query="boat"), _context(tmp_path, scope, fake)
                    )
            assert KEY not in str(caught.value)


def _context(tmp_path: Path, scope: AsyncExitStack, fake: FakeTavily, **fields: Any) -> ToolContext:
    given = {"secrets": {"TAVILY_API_KEY": KEY}, "settings": {"api_base": fake.url}, **fields}
    return make_context(ArtifactStore(tmp_path / "store"), scope, **given)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the server runs in a thread of its own
            await asyncio.sleep(0.01)
