"""A picture's size from its header, as Pillow reads it, and never much work."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, strategies as st
from PIL import Image

from llmi_agent.contract.picture_header import picture_size

FORMS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "MPO")


def encoded(form: str, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (321, 123)).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_each_format_tells_its_size(form: str) -> None:
    assert picture_size(encoded(form)) == (321, 123)


@pytest.mark.parametrize(
    "data",
    [
        encoded("WEBP", lossless=True),
        encoded("WEBP", "RGBA"),
        encoded("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
        encoded("JPEG", progressive=True),
        encoded("JPEG", comment=b"\xff\xc0" * 200),
        encoded("TIFF", big_tiff=True),
        encoded("TIFF", "1", compression="group4"),
    ],
)
def test_so_do_their_variants(data: bytes) -> None:
    assert picture_size(data) == (321, 123)


@pytest.mark.parametrize("form", FORMS)
def test_what_ends_too_early_has_no_size(form: str) -> None:
    data = encoded(form)
    assert {picture_size(data[:end]) for end in range(300)} <= {None, (321, 123)}
    assert picture_size(data[:9]) is None


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<svg/>", b"RIFF0000WAVEfmt "])
def test_what_is_no_picture_has_none(data: bytes) -> None:
    assert picture_size(data) is None


@given(st.sampled_from(FORMS), st.binary(max_size=60), st.integers(0, 60))
def test_arbitrary_bytes_have_a_size_or_none(form: str, noise: bytes, at: int) -> None:
    data = encoded(form)
    size = picture_size(data[:at] + noise + data[at + len(noise) :])
    assert size is None or min(size) > 0
