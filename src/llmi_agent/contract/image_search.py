"""What a search tool does with the pictures that its service names: fetch several at once, and rank what arrives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmi_agent.contract.picture_header import picture_size
from llmi_agent.contract.tool import Download, Image, Provenance, ToolContext, ToolFailed

ENOUGH = 3
"""Pictures after which the others get only the grace."""
GRACE = 1.0
"""Seconds."""
SECONDS = 20.0
"""How long the pictures of one search may take, all together."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What the framework takes, as Pillow calls it."""
MOST_PIXELS = 40_000_000
"""What the framework takes, width x height."""

POSITION, MATCH, SIZE = 0.4, 0.4, 0.2
"""What each share of the score weighs; together 1."""
FULL_SIZE = 1000
"""Pixels of the shorter side from which on larger is no better."""

_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Scripts of Japanese and Chinese, in which every character counts as a word."""
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W_{_NO_SPACES}]+")


@dataclass(frozen=True)
class Hit:
    """A picture worth downloading."""

    addresses: tuple[str, ...]
    """Where the picture is, at least one, the best place first; the next one is tried if a place fails."""
    provenance: Provenance
    """Of the picture; its `source_url` becomes the address that the bytes came from."""
    about: str = ""
    """What the query is compared with: title, tags, description."""

    def __post_init__(self) -> None:
        if not self.addresses:
            raise ValueError("a hit needs an address")


@dataclass(frozen=True)
class Haul:
    """What came of the downloads."""

    images: tuple[Image, ...]
    """Best first, each picture once."""
    failures: tuple[str, ...]
    """Why the others are missing, in the order of the hits."""


@dataclass(frozen=True)
class _Fetched:
    image: Image
    position: int
    """From 0, in the order of the hits."""
    shorter_side: int


async def fetch(
    hits: Sequence[Hit], query: str, download: Download, min_side: int, until: float
) -> Haul:
    """Download all hits at once, until enough pictures are there or the loop's clock shows `until`.

    hits: in the service's order. download: the context's. min_side: pixels that the shorter side must have, named as
    the tool's setting should be. It takes no longer than `SECONDS`, and no download goes on afterwards, also if this
    is cancelled.
    """
    tasks = [
        asyncio.create_task(_fetched(hit, position, download, min_side))
        for position, hit in enumerate(hits)
    ]
    try:
        await _enough(set(tasks), until)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    outcomes = [
        "it did not arrive in time" if task.cancelled() else task.result() for task in tasks
    ]
    pictures: dict[bytes, _Fetched] = {}
    for each in outcomes:
        if isinstance(each, _Fetched):
            pictures.setdefault(each.image.data, each)

    def rank(each: _Fetched) -> float:
        match = match_share(query, hits[each.position].about)
        return score(each.position, len(hits), each.shorter_side, match)

    best_first = sorted(pictures.values(), key=rank, reverse=True)
    failures = tuple(each for each in outcomes if isinstance(each, str))
    return Haul(tuple(each.image for each in best_first), failures)


def until(context: ToolContext, parts: int = 1) -> float:
    """When to be content with what has arrived, on the loop's clock: a moment before the call's time is up.

    parts: services that are still to be asked, one after the other; each gets its share of the time.
    """
    now = asyncio.get_running_loop().time()
    left = max(context.deadline - now, 0.0)
    return now + (left - min(1.0, left / 10)) / parts


def score(position: int, count: int, shorter_side: int, match: float) -> float:
    """From 0 to 1, higher is better: a sum of three shares that anyone can check by hand.

    position: from 0, among `count` pictures. shorter_side: in pixels. match: from `match_share`.
    """
    order = 1 - position / count
    size = min(1.0, shorter_side / FULL_SIZE)
    return POSITION * order + MATCH * match + SIZE * size


def match_share(query: str, about: str) -> float:
    """The share of the query's words that are in `about`, from 0 to 1; case is ignored."""
    wanted = _words(query)
    return len(wanted & _words(about)) / len(wanted) if wanted else 0.0


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


async def _enough(pending: set[asyncio.Task[_Fetched | str]], until: float) -> None:
    loop = asyncio.get_running_loop()
    until = min(until, loop.time() + SECONDS)
    there = 0
    while pending and (left := until - loop.time()) > 0:
        done, pending = await asyncio.wait(
            pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
        )
        there += sum(isinstance(task.result(), _Fetched) for task in done)
        if there >= ENOUGH:
            until = min(until, loop.time() + GRACE)


async def _fetched(hit: Hit, position: int, download: Download, min_side: int) -> _Fetched | str:
    """The picture from the first address that has one, or why the first address has none."""
    failures: list[str] = []
    for address in hit.addresses:
        try:
            data = await download(address)
        except ToolFailed as error:
            failures.append(str(error))
            continue
        size = picture_size(data)
        if size is None:
            failures.append("it is no picture")
        elif size[0] * size[1] > MOST_PIXELS:
            failures.append(f"it has {size[0]} x {size[1]} pixels, more than are taken")
        elif min(size) < min_side:
            failures.append(f"it has {size[0]} x {size[1]} pixels, and min_side is {min_side}")
        else:
            image = Image(data, replace(hit.provenance, source_url=address))
            return _Fetched(image, position, min(size))
    return failures[0]
