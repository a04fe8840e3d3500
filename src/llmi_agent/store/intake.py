"""Picture intake: untrusted bytes in, a plain picture out.

Whatever a tool, a user or the web hands over is decoded and encoded again, so that nothing but pixels
passes: no metadata, no scripts, no trailing data. Sizes are capped before pixels are unpacked, and what costs more than
its pixels costs only a process of its own (`decoder`). Accepted: PNG, JPEG, WebP, GIF (first frame), BMP, TIFF. SVG is refused, since it is a
program rather than a picture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmi_agent.store import decoder
from llmi_agent.store.decoding import Done, Job, RefusedError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_MAGIC = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "BMP": re.compile(rb"BM"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
}


class IntakeError(ValueError):
    """The bytes are not a picture that LLMI takes. The message says why, in words for the user."""


@dataclass(frozen=True)
class Caps:
    """What a picture may be."""

    bytes: int = 32 * 1024 * 1024
    """Most encoded bytes."""
    pixels: int = 40_000_000
    """Most pixels, width x height."""
    side: int = 16_384
    """Longest side in pixels."""


@dataclass(frozen=True)
class Picture:
    """A picture that passed: re-encoded as PNG or, if it came as an opaque JPEG or WebP, as JPEG."""

    data: bytes
    media_type: str
    width: int
    height: int
    blank: bool
    """All pixels have (nearly) the same colour: nothing was drawn."""


def recognise(head: bytes) -> str:
    """Which of `FORMATS` a picture with these first bytes is in; 16 bytes are enough, 512 give better words.

    Raises IntakeError for any other beginning. What follows it may still be broken.
    """
    for form, magic in _MAGIC.items():
        if magic.match(head):
            return form
    raise IntakeError(_not_a_picture(head))


def admit(data: bytes, caps: Caps | None = None) -> Picture:
    """Decode and re-encode `data`, in a process that is given little time and memory; waits for it.

    Raises IntakeError for what is not a raster picture within `caps`, however broken the bytes are.
    """
    return _picture(_decoded(data, caps or Caps(), shrink=0))


async def admitted(data: bytes, caps: Caps | None = None) -> Picture:
    """`admit`, without keeping the event loop. Raises IntakeError."""
    try:
        return _picture(await decoder.shared.decoded(_job(data, caps or Caps(), shrink=0)))
    except RefusedError as error:
        raise IntakeError(str(error)) from None


def shrink(data: bytes, side: int) -> Picture:
    """The same with at most `side` pixels on the longer side; a JPEG unless it is see-through. Raises IntakeError."""
    return _picture(_decoded(data, Caps(), side))


def _decoded(data: bytes, caps: Caps, shrink: int) -> Done:
    job = _job(data, caps, shrink)
    try:
        return decoder.shared.decode(job)
    except RefusedError as error:
        raise IntakeError(str(error)) from None


def _job(data: bytes, caps: Caps, shrink: int) -> Job:
    form = recognise(data[:512])
    if len(data) > caps.bytes:
        raise IntakeError(f"the picture has {len(data):,} bytes; at most {caps.bytes:,} are taken")
    return Job(form, data, caps.pixels, caps.side, shrink)


def _picture(done: Done) -> Picture:
    media_type = "image/jpeg" if done.jpeg else "image/png"
    return Picture(done.data, media_type, done.width, done.height, done.blank)


def _not_a_picture(data: bytes) -> str:
    if not data:
        return "the picture is empty: 0 bytes"
    head = data.lstrip().lower()
    if head[4:8] == b"ftyp":
        return "this is AVIF, HEIC or a video, which are refused; convert it to PNG"
    if b"<svg" in head:
        return "the picture is an SVG file, which is refused; convert it to PNG"
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "this is a web page or XML, not a picture"
    return f"this is not a picture of a known format ({', '.join(FORMATS)})"
