"""Picture intake: untrusted bytes in, a plain picture out.

Whatever a tool, a user or the web hands over is decoded and encoded again, so that nothing but pixels
passes: no metadata, no scripts, no trailing data. Sizes are capped before pixels are unpacked, which is
what stops decompression bombs. Accepted: PNG, JPEG, WebP, GIF (first frame), BMP, TIFF. SVG is refused, since it is a
program rather than a picture.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PillowImage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_MAGIC = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "BMP": re.compile(rb"BM"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
}
_BLANK_SPREAD = 2
MOST_SCANS = 100
"""Times that a progressive JPEG may go over all its pixels; cameras and tools need about ten."""
MOST_SEGMENTS = 4096
"""Of a JPEG, 64 KiB each at most."""
_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")
"""A JPEG marker with a segment; the others (restarts, escaped bytes) belong to the pixels."""
_END, _SCAN = b"\xd9", b"\xda"
_TILE_WIDTH, _TILE_LENGTH = 322, 323
"""TIFF tags."""


class IntakeError(ValueError):
    """The bytes are not a picture that LLMI takes. The message says why, in words for the user."""


@dataclass(frozen=True)
class Limits:
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


def admit(data: bytes, limits: Limits | None = None) -> Picture:
    """Decode and re-encode `data`.

    Raises IntakeError for what is not a raster picture within `limits`, however broken the bytes are.
    """
    limits = limits or Limits()
    if not data:
        raise IntakeError("the picture is empty: 0 bytes")
    if len(data) > limits.bytes:
        raise IntakeError(
            f"the picture has {len(data):,} bytes; at most {limits.bytes:,} are taken"
        )
    try:
        return _reencode(_decode(data, limits))
    except IntakeError:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise nearly anything on hostile bytes
        raise IntakeError(f"the picture cannot be decoded: {_brief(error)}") from None


def _decode(data: bytes, limits: Limits) -> PillowImage.Image:
    from PIL import Image, ImageOps, UnidentifiedImageError

    form = recognise(data[:512])
    if form == "JPEG":
        _refuse_many_scans(data)
    try:
        image = Image.open(io.BytesIO(data), formats=(form,))
    except UnidentifiedImageError:
        raise IntakeError(f"the picture begins as {form}, but is not a picture") from None
    except Image.DecompressionBombError:
        raise IntakeError(f"the picture has more than {limits.pixels:,} pixels") from None
    width, height = image.size
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise IntakeError(
            f"the picture has {width} x {height} pixels; at most {limits.pixels:,} pixels and "
            f"{limits.side:,} on a side are taken"
        )
    if form == "TIFF":
        _refuse_large_tiles(image, limits)
    image.load()
    upright = ImageOps.exif_transpose(image)
    plain = _plain_mode(upright)
    plain.info = {"jpeg": form in ("JPEG", "WEBP")}
    return plain


def _refuse_large_tiles(image: PillowImage.Image, limits: Limits) -> None:
    """A tile is unpacked whole, and may be far larger than the picture that it belongs to."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    if tags.get(_TILE_WIDTH, 1) * tags.get(_TILE_LENGTH, 1) > limits.pixels:
        raise IntakeError(f"the TIFF has a tile of more than {limits.pixels:,} pixels")


def _refuse_many_scans(jpeg: bytes) -> None:
    """A few bytes can make a decoder go over all pixels once more, or keep one more segment."""
    at, scans, segments = 2, 0, 0
    while (marker := _MARKER.search(jpeg, at)) and marker[1] != _END:
        scans += marker[1] == _SCAN
        segments += 1
        if scans > MOST_SCANS or segments > MOST_SEGMENTS:
            raise IntakeError(
                f"the JPEG has more than {MOST_SCANS} scans or {MOST_SEGMENTS} segments"
            )
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")


def _plain_mode(image: PillowImage.Image) -> PillowImage.Image:
    """8-bit RGB, or RGBA where pixels are see-through."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _scaled_to_8_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        opaque = rgba.getchannel("A").getextrema() == (255, 255)
        return rgba.convert("RGB") if opaque else rgba
    return image.convert("RGB")


def _scaled_to_8_bits(image: PillowImage.Image) -> PillowImage.Image:
    """Deep grey values stretched over 0..255: Pillow's own conversion clips them to white."""
    from PIL import Image

    wide = image.convert("F")
    low, high = _spread(wide)
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = wide.point(lambda value: value * scale - low * scale)
    flat: Image.Image = grey.convert("L").convert("RGB")
    return flat


def _reencode(image: PillowImage.Image) -> Picture:
    as_jpeg = bool(image.info.pop("jpeg", False)) and image.mode == "RGB"
    out = io.BytesIO()
    if as_jpeg:
        image.save(out, "JPEG", quality=90)
    else:
        image.save(out, "PNG", compress_level=6)
    return Picture(
        data=out.getvalue(),
        media_type="image/jpeg" if as_jpeg else "image/png",
        width=image.width,
        height=image.height,
        blank=_is_blank(image),
    )


def _is_blank(image: PillowImage.Image) -> bool:
    bands = image.split()
    if len(bands) == 4 and _spread(bands[3])[1] == 0:
        return True
    return all(high - low <= _BLANK_SPREAD for low, high in map(_spread, bands))


def _spread(band: PillowImage.Image) -> tuple[float, float]:
    """Lowest and highest value of a single-band picture."""
    low, high = band.getextrema()
    return float(low), float(high)  # type: ignore[arg-type]


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


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:160]
