"""The program of the process that decodes pictures; `decoder` starts it and asks it.

It runs by its path, and knows Pillow and the standard library only: it starts in some 70 ms, and holds nothing that a
decoder led astray could give away. Each job has its own limit of processor seconds, at which the system ends the
process; memory is limited once, for the whole process.

A job is `REQUEST`, then the bytes; its answer is `REPLY`, then the bytes of a picture or the words of a refusal. An
answer comes before the first job: that it is ready, or why it never will be.
"""

from __future__ import annotations

import io
import os
import re
import signal
import struct
import sys
import time
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from PIL import Image as PillowImage

REQUEST = struct.Struct("<8sdQQQQ")
"""Pillow's name of the format, processor seconds, most pixels, longest side, the side to shrink to or 0, bytes."""
REPLY = struct.Struct("<BBBIIQ")
"""Whether it is a picture, a JPEG rather than a PNG, blank; width, height, bytes."""
MEMORY = 288 * 1024 * 1024
"""Bytes that the process may have for itself."""

MOST_SCANS = 100
"""Times that a progressive JPEG may go over all its pixels; cameras and tools need about ten."""
MOST_SEGMENTS = 4096
"""Of a JPEG, 64 KiB each at most."""
_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
"""A JPEG marker with a segment; the others (restarts, escaped bytes) belong to the pixels."""
_END, _SCAN = b"\xd9", b"\xda"
_TILE_WIDTH, _TILE_LENGTH = 322, 323
"""TIFF tags."""
_BLANK_SPREAD = 2
_USUAL_START = 0.15
"""Processor seconds, at most, until a machine of today is ready for its first job."""
_MOST_PATIENCE = 4.0
_ORIENTATION = 0x0112
"""EXIF tag."""


class RefusedError(Exception):
    """The bytes are not a picture that is taken. The message says why."""


class Job(NamedTuple):
    """What to do with some bytes."""

    form: str
    data: bytes
    pixels: int
    side: int
    shrink: int


class Done(NamedTuple):
    """A picture, encoded anew."""

    data: bytes
    jpeg: bool
    blank: bool
    width: int
    height: int


def serve(jobs: BinaryIO, replies: BinaryIO) -> None:
    """Answer jobs until there are no more."""
    patience = min(max(time.process_time() / _USUAL_START, 1.0), _MOST_PATIENCE)
    while len(head := jobs.read(REQUEST.size)) == REQUEST.size:
        form, seconds, pixels, side, shrink, length = REQUEST.unpack(head)
        data = jobs.read(length)
        _limit_seconds(seconds * patience)
        reply, body = _answer(Job(form.rstrip(b"\0").decode(), data, pixels, side, shrink))
        _limit_seconds(0)
        _send(replies, reply, body)


def _send(replies: BinaryIO, head: bytes, body: bytes = b"") -> None:
    replies.write(head)
    replies.write(body)
    replies.flush()


def _answer(job: Job) -> tuple[bytes, bytes]:
    try:
        done = _perform(job)
    except RefusedError as error:
        words = str(error)
    except MemoryError:
        words = "the picture needs more memory to decode than is given to one; convert it to a smaller one"
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise nearly anything on hostile bytes
        words = f"the picture cannot be decoded: {_brief(error)}"
    else:
        size = (done.width, done.height, len(done.data))
        return REPLY.pack(1, done.jpeg, done.blank, *size), done.data
    return _refusal(words)


def _refusal(words: str) -> tuple[bytes, bytes]:
    told = words.encode("utf-8", "replace")
    return REPLY.pack(0, 0, 0, 0, 0, len(told)), told


