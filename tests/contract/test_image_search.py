"""What search tools share: several pictures fetched at once, the score, and the time that there is."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from llmi_agent.contract import image_search as hits
from llmi_agent.contract.image_search import Haul, Hit, fetch, match_share, score, until
from llmi_agent.contract.tool import Provenance, ToolFailed
from llmi_agent.store import intake
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import check_light_import, make_context, random_png

IN_TIME = float("inf")


def test_the_module_is_light() -> None:
    check_light_import("llmi_agent.contract.image_search")


def test_what_is_taken_here_is_what_the_intake_takes() -> None:
    assert hits.FORMATS == intake.FORMATS


def test_a_hit_without_an_address_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="address"):
        Hit((), Provenance("a"))


# Ranking


def test_each_share_of_the_score_counts() -> None:
    base = score(2, 4, 500, 0.5)
    assert score(1, 4, 500, 0.5) > base
    assert score(2, 4, 600, 0.5) > base
    assert score(2, 4, 500, 0.6) > base


def test_the_score_is_the_sum_that_the_readmes_give() -> None:
    assert score(0, 4, 1000, 1.0) == pytest.approx(1.0)
    assert score(0, 4, 4000, 1.0) == pytest.approx(1.0)
    assert score(2, 4, 500, 0.5) == pytest.approx(0.4 * 0.5 + 0.4 * 0.5 + 0.2 * 0.5)


@pytest.mark.parametrize(
    ("query", "about", "share"),
    [
        ("red boat", "A RED boat, moored", 1.0),
        ("red boat", "a boat", 0.5),
        ("red boat", "", 0.0),
        ("red boat", "File:Old_boat_1900", 0.5),
        ("red boat", "redder boats", 0.0),
        ("Straße", "STRASSE", 1.0),
        ("故宫", "北京故宫全景", 1.0),
        ("故宫2024", "故宫 2024", 1.0),
        ("!?", "anything", 0.0),
    ],
)
def test_match_is_the_share_of_the_querys_words(query: str, about: str, share: float) -> None:
    assert match_share(query, about) == pytest.approx(share)


# Fetching


class _Web:
    """Pictures by name: each is bytes, fails with words, or takes so many seconds and then is a picture."""

    def __init__(self, **answers: bytes | str | float) -> None:
        self.answers = answers
        self.given_up: list[str] = []

    async def download(self, url: str) -> bytes:
        name = url.rpartition("/")[2]
        answer = self.answers[name]
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, str):
            raise ToolFailed(answer, "unreachable")
        try:
            await asyncio.sleep(answer)
        except asyncio.CancelledError:
            self.given_up.append(name)
            raise
        return random_png(300, 300, seed=int(answer * 1000))

    async def fetch(self, *found: Hit, query: str = "", until: float = IN_TIME) -> Haul:
        """What comes of all pictures, unless it is said which ones."""
        every = [_hit(name) for name in self.answers]
        return await fetch(found or every, query, self.download, 200, until)


def _hit(*names: str, about: str = "") -> Hit:
    return Hit(tuple(f"https://a.org/{name}" for name in names), Provenance("a"), about)


def _names(haul: Haul) -> list[str]:
    return [(image.provenance.source_url or "").rpartition("/")[2] for image in haul.images]


async def test_all_are_fetched_at_once_and_kept_in_order() -> None:
    begun = time.monotonic()
    haul = await _Web(a=0.3, b=0.2, c=0.1).fetch()
    assert time.monotonic() - begun < 0.55
    assert _names(haul) == ["a", "b", "c"]
    assert haul.failures == ()


async def test_nothing_comes_of_no_hits() -> None:
    assert await _Web().fetch() == Haul((), ())


async def test_what_is_known_of_a_picture_stays_with_it() -> None:
    known = Provenance("a", page_url="https://a.org/", creator="Ann", licence="CC0-1.0")
    web = _Web(good=random_png(300, 300))
    (image,) = (await web.fetch(Hit(("https://a.org/good",), known))).images
    assert image.data == web.answers["good"]
    assert image.provenance == replace(known, source_url="https://a.org/good")


async def test_the_best_comes_first() -> None:
    web = _Web(
        first=random_png(300, 300), large=random_png(1000, 700), told=random_png(300, 301, seed=1)
    )
    haul = await web.fetch(
        _hit("first"), _hit("large"), _hit("told", about="a red boat"), query="red boat"
    )
    assert _names(haul) == ["told", "first", "large"]
    wide = _Web(first=random_png(300, 300), large=random_png(1000, 1000), third="gone", last="gone")
    assert _names(await wide.fetch()) == ["large", "first"]


async def test_a_failing_one_does_not_keep_the_others() -> None:
    web = _Web(
        gone="HTTP 404", good=random_png(300, 250), page=b"<html>", tiny=random_png(199, 400)
    )
    haul = await web.fetch()
    assert _names(haul) == ["good"]
    assert haul.failures == (
        "HTTP 404",
        "it is no picture",
        "it has 199 x 400 pixels, and min_side is 200",
    )


async def test_the_next_address_is_tried_and_the_first_ones_trouble_told() -> None:
    web = _Web(large="too large", thumb=random_png(300, 300), page=b"<html>", gone="HTTP 404")
    haul = await web.fetch(_hit("large", "thumb"), _hit("page", "gone"))
    assert _names(haul) == ["thumb"]
    assert haul.failures == ("it is no picture",)


async def test_the_same_picture_at_two_addresses_is_one() -> None:
    same = random_png(300, 300)
    assert _names(await _Web(a=same, b=same).fetch()) == ["a"]


async def test_the_slowest_are_not_waited_for_once_enough_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hits, "GRACE", 0.3)
    web = _Web(slow=60.0, late=0.15, a=0.01, b=0.02, c=0.03)
    begun = time.monotonic()
    haul = await web.fetch()
    assert time.monotonic() - begun < 2
    assert _names(haul) == ["late", "a", "b", "c"]
    assert haul.failures == ("it did not arrive in time",)
    assert web.given_up == ["slow"]


async def test_two_are_not_enough_to_stop_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "GRACE", 0.0)
    assert len((await _Web(a=0.01, b=0.02, late=0.3).fetch()).images) == 3


async def test_when_the_time_is_up_what_is_there_counts() -> None:
    web = _Web(a=0.01, slow=60.0)
    assert _names(await web.fetch(until=asyncio.get_running_loop().time() + 0.2)) == ["a"]
    assert web.given_up == ["slow"]


async def test_a_search_takes_no_longer_than_any_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "SECONDS", 0.2)
    web = _Web(a=0.01, slow=60.0)
    assert _names(await web.fetch()) == ["a"]
    assert web.given_up == ["slow"]


async def test_cancelling_ends_every_download() -> None:
    web = _Web(a=60.0, b=61.0)
    task = asyncio.create_task(web.fetch())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(web.given_up) == ["a", "b"]


async def test_a_mistake_in_the_downloader_is_not_taken_for_a_bad_picture() -> None:
    with pytest.raises(KeyError):
        await _Web().fetch(_hit("a"), _hit("b"))


@pytest.mark.parametrize("side", [10_000, 20_000])
async def test_a_picture_that_would_unpack_to_gigabytes_is_no_picture(side: int) -> None:
    small = random_png(300, 300)
    header = b"IHDR" + struct.pack(">II", side, side) + small[24:29]
    bomb = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    haul = await _Web(bomb=bomb, small=small).fetch()
    assert haul.failures == (f"it has {side} x {side} pixels, more than are taken",)
    assert _names(haul) == ["small"]


async def test_what_the_intake_would_refuse_is_no_picture_here() -> None:
    haul = await _Web(plain=b"P6 300 300 255\n" + bytes(3 * 300 * 300)).fetch()
    assert haul.failures == ("it is no picture",)


# The time


@pytest.mark.parametrize(
    ("left", "parts", "seconds"), [(60, 1, 59), (5, 1, 4.5), (60, 2, 29.5), (-3, 1, 0)]
)
async def test_a_moment_is_left_to_hand_over_what_has_arrived(
    tmp_path: Path, left: float, parts: int, seconds: float
) -> None:
    now = asyncio.get_running_loop().time()
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(tmp_path), scope, deadline=now + left)
        assert until(context, parts) - now == pytest.approx(seconds, abs=0.1)
