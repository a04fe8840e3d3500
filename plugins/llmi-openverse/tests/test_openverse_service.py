"""The tool against both services on loopback: the real downloader, over real sockets, as the framework runs it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.config.options import Options
from llmi_agent.contract import Failed, Provenance, ToolContext
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
from llmi_openverse import api
from llmi_openverse.plugin import SPEC
from llmi_openverse.testing import HUGE, INTERNAL, FakeCommons, FakeOpenverse, Shown
from llmi_openverse.tool import OpenverseImages

SECRET = "sk-canary-5f1c0de9"
"""A key of the user's environment: it belongs to another tool, and must go nowhere."""
BOATS = (Shown("A red boat", licence="by-sa", tags=("boat", "red")), Shown("A quay", licence="cc0"))
SHIPS = (Shown("A ship", licence="by", version="4.0"),)
OPENVERSE, COMMONS = "/v1/images/", "/w/api.php"
GONE = Reply(404, b"gone", "text/plain")


@dataclass
class World:
    """Both services, and a session with the tool."""

    openverse: FakeOpenverse
    commons: FakeCommons
    store: Path
    stack: AsyncExitStack
    events: list[Any] = field(default_factory=list)
    slot: int = 0
    session: Session | None = None

    def open(self, options: dict[str, Any] | None = None, **settings: Any) -> Session:
        """A session whose settings lead to the services."""
        allow = (self.openverse.host, self.commons.host)
        self.session = make_session(
            SPEC,
            store=ArtifactStore(self.store),
            emit=self.events.append,
            secrets={"TAVILY_API_KEY": SECRET},
            settings={"openverse_images": {**self.bases, **settings}},
            options=Options(**{"download_allow": allow, **(options or {})}),
        )
        self.stack.push_async_callback(self.session.aclose)
        return self.session

    @property
    def bases(self) -> dict[str, str]:
        return {"openverse_base": self.openverse.url, "commons_base": self.commons.url}

    async def search(
        self, query: str = "red boat", options: dict[str, Any] | None = None, **settings: Any
    ) -> Outcome:
        session = self.session or self.open(options, **settings)
        self.slot += 1
        return await session.result(make_call(SPEC, slot=self.slot, query=query))


MakeWorld = Callable[..., World]


