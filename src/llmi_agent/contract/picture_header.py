"""A picture's size, from its first bytes alone: no decoder sees them, and no pixel is unpacked.

What a tool asks of a file that somebody else has named, on the event loop: the work is bounded however the bytes are
made. Whether they are a whole picture is for the framework's intake to say.
"""

from __future__ import annotations

import re
from struct import error, unpack_from

_MOST_SEGMENTS = 4096
"""Of a JPEG, before the one that holds its size."""
_MOST_ENTRIES = 1000
"""Of a TIFF's directory; a picture has about twenty."""
_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
"""A JPEG marker with a segment; the others (restarts, escaped bytes) belong to the pixels."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers whose segment holds the size."""
_WIDTH, _LENGTH = 256, 257
"""TIFF tags."""
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""TIFF's types of whole numbers."""


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, WebP, GIF, BMP or TIFF, as its header says; None for anything else."""
    try:
        read = next(read for magic, read in _READERS.items() if data.startswith(magic))
        width, height = read(data)
    except (error, LookupError, StopIteration, OverflowError):  # none, or it ends too early
        return None
    return (width, height) if width > 0 and height > 0 else None


def _png(data: bytes) -> tuple[int, int]:
    width, height = unpack_from(">II", data, 16)
    return (width, height) if data[12:16] == b"IHDR" else (0, 0)


def _gif(data: bytes) -> tuple[int, int]:
    width, height = unpack_from("<HH", data, 6)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if not (marker := _SEGMENT.search(data, at)):
            break
        if marker[1][0] in _FRAMES:
            height, width = unpack_from(">HH", data, marker.end() + 3)
            return width, height
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16] if data[8:12] == b"WEBP" else b""
    if kind == b"VP8X":
        low_w, high_w, low_h, high_h = unpack_from("<HBHB", data, 24)
        return low_w + (high_w << 16) + 1, low_h + (high_h << 16) + 1
    if kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _bmp(data: bytes) -> tuple[int, int]:
    (header,) = unpack_from("<I", data, 14)
    width, height = unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return width, abs(height)


def _tiff(data: bytes) -> tuple[int, int]:
    order = "<" if data.startswith(b"I") else ">"
    big = b"+" in data[:4]
    (at,) = unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (entries,) = unpack_from(order + ("Q" if big else "H"), data, at)
    at, step = at + (8 if big else 2), 20 if big else 12
    found: dict[int, int] = {}
    for entry in range(at, at + step * min(entries, _MOST_ENTRIES), step):
        tag, kind = unpack_from(order + "HH", data, entry)
        if tag in (_WIDTH, _LENGTH) and kind in _NUMBERS:
            (found[tag],) = unpack_from(order + _NUMBERS[kind], data, entry + (12 if big else 8))
    return found[_WIDTH], found[_LENGTH]


_READERS = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"RIFF": _webp,
    b"GIF87a": _gif,
    b"GIF89a": _gif,
    b"BM": _bmp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"II+\0": _tiff,
    b"MM\0+": _tiff,
}
