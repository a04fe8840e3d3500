"""Several pictures fetched at once; the slowest are not waited for."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from llmi_agent.tool import Download, ToolFailed
from llmi_openverse.hit import Hit

ENOUGH = 3
"""Pictures after which the others get only the grace."""
GRACE = 1.0
"""Seconds."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What the framework's intake takes."""


@dataclass(frozen=True)
class Fetched:
    """A picture that arrived and is large enough."""

    hit: Hit
    position: int
    """From 0, in the service's order."""
    address: str
    """Which of the hit's addresses it came from."""
    data: bytes
    shorter_side: int
    """In pixels."""


@dataclass(frozen=True)
class Haul:
    """What came of the downloads."""

    pictures: tuple[Fetched, ...]
    """In the order of the hits, each picture once."""
    failures: tuple[str, ...]
    """Why the others are missing, in the same order."""


async def fetch(hits: Sequence[Hit], download: Download, least_side: int, until: float) -> Haul:
    """Download all hits at once, until enough pictures are there or the loop's clock shows `until`.

    least_side: pixels that the shorter side must have. No download goes on afterwards, also if this is cancelled.
    """
    tasks = [
        asyncio.create_task(_fetched(hit, position, download, least_side))
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
    pictures: dict[bytes, Fetched] = {}
    for each in outcomes:
        if isinstance(each, Fetched):
            pictures.setdefault(each.data, each)
    failures = tuple(each for each in outcomes if isinstance(each, str))
    return Haul(tuple(pictures.values()), failures)


async def _enough(pending: set[asyncio.Task[Fetched | str]], until: float) -> None:
    loop = asyncio.get_running_loop()
    there = 0
    while pending and (left := until - loop.time()) > 0:
        done, pending = await asyncio.wait(
            pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
        )
        there += sum(isinstance(task.result(), Fetched) for task in done)
        if there >= ENOUGH:
            until = min(until, loop.time() + GRACE)


async def _fetched(hit: Hit, position: int, download: Download, least_side: int) -> Fetched | str:
    """The picture from the first address that has one, or why the first address has none."""
    failures: list[str] = []
    for address in hit.addresses:
        try:
            data = await download(address)
        except ToolFailed as error:
            failures.append(str(error))
            continue
        size = _size(data)
        if size is None:
            failures.append("it is no picture")
        elif min(size) < least_side:
            failures.append(f"it has {size[0]} x {size[1]} pixels, and min_side is {least_side}")
        else:
            return Fetched(hit, position, address, data, min(size))
    return failures[0]


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the picture's header has them: no pixel is unpacked. None for what is no picture."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                return picture.size
        except Exception:  # noqa: BLE001 - Pillow raises nearly anything on broken files
            return None
