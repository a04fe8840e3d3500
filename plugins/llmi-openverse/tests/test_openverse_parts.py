"""The parts that need no server: settings, text, licences, and reading the answers."""

from __future__ import annotations

import asyncio
import time
from types import ModuleType
from typing import Any

import httpx
import pytest

from llmi_agent.contract import ToolFailed, read_settings
from llmi_agent.testing import check_light_import
from llmi_openverse import commons, openverse
from llmi_openverse.credit import credited, own_line
from llmi_openverse.licences import CC0, MARKED, Licence, from_code, from_name
from llmi_openverse.plugin import SPEC, llmi_tools
from llmi_openverse.settings import Settings
from llmi_openverse.text import plain, raster_addresses, web_address


def test_the_door_offers_the_tool_and_stays_light() -> None:
    assert llmi_tools() == [SPEC]
    check_light_import("llmi_openverse.plugin")


def test_the_network_is_used_only_when_asked_for() -> None:
    assert SPEC.opt_in
    assert SPEC.needs == ()
    assert SPEC.usd == 0.0


# Settings


def test_settings_have_defaults_and_take_toml_values() -> None:
    assert Settings().sources == ("openverse", "commons")
    given = Settings.model_validate({"sources": ["commons"], "licence": "commercial,modification"})
    assert (given.sources, given.licence) == (("commons",), "commercial,modification")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"license": "any"}, ["license", "no such setting", "licence", "min_side"]),
        ({"licence": "free"}, ["licence", "'commercial'", "'public-domain'"]),
        ({"sources": []}, ["sources", "at least 1"]),
        ({"sources": ["flickr"]}, ["sources.0", "'openverse' or 'commons'"]),
        ({"sources": ["commons", "commons"]}, ["sources", "each source once"]),
        ({"candidates": 0}, ["candidates", "greater than or equal to 1"]),
        ({"commons_base": "ftp://example.org"}, ["commons_base", "http"]),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ToolFailed) as caught:
        read_settings(values, Settings, SPEC.name)
    for word in words:
        assert word in str(caught.value)


# Text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<a href="//x" title="User:A">Ada</a> <b>Byron</b>', "Ada Byron"),
        ("Tom &amp; Jerry&#39;s", "Tom & Jerry's"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;x", "x"),
        ("<script>alert(1)</script>ok<!-- no -->", "ok"),
        ("before<style>p {}", "before"),
        ("one<br/>two<p>three", "one two three"),
        ("cut <a href='foo", "cut"),
        ("a < b, 2 > 1, AT&T, I <3 boats", "a < b, 2 > 1, AT&T, I <3 boats"),
        ("  two\nlines\t\x00\x1b[31m", "two lines [31m"),
        ("\u202egnp.exe \ud800\ufeff", "gnp.exe"),
        ("नि\u200dक", "नि\u200dक"),
        ("日本の船", "日本の船"),
    ],
)
def test_text_comes_out_plain(text: str, shown: str) -> None:
    assert plain(text, 100) == shown


def test_what_commons_hides_from_readers_is_in_no_title() -> None:
    artist = '<div style="display: none;">label QS:Len,"X"</div><a href="/wiki/User:Ann">Ann</a>'
    assert plain(artist, 100) == "Ann"
    assert plain('<span class="a" style="display:none">x</span>b', 100) == "b"


def test_long_text_is_cut_with_a_sign() -> None:
    assert plain("word " * 1000, 10) == "word word…"


@pytest.mark.parametrize(
    "piece", ["<a", "<a b='", "<script", "<!--", "&lt;", "&amp;", "<br", "</", "<![CDATA[", "&#"]
)
def test_no_text_takes_long(piece: str) -> None:
    begun = time.thread_time()
    plain(piece * 500_000, 200)
    assert time.thread_time() - begun < 2


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.org/1?x=y#z", "https://a.org/1?x=y#z"),
        ("http://a.org", "http://a.org"),
        ("//a.org/1", "https://a.org/1"),
        ("javascript:alert(1)", None),
        ("JavaScript://a.org/%0aalert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("https://user:word@a.org/", None),
        ("https://a.org/\n1", None),
        ("https://a.org/\u202e1", None),
        ('https://a.org/"onclick="x', None),
        ("https://a.org\\@b.org/", None),
        ("https://[broken/", None),
        ("https:///1", None),
        ("/1", None),
        ("", None),
        (f"https://a.org/{'x' * 3000}", None),
    ],
)
def test_addresses_are_of_the_web(url: str, kept: str | None) -> None:
    assert web_address(url) == kept


def test_drawings_and_doubles_are_no_addresses_of_pictures() -> None:
    svg, png = "https://a.org/1.SVG?x", "https://a.org/1.png"
    assert raster_addresses(svg, png, png, "", "ftp://a.org/2.png") == (png,)


@pytest.mark.parametrize("text", ["word " * 200, f"{'<b></b>' * 1000}short"])
def test_a_credit_that_would_lose_its_end_is_not_taken(text: str) -> None:
    assert own_line(text) == ""
    assert own_line("<b>short</b>") == "short"


# Licences


