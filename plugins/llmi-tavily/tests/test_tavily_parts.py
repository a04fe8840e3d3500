"""The parts that need no server: settings, reading the answer, ranking, and fetching several at once."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from tavily.errors import TimeoutError as TavilyTimeoutError

from llmi_agent.testing import check_light_import, random_png
from llmi_agent.tool import ToolFailed
from llmi_tavily import api, downloads
from llmi_tavily.answer import Answer, Hit, hits
from llmi_tavily.downloads import fetch
from llmi_tavily.plugin import SPEC, llmi_tools
from llmi_tavily.ranking import match_share, score
from llmi_tavily.settings import read_settings

IN_TIME = float("inf")


def test_the_door_offers_the_tool_and_stays_light() -> None:
    assert llmi_tools() == [SPEC]
    check_light_import("llmi_tavily.plugin")


# Settings


def test_settings_have_defaults_and_take_toml_values() -> None:
    assert read_settings({}).depth == "basic"
    given = read_settings({"include_domains": ["nasa.gov"], "candidates": 3, "country": "norway"})
    assert (given.include_domains, given.candidates, given.country) == (("nasa.gov",), 3, "norway")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"deepth": "basic"}, ["deepth", "no such setting", "depth", "min_side"]),
        ({"depth": "deep"}, ["depth", "'basic' or 'advanced'"]),
        ({"candidates": 0}, ["candidates", "greater than or equal to 1"]),
        ({"api_base": "ftp://example.org"}, ["api_base", "http"]),
        ({"include_domains": "nasa.gov"}, ["include_domains", "tuple"]),
        ({"usd_per_credit": float("inf")}, ["usd_per_credit", "finite"]),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ToolFailed) as caught:
        read_settings(values)
    assert caught.value.reason == "unavailable"
    assert caught.value.usd == 0.0
    for word in ["[tools.tavily_images]", *words]:
        assert word in str(caught.value)


# The answer


def _answer(images: Any, *results: dict[str, Any]) -> Answer:
    return Answer.model_validate({"images": images, "results": list(results)})


def test_pictures_are_addresses_or_objects_and_each_is_taken_once() -> None:
    answer = _answer(
        [
            "https://a.org/1.jpg",
            {"url": "https://a.org/2.jpg", "description": "two"},
            {"url": "https://a.org/1.jpg", "description": "one again"},
            {"description": "no address"},
        ]
    )
    assert hits(answer, 9) == [
        Hit(0, "https://a.org/1.jpg"),
        Hit(1, "https://a.org/2.jpg", "two"),
    ]


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,AAAA", "file:///etc/passwd", "https://a.org/logo.SVG?x=1", "//a.org/1"],
)
def test_what_is_no_raster_picture_on_the_web_is_left_out(url: str) -> None:
    assert hits(_answer([url, "http://[broken/1.jpg", "https://a.org/1.jpg"]), 9) == [
        Hit(0, "https://a.org/1.jpg")
    ]


def test_at_most_so_many_are_taken_and_those_of_pages_come_last() -> None:
    page = {
        "url": "https://a.org/story",
        "images": ["https://a.org/p1.jpg", "https://a.org/p2.jpg"],
    }
    taken = hits(_answer(["https://b.org/1.jpg"], page), 2)
    assert [each.url for each in taken] == ["https://b.org/1.jpg", "https://a.org/p1.jpg"]


def test_a_page_that_lists_a_picture_is_its_page() -> None:
    story = {
        "url": "https://a.org/story",
        "title": "The story",
        "images": ["https://cdn.org/1.jpg"],
    }
    other = {"url": "https://cdn.org/else", "title": "Another"}
    (hit,) = hits(_answer(["https://cdn.org/1.jpg"], other, story), 9)
    assert (hit.page_url, hit.title) == ("https://a.org/story", "The story")


@pytest.mark.parametrize(
    ("page", "tied"),
    [
        ("https://a.org/story", True),
        ("https://A.org/story/", True),
        ("https://a.org/", False),
        ("https://a.org", False),
        ("https://a.org/story/more", False),
        ("https://a.org/sto", False),
        ("https://b.org/story", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_page_whose_folder_holds_the_picture_is_its_page(page: str, tied: bool) -> None:
    (hit,) = hits(_answer(["https://a.org/story/1.jpg"], {"url": page, "title": "T"}), 9)
    assert (hit.page_url, hit.title) == ((page, "T") if tied else (None, None))


def test_a_picture_deep_below_a_page_is_not_said_to_be_on_it() -> None:
    (hit,) = hits(_answer(["https://a.org/news/2024/1.jpg"], {"url": "https://a.org/news"}), 9)
    assert hit.page_url is None


@pytest.mark.parametrize("nothing", [{}, {"images": None, "results": None}, {"images": []}])
def test_an_answer_without_pictures_is_an_answer(nothing: dict[str, Any]) -> None:
    assert hits(Answer.model_validate(nothing), 9) == []


# Ranking


def test_each_share_of_the_score_counts() -> None:
    base = score(2, 4, 500, 0.5)
    assert score(1, 4, 500, 0.5) > base
    assert score(2, 4, 600, 0.5) > base
    assert score(2, 4, 500, 0.6) > base


def test_the_score_is_the_sum_that_the_readme_gives() -> None:
    assert score(0, 4, 1000, 1.0) == pytest.approx(1.0)
    assert score(0, 4, 4000, 1.0) == pytest.approx(1.0)
    assert score(2, 4, 500, 0.5) == pytest.approx(0.4 * 0.5 + 0.4 * 0.5 + 0.2 * 0.5)


@pytest.mark.parametrize(
    ("query", "description", "share"),
    [
        ("red boat", "A RED boat, moored", 1.0),
        ("red boat", "a boat", 0.5),
        ("red boat", "", 0.0),
        ("red boat", "redder boats", 0.0),
        ("Straße", "STRASSE", 1.0),
        ("故宫", "北京故宫全景", 1.0),
        ("故宫2024", "故宫 2024", 1.0),
        ("!?", "anything", 0.0),
    ],
)
def test_match_is_the_share_of_the_querys_words(query: str, description: str, share: float) -> None:
    assert match_share(query, description) == pytest.approx(share)


# Fetching


def _hits(*names: str) -> list[Hit]:
    return [Hit(at, f"https://a.org/{name}") for at, name in enumerate(names)]


def _download(
    answers: dict[str, bytes | str | float], gone: list[str] | None = None
) -> Callable[[str], Awaitable[bytes]]:
    """Gives bytes, fails with words, or takes so many seconds and then gives a picture; notes what is cancelled."""

    async def download(url: str) -> bytes:
        name = url.rpartition("/")[2]
        answer = answers[name]
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, str):
            raise ToolFailed(answer, "unreachable")
        try:
            await asyncio.sleep(answer)
        except asyncio.CancelledError:
            (gone if gone is not None else []).append(name)
            raise
        return random_png(300, 300, seed=int(answer * 1000))

    return download


async def test_all_are_fetched_at_once_and_kept_in_order() -> None:
    begun = time.monotonic()
    answers: dict[str, bytes | str | float] = {"a": 0.3, "b": 0.2, "c": 0.1}
    haul = await fetch(_hits("a", "b", "c"), _download(answers), 200, IN_TIME)
    assert time.monotonic() - begun < 0.55
    assert [each.hit.position for each in haul.pictures] == [0, 1, 2]
    assert haul.failures == ()


async def test_a_failing_one_does_not_keep_the_others() -> None:
    answers: dict[str, bytes | str | float] = {
        "gone": "HTTP 404",
        "good": random_png(300, 250),
        "page": b"<html>",
        "tiny": random_png(199, 400),
    }
    haul = await fetch(_hits("gone", "good", "page", "tiny"), _download(answers), 200, IN_TIME)
    assert [each.hit.position for each in haul.pictures] == [1]
    assert haul.pictures[0].shorter_side == 250
    assert haul.failures == (
        "HTTP 404",
        "it is no picture",
        "it has 199 x 400 pixels, and min_side is 200",
    )


async def test_the_same_picture_at_two_addresses_is_one() -> None:
    same = random_png(300, 300)
    haul = await fetch(_hits("a", "b"), _download({"a": same, "b": same}), 200, IN_TIME)
    assert [each.hit.position for each in haul.pictures] == [0]


async def test_the_slowest_are_not_waited_for_once_enough_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(downloads, "GRACE", 0.3)
    gone: list[str] = []
    answers: dict[str, bytes | str | float] = {
        "slow": 60.0,
        "late": 0.15,
        "a": 0.01,
        "b": 0.02,
        "c": 0.03,
    }
    begun = time.monotonic()
    haul = await fetch(_hits("slow", "late", "a", "b", "c"), _download(answers, gone), 200, IN_TIME)
    assert time.monotonic() - begun < 2
    assert [each.hit.position for each in haul.pictures] == [1, 2, 3, 4]
    assert haul.failures == ("it did not arrive in time",)
    assert gone == ["slow"]


async def test_two_are_not_enough_to_stop_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "GRACE", 0.0)
    answers: dict[str, bytes | str | float] = {"a": 0.01, "b": 0.02, "late": 0.3}
    haul = await fetch(_hits("a", "b", "late"), _download(answers), 200, IN_TIME)
    assert len(haul.pictures) == 3


async def test_when_the_time_is_up_what_is_there_counts() -> None:
    gone: list[str] = []
    until = asyncio.get_running_loop().time() + 0.2
    answers: dict[str, bytes | str | float] = {"a": 0.01, "slow": 60.0}
    haul = await fetch(_hits("a", "slow"), _download(answers, gone), 200, until)
    assert len(haul.pictures) == 1
    assert gone == ["slow"]


async def test_cancelling_ends_every_download() -> None:
    gone: list[str] = []
    answers: dict[str, bytes | str | float] = {"a": 60.0, "b": 61.0}
    task = asyncio.create_task(fetch(_hits("a", "b"), _download(answers, gone), 200, IN_TIME))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(gone) == ["a", "b"]


async def test_a_mistake_in_the_downloader_is_not_taken_for_a_bad_picture() -> None:
    async def broken(url: str) -> bytes:
        raise KeyError(url)

    with pytest.raises(KeyError):
        await fetch(_hits("a", "b"), broken, 200, IN_TIME)


async def test_a_picture_that_would_unpack_to_gigabytes_is_no_picture() -> None:
    small = random_png(300, 300)
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + small[24:29]
    bomb = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    haul = await fetch(
        _hits("bomb", "small"), _download({"bomb": bomb, "small": small}), 200, IN_TIME
    )
    assert haul.failures == ("it is no picture",)
    assert len(haul.pictures) == 1


# Failures that a loopback server cannot show


def test_a_connection_that_never_came_about_cost_nothing() -> None:
    def sdk_gives_up(cause: type[httpx.TimeoutException]) -> None:
        try:
            raise cause("slow")
        except httpx.TimeoutException:
            raise TavilyTimeoutError(30)  # noqa: B904 - as the SDK does it

    for cause, usd in ((httpx.ConnectTimeout, 0.0), (httpx.ReadTimeout, None)):
        with pytest.raises(ToolFailed) as caught, api._failures_said():
            sdk_gives_up(cause)
        assert (caught.value.reason, caught.value.usd) == ("timeout", usd)