@pytest.fixture
async def world(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeWorld]:
    """Makes worlds; afterwards the user's key must be in nothing that they said or were asked."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TAVILY_API_KEY", SECRET)
    made: list[World] = []
    with ExitStack() as servers:
        async with AsyncExitStack() as stack:

            def make(openverse: Sequence[Shown] = (), commons: Sequence[Shown] = ()) -> World:
                both = (
                    servers.enter_context(FakeOpenverse(openverse)),
                    servers.enter_context(FakeCommons(commons)),
                )
                made.append(World(*both, tmp_path / f"store{len(made)}", stack))
                return made[-1]

            yield make
    assert SECRET not in caplog.text
    for each in made:
        assert SECRET not in repr((each.events, each.openverse.seen, each.commons.seen))


def _said(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.usd == 0.0
    assert SECRET not in repr(outcome)
    return outcome


def _found(outcome: Outcome) -> list[Provenance]:
    assert isinstance(outcome, Finished), outcome
    assert outcome.usd == 0.0
    return [each.provenance for each in outcome.candidates]


# What works


async def test_openverse_comes_first_with_all_that_credit_needs(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    first, second = _found(await here.search())
    assert first == Provenance(
        "Openverse (Flickr)",
        source_url=here.openverse.address(0),
        page_url="https://www.flickr.com/photos/ada/0",
        title="A red boat",
        creator="Ada Byron",
        licence="CC-BY-SA-2.0",
        licence_url="https://creativecommons.org/licenses/by-sa/2.0/",
        attribution='"A red boat" by Ada Byron is licensed under CC BY-SA 2.0. To view a copy of this license, '
        "visit https://creativecommons.org/licenses/by-sa/2.0/.",
    )
    assert second.licence == "CC0-1.0"
    assert here.commons.seen == []


async def test_commons_gives_all_that_credit_needs_too(world: MakeWorld) -> None:
    here = world((), [Shown("A ship", 2400, 260, licence="by-sa", version="4.0")])
    (only,) = _found(await here.search("ship"))
    assert only == Provenance(
        "Wikimedia Commons",
        source_url=here.commons.thumbnail(0, 1920),
        page_url="https://commons.wikimedia.org/wiki/File:0.png",
        title="A ship",
        creator="Ada Byron",
        licence="CC-BY-SA-4.0",
        licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
        attribution="A ship by Ada Byron, CC BY-SA 4.0, via Wikimedia Commons",
    )
    assert here.commons.address(0) not in [f"{here.commons.url}{p}" for p in here.commons.paths()]


@pytest.mark.parametrize("source", ["openverse", "commons"])
@pytest.mark.parametrize(
    ("code", "version", "licence", "url"),
    [
        ("cc0", "1.0", "CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("by", "4.0", "CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("by-sa", "3.0", "CC-BY-SA-3.0", "https://creativecommons.org/licenses/by-sa/3.0/"),
        ("by-nc", "2.0", "CC-BY-NC-2.0", "https://creativecommons.org/licenses/by-nc/2.0/"),
        ("pdm", "", "Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
    ],
)
async def test_credit_is_complete_for_every_licence(
    world: MakeWorld, source: str, code: str, version: str, licence: str, url: str
) -> None:
    shown = [Shown("A boat", licence=code, version=version)]
    (only,) = _found(await world(shown, shown).search(sources=[source]))
    if (source, code) == ("commons", "pdm"):  # there it is not a mark that is told, but the fact
        licence, url = "Public domain", ""
    assert (only.licence, only.licence_url or "") == (licence, url)
    assert only.page_url
    assert only.title == "A boat"
    for word in ("A boat", "Ada Byron", licence.removeprefix("CC-").partition("-")[0]):
        assert word in (only.attribution or "")


async def test_who_asks_is_said_and_what_is_asked_is_what_the_settings_say(
    world: MakeWorld,
) -> None:
    here = world()
    _said(await here.search("  red boat:x ", licence="commercial,modification", mature=True))
    (asked,), (second,) = here.openverse.seen, here.commons.seen
    assert asked.args == {
        "q": "red boat:x",
        "page_size": "20",
        "license_type": "commercial,modification",
        "mature": "true",
    }
    assert second.args["gsrsearch"] == "red boat x filetype:bitmap|drawing"
    for each in (asked, second):
        assert each.headers["user-agent"].startswith("llmi-openverse/0.1.0 (+http")
        assert not {"authorization", "cookie"} & set(each.headers)


async def test_the_public_domain_is_asked_for_by_licence(world: MakeWorld) -> None:
    here = world(BOATS)
    (only,) = _found(await here.search(licence="public-domain"))
    assert here.openverse.seen[0].args["license"] == "cc0,pdm"
    assert only.licence == "CC0-1.0"


@pytest.mark.parametrize("source", ["openverse", "commons"])
@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ("any", {"by", "nc", "nd", "zero", "mark"}),
        ("commercial", {"by", "nd", "zero", "mark"}),
        ("modification", {"by", "nc", "zero", "mark"}),
        ("commercial,modification", {"by", "zero", "mark"}),
        ("public-domain", {"zero", "mark"}),
    ],
)
async def test_only_licences_that_allow_what_is_wanted(
    world: MakeWorld, source: str, wanted: str, titles: set[str]
) -> None:
    shown = [
        Shown("by", licence="by-sa"),
        Shown("nc", licence="by-nc-sa"),
        Shown("nd", licence="by-nd"),
        Shown("zero", licence="cc0"),
        Shown("mark", licence="pdm"),
    ]
    found = _found(await world(shown, shown).search(sources=[source], licence=wanted))
    assert {each.title for each in found} == titles


async def test_a_service_that_ignores_the_filter_is_not_believed(world: MakeWorld) -> None:
    sly = Shown("sly", licence="by", fields={"license": "by-nc"})
    found = _found(await world([sly, *BOATS]).search(licence="commercial"))
    assert {each.title for each in found} == {"A red boat", "A quay"}


async def test_pictures_without_a_licence_are_dropped(world: MakeWorld) -> None:
    bare = [Shown("A boat", licence="")]
    failed = _said(await world(bare, bare).search())
    assert (failed.reason, failed.retryable) == ("bad_params", True)


async def test_mature_pictures_come_only_when_wanted(world: MakeWorld) -> None:
    shown = [Shown("A nude", mature=True), Shown("A boat")]
    assert {each.title for each in _found(await world(shown).search())} == {"A boat"}
    assert len(_found(await world(shown).search(mature=True))) == 2
    unfiltered = [
        Shown("marked", fields={"mature": True}),
        Shown("told", fields={"unstable__sensitivity": ["provider_supplied_sensitive"]}),
    ]
    assert _said(await world(unfiltered).search()).reason == "bad_params"


async def test_the_best_picture_comes_first(world: MakeWorld) -> None:
    shown = [
        Shown("A quay", 300, 300),
        Shown("A crane", 300, 300),
        Shown("Harbour", 800, 800, tags=("red", "boat")),
    ]
    found = _found(await world(shown).search("red boat"))
    assert [each.title for each in found] == ["Harbour", "A quay", "A crane"]
    commons = _found(await world((), shown).search("red boat"))
    assert [each.title for each in commons] == ["Harbour", "A quay", "A crane"]


async def test_the_thumbnail_stands_in_for_an_original_that_cannot_be_had(
    world: MakeWorld,
) -> None:
    shown = [
        Shown("huge", 640, 480, reply=HUGE),
        Shown("gone", 640, 480, reply=GONE),
        Shown("inside", 640, 480, reply=INTERNAL),
    ]
    here = world(shown)
    found = _found(await here.search())
    assert {each.source_url for each in found} == {here.openverse.thumbnail(n) for n in range(3)}


async def test_the_original_stands_in_for_a_thumbnail_of_commons(world: MakeWorld) -> None:
    here = world((), [Shown("A ship", 2000, 210, thumb_reply=GONE)])
    (only,) = _found(await here.search())
    assert only.source_url == here.commons.address(0)


async def test_bad_pictures_are_left_out(world: MakeWorld) -> None:
    page = Reply(body=b"<!doctype html><p>Sign in to see this.", media_type="image/png")
    shown = [
        Shown("an icon", 64, 64),
        Shown("said to be large", 64, 64, fields={"width": 900, "height": 900}),
        Shown("a page", reply=page, thumb_reply=page),
        Shown("inside", reply=INTERNAL, thumb_reply=INTERNAL),
        Shown("a boat"),
    ]
    here = world(shown)
    assert [each.title for each in _found(await here.search())] == ["a boat"]
    assert not any("originals/0" in path for path in here.openverse.paths())


async def test_only_so_many_are_downloaded(world: MakeWorld) -> None:
    here = world([Shown(f"boat {number}") for number in range(5)])
    assert len(_found(await here.search(candidates=2))) == 2
    assert len(here.openverse.paths()) == 3


async def test_one_slow_picture_keeps_nobody_waiting(world: MakeWorld) -> None:
    here = world([Shown(f"boat {number}") for number in range(4)])
    here.openverse.fault(Hang(), path="/originals/0")
    begun = time.monotonic()
    assert len(_found(await here.search())) == 3
    assert time.monotonic() - begun < 4
    await _until(lambda: any(each.cancelled for each in here.openverse.seen))


async def test_the_tool_keeps_the_contract(world: MakeWorld, tmp_path: Path) -> None:
    here = world(BOATS)
    pictures = {here.openverse.address(at): each.data for at, each in enumerate(BOATS)}

    async def download(url: str) -> bytes:
        return pictures[url]

    async with AsyncExitStack() as scope:
        context = _context(tmp_path, scope, here, download=download)
        produced = await check_tool(SPEC, make_call(SPEC, query="red boat"), context)
    assert len(produced.images) == 2


# Strangers' words


@pytest.mark.parametrize("source", ["openverse", "commons"])
async def test_hostile_words_come_out_plain(world: MakeWorld, source: str) -> None:
    title = (
        "<script>alert(1)</script>A <b>red</b>\x00\x1b boat \u202eevil &lt;img src=x onerror=y&gt;"
    )
    evil = {
        "openverse": {
            "foreign_landing_url": "javascript:alert(1)",
            "license_url": "javascript:alert(2)",
            "attribution": f"{title} <a href='javascript:1'>by me</a>",
        },
        "commons": {
            "descriptionurl": "javascript:alert(1)",
            "LicenseUrl": "javascript:alert(2)",
            "Attribution": f"{title} <a href='javascript:1'>by me</a>",
        },
    }[source]
    creator = '<a href="javascript:alert(3)">Eve</a>'
    shown = [Shown(title, creator=creator, licence="by", version="4.0", fields=evil)]
    (only,) = _found(await world(shown, shown).search(sources=[source]))
    assert only.title == "A red boat evil"
    assert only.creator == "Eve"
    assert only.page_url is None
    assert only.licence_url == "https://creativecommons.org/licenses/by/4.0/"
    assert (only.attribution or "").startswith("A red boat evil by me")
    for sign in ("<", ">", "javascript", "alert", "\x00", "\x1b", "\u202e"):
        assert sign not in repr(only)


@pytest.mark.parametrize("source", ["openverse", "commons"])
async def test_endless_words_are_cut_and_the_credit_stays_whole(
    world: MakeWorld, source: str
) -> None:
    shown = [Shown("boat " * 200_000, creator="Eve " * 100_000, licence="by", version="4.0")]
    (only,) = _found(await world(shown, shown).search(sources=[source]))
    assert len(only.title or "") == 200
    assert len(only.creator or "") == 120
    assert len(only.attribution or "") < 500
    assert "CC BY 4.0, via " in (only.attribution or "")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"])
async def test_an_address_that_leads_nowhere_is_no_picture(world: MakeWorld, url: str) -> None:
    shown = [Shown("A boat", fields={"url": url, "thumbnail": url, "thumburl": url})]
    here = world(shown, shown)
    assert _said(await here.search()).reason == "bad_params"
    assert (here.openverse.paths(), here.commons.paths()) == ([OPENVERSE], [COMMONS])


# What fails


def _refusal(status: int, words: str = "no", **headers: str) -> Reply:
    return json_reply({"detail": words}, status, **headers)


_ROWS: list[tuple[Fault, str, list[str]]] = [
    (_refusal(400, "Invalid input given for fields."), "bad_params", ["Invalid input", "400"]),
    (_refusal(401), "unavailable", ["without an account", "401"]),
    (_refusal(402), "quota", ["without an account", "402"]),
    (Reply(403, b"<html>robots", "text/html"), "unavailable", ["without an account", "403"]),
    (_refusal(404), "unavailable", ["settings", "404"]),
    (_refusal(422), "bad_params", ["422"]),
    (_refusal(429), "quota", ["no more calls for now", "429"]),
    (_refusal(500), "unreachable", ["out of order", "500"]),
    (Reply(502, b"<html>Bad gateway", "text/html"), "unreachable", ["502"]),
    (Reply(204), "unavailable", ["204"]),
    (redirect("http://169.254.169.254/"), "unavailable", ["302", "settings"]),
    (Cut(), "unreachable", ["connection to", "broke"]),
    (GARBAGE, "bad_output", ["cannot be read"]),
    (json_reply(["no", "object"]), "bad_output", ["cannot be read"]),
    (json_reply({"odd": 1}), "bad_output", ["cannot be read"]),
    (json_reply({"results": 1, "query": 1}), "bad_output", ["cannot be read"]),
    (Reply(body=b""), "bad_output", ["cannot be read"]),
]


@pytest.mark.parametrize("source", ["openverse", "commons"])
@pytest.mark.parametrize(("fault", "reason", "words"), _ROWS)
async def test_a_failing_search_says_why(
    world: MakeWorld, source: str, fault: Fault, reason: str, words: list[str]
) -> None:
    here = world(BOATS, SHIPS)
    server, name = {
        "openverse": (here.openverse, "Openverse"),
        "commons": (here.commons, "Wikimedia Commons"),
    }[source]
    server.fault(fault)
    failed = _said(await here.search(sources=[source]))
    assert failed.reason == reason
    for word in [name, *words]:
        assert word in failed.message
    assert "key" not in failed.message
    assert len(server.seen) == 1


@pytest.mark.parametrize("fault", [row[0] for row in _ROWS])
async def test_when_openverse_is_down_commons_is_asked(world: MakeWorld, fault: Fault) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(fault)
    (only,) = _found(await here.search())
    assert (only.provider, only.title) == ("Wikimedia Commons", "A ship")


async def test_when_openverse_has_nothing_usable_commons_is_asked(world: MakeWorld) -> None:
    icons = [Shown("an icon", 64, 64, fields={"width": None})]
    (only,) = _found(await world(icons, SHIPS).search())
    assert only.provider == "Wikimedia Commons"


async def test_the_order_of_the_sources_is_the_users(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    (only,) = _found(await here.search(sources=["commons", "openverse"]))
    assert only.provider == "Wikimedia Commons"
    assert here.openverse.seen == []


async def test_when_both_are_down_both_reasons_are_said(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(_refusal(403))
    here.commons.fault(_refusal(500))
    failed = _said(await here.search())
    assert (failed.reason, failed.retryable) == ("unreachable", False)
    assert "Openverse does not serve this network" in failed.message
    assert "Wikimedia Commons is out of order (HTTP 500)" in failed.message


async def test_when_one_is_down_and_one_has_nothing_other_words_may_help(world: MakeWorld) -> None:
    here = world()
    here.openverse.fault(_refusal(500))
    failed = _said(await here.search("xyzzy"))
    assert (failed.reason, failed.retryable) == ("bad_output", True)
    assert "Openverse is out of order" in failed.message
    assert "Wikimedia Commons has no picture" in failed.message


async def test_the_shortest_wait_that_is_asked_for_arrives(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(_refusal(429, Retry_After="17"))
    here.commons.fault(_refusal(503, Retry_After="5"))
    failed = _said(await here.search())
    assert (failed.reason, failed.retry_after) == ("quota", 5.0)


@pytest.mark.parametrize("source", ["openverse", "commons"])
@pytest.mark.parametrize("status", [403, 429, 503])
async def test_the_wait_that_a_service_asks_for_arrives(
    world: MakeWorld, source: str, status: int
) -> None:
    here = world(BOATS, SHIPS)
    for server in (here.openverse, here.commons):
        server.fault(_refusal(status, Retry_After="17"))
    failed = _said(await here.search(sources=[source]))
    assert failed.retry_after == (None if status == 403 else 17.0)


@pytest.mark.parametrize(
    ("code", "reason"), [("ratelimited", "quota"), ("readonly", "unreachable")]
)
async def test_commons_says_what_is_wrong_with_status_200(
    world: MakeWorld, code: str, reason: str
) -> None:
    here = world(BOATS, SHIPS)
    complaint = {"error": {"code": code, "info": "Not <b>now</b>."}}
    here.commons.fault(json_reply(complaint, Retry_After="9"))
    failed = _said(await here.search(sources=["commons"]))
    assert (failed.reason, failed.retry_after) == (reason, 9.0)
    assert f"{code}: Not now." in failed.message


async def test_an_endless_answer_is_given_up(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MOST_BYTES", 500)
    failed = _said(await world(BOATS).search(sources=["openverse"]))
    assert failed.reason == "bad_output"
    assert "cannot be read" in failed.message


async def test_after_a_failure_the_next_call_works(world: MakeWorld) -> None:
    here = world(BOATS)
    here.openverse.fault(_refusal(500))
    assert _said(await here.search(sources=["openverse"])).reason == "unreachable"
    assert len(_found(await here.search())) == 2


async def test_a_server_that_is_not_there_is_said_so(world: MakeWorld) -> None:
    with FakeOpenverse() as gone:
        base = gone.url
    failed = _said(await world().search(sources=["openverse"], openverse_base=base))
    assert failed.reason == "unreachable"
    assert "Openverse cannot be reached" in failed.message


async def test_silent_services_are_given_up_in_time(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(Hang())
    here.commons.fault(Hang())
    begun = time.monotonic()
    failed = _said(await here.search(options={"call_timeout": 0.5}))
    assert time.monotonic() - begun < 3
    assert failed.reason == "timeout"
    await _until(lambda: here.openverse.seen[0].cancelled and here.commons.seen[0].cancelled)


async def test_a_silent_openverse_leaves_time_for_commons(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(Hang())
    (only,) = _found(await here.search(options={"call_timeout": 3.0}))
    assert only.provider == "Wikimedia Commons"


async def test_silent_pictures_leave_what_has_arrived(world: MakeWorld) -> None:
    here = world(BOATS)
    here.openverse.fault(Hang(), path="/originals/0")
    (only,) = _found(await here.search(options={"call_timeout": 3.0}))
    assert only.title == "A quay"


async def test_nothing_found_asks_for_other_words(world: MakeWorld) -> None:
    failed = _said(await world().search("xyzzy", licence="commercial"))
    assert (failed.reason, failed.retryable) == ("bad_params", True)
    for word in ("Openverse has no picture", "Wikimedia Commons has no picture", "'xyzzy'"):
        assert word in failed.message
    assert "'commercial'" in failed.message
    assert failed.message.endswith("try other words")


async def test_words_that_are_only_operators_are_not_sent_to_commons(world: MakeWorld) -> None:
    here = world((), SHIPS)
    assert _said(await here.search("*** -")).reason == "bad_params"
    assert here.commons.seen == []


async def test_when_no_picture_can_be_had_the_first_reason_is_said(world: MakeWorld) -> None:
    inside = [Shown("inside", reply=INTERNAL, thumb_reply=GONE)]
    failed = _said(await world(inside).search("boat", sources=["openverse"]))
    assert (failed.reason, failed.retryable) == ("bad_output", True)
    assert "Openverse has 1 pictures for 'boat', and none could be had" in failed.message
    assert "169.254.169.254" in failed.message


async def test_pictures_on_private_addresses_are_refused_unless_allowed(world: MakeWorld) -> None:
    here = world(BOATS, SHIPS)
    failed = _said(await here.search(options={"download_allow": ()}))
    assert failed.reason == "bad_output"
    assert (here.openverse.paths(), here.commons.paths()) == ([OPENVERSE], [COMMONS])


async def test_too_long_a_query_is_not_sent(world: MakeWorld) -> None:
    here = world(BOATS)
    failed = _said(await here.search("boat " * 50))
    assert (failed.reason, failed.retryable) == ("bad_params", True)
    assert "249 characters" in failed.message
    assert here.openverse.seen == []


async def test_a_wrong_setting_is_told_before_anything_is_sent(world: MakeWorld) -> None:
    here = world(BOATS)
    failed = _said(await here.search(licence="free"))
    assert (failed.reason, failed.usd) == ("unavailable", 0.0)
    assert "[tools.openverse_images] licence" in failed.message
    assert here.openverse.seen == []


# Cancelling


@pytest.mark.parametrize("where", [OPENVERSE, "/originals/0"])
async def test_closing_the_run_ends_what_is_in_flight(world: MakeWorld, where: str) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(Hang(), path=where)
    session = here.open()
    task = asyncio.create_task(here.search())
    await _until(lambda: where in "".join(here.openverse.paths()))
    await session.aclose()
    assert _said_cancelled(await task)
    await _until(lambda: any(each.cancelled for each in here.openverse.seen))
    assert here.commons.seen == []


def _said_cancelled(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.reason == "cancelled"


# Asking beforehand


async def test_verify_asks_each_service(world: MakeWorld, tmp_path: Path) -> None:
    here = world(BOATS, SHIPS)
    here.openverse.fault(_refusal(429))
    async with AsyncExitStack() as scope:
        some = await OpenverseImages().verify(_context(tmp_path, scope, here))
        here.openverse.fault(_refusal(429))
        here.commons.fault(_refusal(500))
        none = await OpenverseImages().verify(_context(tmp_path, scope, here))
        everything = await OpenverseImages().verify(_context(tmp_path, scope, here))
    assert some.ok
    assert "no more calls for now (HTTP 429): no; Wikimedia Commons answers" in some.message
    assert not none.ok
    assert (everything.ok, everything.message) == (
        True,
        "Openverse answers; Wikimedia Commons answers",
    )


async def test_check_looks_at_the_settings_and_sends_nothing(
    world: MakeWorld, tmp_path: Path
) -> None:
    here = world(BOATS)
    async with AsyncExitStack() as scope:
        good = await OpenverseImages().check(_context(tmp_path, scope, here))
        bad = await OpenverseImages().check(_context(tmp_path, scope, here, settings={"x": 1}))
    assert (good.ok, good.message) == (True, "Openverse, then Wikimedia Commons; licence: any")
    assert not bad.ok
    assert "no such setting" in bad.message
    assert here.openverse.seen == []


def _context(tmp_path: Path, scope: AsyncExitStack, here: World, **fields: Any) -> ToolContext:
    return make_context(
        ArtifactStore(tmp_path / "store"), scope, **{"settings": here.bases, **fields}
    )


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the server runs in a thread of its own
            await asyncio.sleep(0.01)
