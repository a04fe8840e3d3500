"""The parts that need no server: settings, text, licences, reading the answers, ranking, fetching several at once."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from llmi_agent.testing import check_light_import, random_png
from llmi_agent.tool import ToolFailed
from llmi_openverse import downloads, openverse
from llmi_openverse.downloads import fetch
from llmi_openverse.hit import Hit, own_line, raster_addresses
from llmi_openverse.licences import CC0, MARKED, Licence, from_code, from_name
from llmi_openverse.plugin import SPEC, llmi_tools
from llmi_openverse.ranking import match_share, score
from llmi_openverse.settings import read_settings
from llmi_openverse.text import plain, web_address

IN_TIME = float("inf")


def test_the_door_offers_the_tool_and_stays_light() -> None:
    assert llmi_tools() == [SPEC]
    check_light_import("llmi_openverse.plugin")


def test_the_network_is_used_only_when_asked_for() -> None:
    assert SPEC.opt_in
    assert SPEC.needs == ()
    assert SPEC.usd == 0.0


# Settings


def test_settings_have_defaults_and_take_toml_values() -> None:
    assert read_settings({}).sources == ("openverse", "commons")
    given = read_settings({"sources": ["commons"], "licence": "commercial,modification"})
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
        read_settings(values)
    assert (caught.value.reason, caught.value.usd) == ("unavailable", 0.0)
    for word in ["[tools.openverse_images]", *words]:
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


def test_long_text_is_cut_with_a_sign() -> None:
    assert plain("word " * 1000, 10) == "word word…"


@pytest.mark.parametrize(
    "piece", ["<a", "<a b='", "<script", "<!--", "&lt;", "&amp;", "<br", "</", "<![CDATA[", "&#"]
)
def test_no_text_takes_long(piece: str) -> None:
    begun = time.perf_counter()
    plain(piece * 500_000, 200)
    assert time.perf_counter() - begun < 0.25


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
    hit = Hit("Openverse (Flickr)", ("https://a.org/1",), licence, title="T", creator="C")
    assert hit.provenance("x").attribution == f"T by C, {words}, via Openverse (Flickr)"
    nameless = Hit("Openverse", ("https://a.org/1",), licence)
    assert nameless.provenance("x").attribution == f"Untitled, {words}, via Openverse"


# Ranking


def test_each_share_of_the_score_counts() -> None:
    base = score(2, 4, 500, 0.5)
    assert score(1, 4, 500, 0.5) > base
    assert score(2, 4, 600, 0.5) > base
    assert score(2, 4, 500, 0.6) > base


def test_the_score_is_the_sum_that_the_readme_gives() -> None:
    assert score(0, 4, 4000, 1.0) == pytest.approx(1.0)
    assert score(2, 4, 500, 0.5) == pytest.approx(0.4 * 0.5 + 0.4 * 0.5 + 0.2 * 0.5)


@pytest.mark.parametrize(
    ("query", "about", "share"),
    [
        ("red boat", "A RED boat, moored", 1.0),
        ("red boat", "File:Old_boat_1900", 0.5),
        ("red boat", "redder boats", 0.0),
        ("故宫", "北京故宫全景", 1.0),
        ("!?", "anything", 0.0),
    ],
)
def test_match_is_the_share_of_the_querys_words(query: str, about: str, share: float) -> None:
    assert match_share(query, about) == pytest.approx(share)


# Fetching


def _hit(*names: str) -> Hit:
    return Hit("Openverse", tuple(f"https://a.org/{name}" for name in names), CC0)


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
            raise ToolFailed(answer, "refused")
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
    haul = await fetch([_hit("a"), _hit("b"), _hit("c")], _download(answers), 200, IN_TIME)
    assert time.monotonic() - begun < 0.55
    assert [each.position for each in haul.pictures] == [0, 1, 2]
    assert haul.failures == ()


async def test_a_failing_one_does_not_keep_the_others() -> None:
    answers: dict[str, bytes | str | float] = {
        "inside": "a private address",
        "good": random_png(300, 250),
        "page": b"<html>",
        "tiny": random_png(199, 400),
    }
    hits = [_hit(name) for name in answers]
    haul = await fetch(hits, _download(answers), 200, IN_TIME)
    assert [(each.position, each.shorter_side) for each in haul.pictures] == [(1, 250)]
    assert haul.failures == (
        "a private address",
        "it is no picture",
        "it has 199 x 400 pixels, and min_side is 200",
    )


async def test_the_next_address_is_tried_and_the_first_ones_trouble_told() -> None:
    answers: dict[str, bytes | str | float] = {
        "large": "too large",
        "thumb": random_png(300, 300),
        "page": b"<html>",
        "gone": "HTTP 404",
    }
    hits = [_hit("large", "thumb"), _hit("page", "gone")]
    haul = await fetch(hits, _download(answers), 200, IN_TIME)
    assert [each.address for each in haul.pictures] == ["https://a.org/thumb"]
    assert haul.failures == ("it is no picture",)


async def test_the_same_picture_at_two_addresses_is_one() -> None:
    same = random_png(300, 300)
    haul = await fetch([_hit("a"), _hit("b")], _download({"a": same, "b": same}), 200, IN_TIME)
    assert [each.position for each in haul.pictures] == [0]


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
    haul = await fetch([_hit(name) for name in answers], _download(answers, gone), 200, IN_TIME)
    assert time.monotonic() - begun < 2
    assert [each.position for each in haul.pictures] == [1, 2, 3, 4]
    assert haul.failures == ("it did not arrive in time",)
    assert gone == ["slow"]


async def test_when_the_time_is_up_what_is_there_counts() -> None:
    gone: list[str] = []
    until = asyncio.get_running_loop().time() + 0.2
    answers: dict[str, bytes | str | float] = {"a": 0.01, "slow": 60.0}
    haul = await fetch([_hit("a"), _hit("slow")], _download(answers, gone), 200, until)
    assert len(haul.pictures) == 1
    assert gone == ["slow"]


async def test_cancelling_ends_every_download() -> None:
    gone: list[str] = []
    answers: dict[str, bytes | str | float] = {"a": 60.0, "b": 61.0}
    hits = [_hit("a"), _hit("b")]
    task = asyncio.create_task(fetch(hits, _download(answers, gone), 200, IN_TIME))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(gone) == ["a", "b"]


async def test_a_mistake_in_the_downloader_is_not_taken_for_a_bad_picture() -> None:
    async def broken(url: str) -> bytes:
        raise KeyError(url)

    with pytest.raises(KeyError):
        await fetch([_hit("a"), _hit("b")], broken, 200, IN_TIME)


async def test_a_picture_that_would_unpack_to_gigabytes_is_no_picture() -> None:
    small = random_png(300, 300)
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + small[24:29]
    bomb = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    haul = await fetch([_hit("bomb")], _download({"bomb": bomb}), 200, IN_TIME)
    assert haul.failures == ("it is no picture",)


def test_what_commons_hides_from_readers_is_in_no_title() -> None:
    artist = '<div style="display: none;">label QS:Len,"X"</div><a href="/wiki/User:Ann">Ann</a>'
    assert plain(artist, 100) == "Ann"
    assert plain('<span class="a" style="display:none">x</span>b', 100) == "b"


async def test_an_odd_result_costs_only_itself() -> None:
    good = {"url": "https://x.example/a.jpg", "license": "by", "license_version": "4.0"}
    odd = [{**good, "width": "wide"}, "no result", None, {**good, "tags": 3}]
    reply = httpx.Response(200, json={"results": [*odd, good]})
    transport = httpx.MockTransport(lambda request: reply)
    settings = read_settings({})
    async with httpx.AsyncClient(transport=transport) as http:
        until = asyncio.get_running_loop().time() + 5
        hits = await openverse.search(http, "a", settings, until)
    assert [hit.addresses for hit in hits] == [("https://x.example/a.jpg",)]
