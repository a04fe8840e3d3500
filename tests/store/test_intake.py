"""Untrusted pictures: taken and normalised, or refused in words."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PIL import Image

from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.intake import Caps, IntakeError, admit
from llmi_agent.testing import random_png


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def gradient(mode: str = "RGB", size: tuple[int, int] = (32, 16)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_each_format_is_taken(form: str) -> None:
    picture = admit(encoded(gradient(), form))
    assert (picture.width, picture.height, picture.blank) == (32, 16, False)
    assert picture.media_type == ("image/jpeg" if form in ("JPEG", "WEBP") else "image/png")
    Image.open(io.BytesIO(picture.data)).load()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I", "F", "I;16"])
def test_each_mode_becomes_plain_colour(mode: str) -> None:
    form = "TIFF" if mode in ("I", "F") else "PNG"
    if mode == "I;16":
        image = Image.frombytes(
            "I;16", (64, 1), b"".join(struct.pack("<H", n * 999) for n in range(64))
        )
    else:
        image = gradient(mode, (64, 64))
    picture = admit(encoded(image, form))
    assert Image.open(io.BytesIO(picture.data)).mode in ("RGB", "RGBA")
    assert not picture.blank


def test_cmyk_is_taken() -> None:
    picture = admit(encoded(gradient("CMYK"), "JPEG"))
    assert Image.open(io.BytesIO(picture.data)).mode == "RGB"


def test_exif_orientation_is_applied_and_metadata_dropped() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "taken at 51.5N"
    picture = admit(encoded(gradient(size=(40, 20)), "JPEG", exif=exif))
    assert (picture.width, picture.height) == (20, 40)
    assert b"51.5N" not in picture.data
    assert not dict(Image.open(io.BytesIO(picture.data)).getexif())


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].putpixel((0, 0), (0, 255, 0))
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    image = Image.open(io.BytesIO(admit(data).data))
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((4, 4)) == (255, 0, 0)


def test_what_follows_the_picture_is_dropped() -> None:
    assert b"<script>" not in admit(random_png() + b"<script>alert(1)</script>").data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"<html><body>Not found</body></html>", "web page"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b'  <svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (random_png()[:100], "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "not a picture"),
        (b"%PDF-1.7", "not a picture"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf", "AVIF"),
        (encoded(Image.open(io.BytesIO(random_png())), "JPEG")[:-300], "truncated"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(IntakeError, match=words):
        admit(data)


def bomb(width: int, height: int) -> bytes:
    """A valid PNG header that claims a huge picture, with almost no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(7_000, 7_000), (60_000, 60_000), (2**31 - 1, 1), (20_000, 2)])
def test_a_decompression_bomb_is_refused_before_it_unpacks(size: tuple[int, int]) -> None:
    with pytest.raises(IntakeError):
        admit(bomb(*size))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(IntakeError, match="at most 10"):
        admit(random_png(), Caps(bytes=10))


def test_a_blank_picture_is_said_to_be_blank() -> None:
    assert admit(encoded(Image.new("RGB", (9, 9), "white"), "PNG")).blank
    assert admit(encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 0)), "PNG")).blank
    assert not admit(random_png()).blank


def test_the_same_bytes_give_the_same_picture() -> None:
    assert admit(random_png()).data == admit(random_png()).data


@given(st.binary(max_size=200), st.integers(0, 400))
def test_arbitrary_bytes_are_refused_or_taken(noise: bytes, cut: int) -> None:
    whole = random_png(8, 8)
    for data in (noise, whole[:cut] + noise, whole[:cut] + noise + whole[cut:]):
        with contextlib.suppress(IntakeError):
            assert admit(data).width > 0


def test_the_store_keeps_the_same_bytes_once(store: ArtifactStore) -> None:
    digest = store.put(b"abc")
    assert store.put(b"abc") == digest
    assert store.read(digest) == b"abc"
    assert digest in store
    assert [path.name for path in store.root.rglob("*") if path.is_file()] == [digest]


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_an_unknown_digest_is_a_key_error(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(KeyError):
        store.read(digest)
    assert "0" * 64 not in store


def test_a_write_that_fails_leaves_no_file(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"abc")
    assert [path for path in store.root.rglob("*") if path.is_file()] == []