def _perform(job: Job) -> Done:
    image = _decoded(job)
    as_jpeg = job.form in ("JPEG", "WEBP") and image.mode == "RGB"
    if job.shrink:
        image.thumbnail((job.shrink, job.shrink))
        as_jpeg = image.mode == "RGB"
    out = (
        io.BytesIO()
    )  # run lengths: photographs as small as with all of zlib's effort, in a fifth of the time
    if as_jpeg:
        image.save(out, "JPEG", quality=85 if job.shrink else 90)
    else:
        image.save(out, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return Done(out.getvalue(), as_jpeg, _is_blank(image), image.width, image.height)


def _decoded(job: Job) -> PillowImage.Image:
    from PIL import Image, UnidentifiedImageError

    if job.form == "JPEG":
        _refuse_many_scans(job.data)
    try:
        image: PillowImage.Image = Image.open(io.BytesIO(job.data), formats=(job.form,))
    except UnidentifiedImageError:
        raise RefusedError(f"the picture begins as {job.form}, but is not a picture") from None
    except Image.DecompressionBombError:
        raise RefusedError(f"the picture has more than {job.pixels:,} pixels") from None
    _refuse_large(image, job)
    image.load()
    plain = _plain_mode(_upright(image))
    plain.info = {}
    return plain


def _refuse_large(image: PillowImage.Image, job: Job) -> None:
    width, height = image.size
    if width * height > job.pixels or max(width, height) > job.side:
        raise RefusedError(
            f"the picture has {width} x {height} pixels; at most {job.pixels:,} pixels and "
            f"{job.side:,} on a side are taken"
        )
    if job.form == "TIFF":  # a tile is unpacked whole, and may be far larger than its picture
        tags = image.tag_v2  # type: ignore[attr-defined]
        if tags.get(_TILE_WIDTH, 1) * tags.get(_TILE_LENGTH, 1) > job.pixels:
            raise RefusedError(f"the TIFF has a tile of more than {job.pixels:,} pixels")


def _refuse_many_scans(jpeg: bytes) -> None:
    """A few bytes can make a decoder go over all pixels once more, or keep one more segment."""
    at, scans, segments = 2, 0, 0
    while (marker := _SEGMENT.search(jpeg, at)) and marker[1] != _END:
        scans += marker[1] == _SCAN
        segments += 1
        if scans > MOST_SCANS or segments > MOST_SEGMENTS:
            raise RefusedError(
                f"the JPEG has more than {MOST_SCANS} scans or {MOST_SEGMENTS} segments"
            )
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")


def _upright(image: PillowImage.Image) -> PillowImage.Image:
    """As a camera's EXIF says it was held; colours one by one, or a large picture would be there twice, 4 bytes each."""
    from PIL import Image

    turn = Image.Transpose
    turns = (
        turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE,
        turn.ROTATE_270, turn.TRANSVERSE, turn.ROTATE_90,
    )  # fmt: skip
    held = image.getexif().get(_ORIENTATION)
    if not isinstance(held, int) or held not in range(2, 9):
        return image
    how = turns[held - 2]
    if image.mode != "RGB":
        turned = image.transpose(how)
        turned.info = image.info
        return turned
    bands = list(image.split())
    see_through = image.info
    image.close()
    turned = Image.merge("RGB", [bands.pop(0).transpose(how) for _ in range(3)])
    turned.info = see_through
    return turned


def _plain_mode(image: PillowImage.Image) -> PillowImage.Image:
    """8-bit RGB, or RGBA where pixels are see-through."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _scaled_to_8_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        opaque = rgba.getchannel("A").getextrema() == (255, 255)
        return rgba.convert("RGB") if opaque else rgba
    return image if image.mode == "RGB" else image.convert("RGB")


def _scaled_to_8_bits(image: PillowImage.Image) -> PillowImage.Image:
    """Deep grey values stretched over 0..255: Pillow's own conversion clips them to white."""
    wide = image.convert("F")
    low, high = _spread(wide)
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = wide.point(lambda value: value * scale - low * scale)
    del wide
    flat = grey.convert("L")
    del grey
    return flat.convert("RGB")


def _is_blank(image: PillowImage.Image) -> bool:
    some = image.resize((64, 64), resample=0) if image.width * image.height > 2**16 else image
    return _is_flat(some) and (some is image or _is_flat(image))


def _is_flat(image: PillowImage.Image) -> bool:
    spreads = image.getextrema()
    if len(spreads) == 4 and spreads[3] == (0, 0):
        return True
    return all(high - low <= _BLANK_SPREAD for low, high in spreads)  # type: ignore[misc]


def _spread(band: PillowImage.Image) -> tuple[float, float]:
    """Lowest and highest value of a single-band picture."""
    low, high = band.getextrema()
    return float(low), float(high)  # type: ignore[arg-type]


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:160]


def _limit_seconds(seconds: float) -> None:
    """From now on; 0 for none. Where there is no such timer, the one who asks still has a watch."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        for limit in (resource.RLIMIT_DATA, resource.RLIMIT_CORE):
            most = MEMORY if limit == resource.RLIMIT_DATA else 0
            try:
                resource.setrlimit(limit, (most, most))
            except (OSError, ValueError):  # macOS knows it and does not set it
                continue


def main() -> None:
    """Serve on the standard streams; nothing else is ever written there."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # for the one who asks; the end of its pipe is ours
    jobs, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_RDWR)
    os.dup2(silent, 0)
    os.dup2(silent, 1)
    _limit_memory()
    try:
        _load_pillow()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this installation is to be said
        told = f"the picture cannot be decoded: Pillow does not start ({_brief(error)}); install pillow again"
        _send(replies, *_refusal(told))
    else:
        _send(replies, REPLY.pack(1, 0, 0, 0, 0, 0))
        serve(jobs, replies)


def _load_pillow() -> None:
    from PIL import Image

    Image.preinit()  # PNG, JPEG, GIF, BMP
    from PIL import TiffImagePlugin, WebPImagePlugin  # noqa: F401 - now, not in a job's time

    Image.MAX_IMAGE_PIXELS = None  # what is taken is said with each job


if __name__ == "__main__":
    sys.path.extend(sys.argv[1:])
    main()
