"""The parts that need no server: settings, and reading the answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tavily.errors import TimeoutError as TavilyTimeoutError

from llmi_agent.contract import Provenance, ToolFailed, read_settings
from llmi_agent.testing import check_light_import
from llmi_tavily import api
from llmi_tavily.answer import Answer, hits
from llmi_tavily.plugin import SPEC, llmi_tools
from llmi_tavily.settings import Settings


def test_the_door_offers_the_tool_and_stays_light() -> None:
    assert llmi_tools() == [SPEC]
    check_light_import("llmi_tavily.plugin")


# Settings


def test_settings_have_defaults_and_take_toml_values() -> None:
    assert Settings().depth == "basic"
    given = Settings.model_validate(
        {"include_domains": ["nasa.gov"], "candidates": 3, "country": "norway"}
    )
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
        read_settings(values, Settings, SPEC.name)
    for word in words:
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
    assert [(hit.addresses, hit.about) for hit in hits(answer, 9)] == [
        (("https://a.org/1.jpg",), ""),
        (("https://a.org/2.jpg",), "two"),
    ]


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,AAAA", "file:///etc/passwd", "https://a.org/logo.SVG?x=1", "//a.org/1"],
)
def test_what_is_no_raster_picture_on_the_web_is_left_out(url: str) -> None:
    (hit,) = hits(_answer([url, "http://[broken/1.jpg", "https://a.org/1.jpg"]), 9)
    assert hit.addresses == ("https://a.org/1.jpg",)


def test_at_most_so_many_are_taken_and_those_of_pages_come_last() -> None:
    page = {
        "url": "https://a.org/story",
        "images": ["https://a.org/p1.jpg", "https://a.org/p2.jpg"],
    }
    taken = hits(_answer(["https://b.org/1.jpg"], page), 2)
    assert [hit.addresses for hit in taken] == [
        ("https://b.org/1.jpg",),
        ("https://a.org/p1.jpg",),
    ]


def test_a_page_that_lists_a_picture_is_its_page() -> None:
    story = {
        "url": "https://a.org/story",
        "title": "The story",
        "images": ["https://cdn.org/1.jpg"],
    }
    other = {"url": "https://cdn.org/else", "title": "Another"}
    (hit,) = hits(_answer(["https://cdn.org/1.jpg"], other, story), 9)
    known = Provenance("Tavily", page_url="https://a.org/story", title="The story")
    assert hit.provenance == known


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
    known = (hit.provenance.page_url, hit.provenance.title)
    assert known == ((page, "T") if tied else (None, None))


def test_a_picture_deep_below_a_page_is_not_said_to_be_on_it() -> None:
    (hit,) = hits(_answer(["https://a.org/news/2024/1.jpg"], {"url": "https://a.org/news"}), 9)
    assert hit.provenance.page_url is None


@pytest.mark.parametrize("nothing", [{}, {"images": None, "results": None}, {"images": []}])
def test_an_answer_without_pictures_is_an_answer(nothing: dict[str, Any]) -> None:
    assert hits(Answer.model_validate(nothing), 9) == []


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