@pytest.mark.parametrize(
    ("code", "version", "url", "name", "text"),
    [
        ("by", "4.0", "", "CC-BY-4.0", "licenses/by/4.0/"),
        ("BY-NC-SA", "2.0", "", "CC-BY-NC-SA-2.0", "licenses/by-nc-sa/2.0/"),
        ("by-nc-nd", "2.5", "http://evil.org/", "CC-BY-NC-ND-2.5", "licenses/by-nc-nd/2.5/"),
        (
            "by-sa",
            "3.0",
            "https://creativecommons.org/licenses/by-sa/3.0/de/deed.de",
            "CC-BY-SA-3.0-DE",
            "licenses/by-sa/3.0/de/",
        ),
        ("cc0", "1.0", "", "CC0-1.0", "publicdomain/zero/1.0/"),
        ("pdm", "1.0", "", "Public Domain Mark 1.0", "publicdomain/mark/1.0/"),
    ],
)
def test_openverses_codes_are_licences(
    code: str, version: str, url: str, name: str, text: str
) -> None:
    licence = from_code(code, version, url)
    assert licence
    assert (licence.name, licence.url) == (name, f"https://creativecommons.org/{text}")


@pytest.mark.parametrize(
    ("name", "url", "licence"),
    [
        ("CC BY-SA 4.0", "", "CC-BY-SA-4.0"),
        ("CC BY-SA 3.0 de", "", "CC-BY-SA-3.0-DE"),
        ("CC BY-SA 3.0 fr", "", "CC BY-SA 3.0 FR"),
        ("CC BY 2.1 jp", "", "CC BY 2.1 JP"),
        ("CC BY-SA 2.5,2.0,1.0", "", "CC BY-SA 2.5,2.0,1.0"),
        ("CC BY", "", "CC BY"),
        ("CC sampling+ 1.0", "", "CC sampling+ 1.0"),
        ("CC0", "", "CC0-1.0"),
        ("CC-Zero", "", "CC0-1.0"),
        ("Public domain", "", "Public domain"),
        ("GFDL", "https://www.gnu.org/copyleft/fdl.html", "GFDL"),
        ("<b>OGL 3</b>", "javascript:x", "OGL 3"),
    ],
)
def test_names_of_commons_are_licences(name: str, url: str, licence: str) -> None:
    read = from_name(name, url)
    assert read
    assert read.name == licence
    assert read.url is None or read.url.startswith("https://")


def test_without_a_name_there_is_no_licence() -> None:
    assert from_code("", "4.0", "https://creativecommons.org/licenses/by/4.0/") is None
    assert from_name("<i> </i>", "") is None


@pytest.mark.parametrize(
    ("name", "granted"),
    [
        ("CC BY-SA 4.0", {"any", "commercial", "modification", "commercial,modification"}),
        ("CC BY-NC 4.0", {"any", "modification"}),
        ("CC BY-ND 4.0", {"any", "commercial"}),
        ("CC BY-NC-ND 4.0", {"any"}),
        ("GFDL", {"any"}),
        (
            "CC0",
            {"any", "commercial", "modification", "commercial,modification", "public-domain"},
        ),
    ],
)
def test_a_licence_grants_what_it_is_known_to_allow(name: str, granted: set[Any]) -> None:
    licence = from_name(name, "")
    assert licence
    every = ("any", "commercial", "modification", "commercial,modification", "public-domain")
    assert {wanted for wanted in every if licence.grants(wanted)} == granted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        (Licence("CC-BY-SA-3.0-DE"), "CC BY-SA 3.0 DE"),
        (CC0, "CC0 1.0"),
        (MARKED, "Public Domain Mark 1.0"),
        (Licence("GFDL"), "GFDL"),
    ],
)
def test_a_credit_says_the_licence_in_words(licence: Licence, words: str) -> None:
    known = credited("Openverse (Flickr)", licence, title="T", creator="C")
    assert known.attribution == f"T by C, {words}, via Openverse (Flickr)"
    assert credited("Openverse", licence).attribution == f"Untitled, {words}, via Openverse"


# The answers


async def _found(service: ModuleType, answer: dict[str, Any], **settings: Any) -> list[str]:
    """The first addresses of the hits that a service's answer holds."""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    async with httpx.AsyncClient(transport=transport) as http:
        until = asyncio.get_running_loop().time() + 5
        hits = await service.search(http, "a", Settings(**settings), until)
    return [hit.addresses[0] for hit in hits]


async def test_an_odd_result_costs_only_itself() -> None:
    good = {"url": "https://x.example/a.jpg", "license": "by", "license_version": "4.0"}
    odd = [{**good, "width": "wide"}, "no result", None, {**good, "tags": 3}]
    found = await _found(openverse, {"results": [*odd, good]})
    assert found == ["https://x.example/a.jpg"]


SIZES = {"a": (400, 299), "b": (300, 400), "unknown": (None, None)}


async def test_what_openverse_says_is_too_small_is_left_out() -> None:
    results = [
        {"url": f"https://x.example/{name}", "license": "cc0", "width": width, "height": height}
        for name, (width, height) in SIZES.items()
    ]
    found = await _found(openverse, {"results": results}, min_side=300)
    assert found == ["https://x.example/b", "https://x.example/unknown"]


async def test_what_commons_says_is_too_small_is_left_out_but_no_drawing() -> None:
    def page(name: str, width: int | None, height: int | None, mime: str) -> dict[str, Any]:
        address = {"thumburl": f"https://x.example/{name}", "mime": mime}
        licence = {"LicenseShortName": {"value": "CC0"}}
        size = {"width": width, "height": height}
        return {"imageinfo": [{**address, **size, "extmetadata": licence}]}

    pages = [page(name, *size, "image/jpeg") for name, size in SIZES.items()]
    pages.append(page("drawing", 16, 16, "image/svg+xml"))
    found = await _found(commons, {"query": {"pages": pages}}, min_side=300)
    assert found == [
        "https://x.example/b",
        "https://x.example/unknown",
        "https://x.example/drawing",
    ]
