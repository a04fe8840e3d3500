"""Pictures as strangers have them, from packages' own data and from common tools: all are taken, and look the same."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from llmi_agent.store.intake import admit

MOST_DIFFERENCE = 5.0
"""Of 255, on average, where a JPEG is encoded again."""


def _folder(package: str, below: str) -> Path:
    spec = find_spec(package)
    return Path(spec.origin).parent / below if spec and spec.origin else Path("/nowhere")


def _shipped() -> list[Path]:
    folders = (
        _folder("skimage", "data"),
        _folder("matplotlib", "mpl-data/sample_data"),
        _folder("matplotlib", "mpl-data/images"),
    )
    kinds = (".png", ".jpg", ".tif", ".gif")
    unread = "multipage_rgb.tif"  # its planes are 16 bits deep, which Pillow does not read
    return sorted(
        path
        for each in folders
        for path in each.glob("*")
        if path.suffix in kinds and path.name != unread
    )


def _saved(image: Image.Image, form: str, *, frames: bool = False, **options: object) -> bytes:
    out = io.BytesIO()
    if frames:
        options |= {"save_all": True, "append_images": [image.rotate(9), image.rotate(20)]}
    image.copy().save(out, form, **options)  # Pillow keeps a format's settings in the picture
    return out.getvalue()


def _rotated(how: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = how
    exif[0x010F] = "A camera"
    return _saved(PHOTO, "JPEG", exif=exif, quality=95)


GREY = Image.effect_mandelbrot((160, 120), (-2, -1.5, 1, 1.5), 60)
PHOTO = Image.merge("RGB", (GREY, GREY.transpose(Image.Transpose.ROTATE_180), GREY)).resize(
    (97, 61)
)
SEE_THROUGH = PHOTO.convert("RGBA").rotate(15)
SCAN = Image.new("1", (2480, 3508), 1)
SCAN.paste(GREY.convert("1"), (400, 500))

MADE: dict[str, Callable[[], bytes]] = {
    **{f"colour {form}": lambda form=form: _saved(PHOTO, form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")},
    **{f"grey {form}": lambda form=form: _saved(GREY, form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")},
    **{f"held {how} by EXIF": lambda how=how: _rotated(how) for how in range(1, 9)},
    "progressive JPEG": lambda: _saved(PHOTO, "JPEG", progressive=True),
    "JPEG with restarts": lambda: _saved(PHOTO, "JPEG", restart_marker_rows=1),
    "JPEG without subsampling": lambda: _saved(PHOTO, "JPEG", subsampling=0, quality=100),
    "JPEG with a comment and a profile": lambda: _saved(PHOTO, "JPEG", comment=b"x" * 60_000, icc_profile=b"p" * 200_000),
    "CMYK JPEG": lambda: _saved(PHOTO.convert("CMYK"), "JPEG"),
    "CMYK TIFF": lambda: _saved(PHOTO.convert("CMYK"), "TIFF"),
    "multi-picture JPEG of a phone": lambda: _saved(PHOTO, "MPO", frames=True),
    "palette": lambda: _saved(PHOTO.quantize(200), "PNG"),
    "palette with a see-through colour": lambda: _saved(PHOTO.quantize(200), "PNG", transparency=3),
    "palette with see-through colours": lambda: _saved(SEE_THROUGH.quantize(200), "PNG"),
    "four colours": lambda: _saved(PHOTO.quantize(4), "PNG", bits=2),
    "see-through colour": lambda: _saved(PHOTO, "PNG", transparency=PHOTO.getpixel((4, 4))),
    "see-through PNG": lambda: _saved(SEE_THROUGH, "PNG"),
    "see-through WebP": lambda: _saved(SEE_THROUGH, "WEBP"),
    "see-through TIFF": lambda: _saved(SEE_THROUGH, "TIFF"),
    "lossless WebP": lambda: _saved(PHOTO, "WEBP", lossless=True),
    "opaque with an alpha channel": lambda: _saved(PHOTO.convert("RGBA"), "PNG"),
    "grey and alpha": lambda: _saved(SEE_THROUGH.convert("LA"), "PNG"),
    "one-bit PNG": lambda: _saved(GREY.convert("1"), "PNG"),
    "one-bit GIF": lambda: _saved(GREY.convert("1"), "GIF"),
    "one-bit BMP": lambda: _saved(GREY.convert("1"), "BMP"),
    **{f"page scanned as {how}": lambda how=how: _saved(SCAN, "TIFF", compression=how) for how in ("group3", "group4", "packbits")},
    **{f"TIFF in {how}": lambda how=how: _saved(PHOTO, "TIFF", compression=how) for how in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")},
    "TIFF of three pages": lambda: _saved(PHOTO, "TIFF", frames=True),
    **{f"animated {form}": lambda form=form: _saved(PHOTO, form, frames=True) for form in ("GIF", "WEBP", "PNG")},
    "PNG with text": lambda: _saved(PHOTO, "PNG", dpi=(300, 300), exif=Image.Exif()),
    "one pixel high": lambda: _saved(PHOTO.resize((300, 1)), "PNG"),
}  # fmt: skip

DEEP = [0, 1, 255, 256, 4095, 4096, 30_000, 65_535] * 8


def _seen(data: bytes) -> Image.Image:
    """What any viewer shows of it."""
    with Image.open(io.BytesIO(data)) as opened:
        upright = ImageOps.exif_transpose(opened)
        return upright.convert("RGBA" if upright.has_transparency_data else "RGB")


def _look_alike(data: bytes) -> None:
    expected, picture = _seen(data), admit(data)
    got = Image.open(io.BytesIO(picture.data)).convert(expected.mode)
    assert (picture.width, picture.height) == got.size == expected.size
    if expected.mode == "RGBA":  # what lies below a see-through pixel is not seen
        expected, got = _on_grey(expected), _on_grey(got)
    apart = ImageStat.Stat(ImageChops.difference(expected, got)).mean
    assert max(apart) <= (MOST_DIFFERENCE if picture.media_type == "image/jpeg" else 0)


def _on_grey(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "grey"), image).convert("RGB")


@pytest.mark.parametrize("path", _shipped(), ids=lambda path: path.name)
def test_a_picture_that_a_package_ships_is_taken_as_it_looks(path: Path) -> None:
    _look_alike(path.read_bytes())


@pytest.mark.parametrize("name", MADE)
def test_a_picture_as_tools_and_cameras_write_it_is_taken_as_it_looks(name: str) -> None:
    _look_alike(MADE[name]())


@pytest.mark.parametrize(("mode", "form"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I", "TIFF"), ("F", "TIFF")])  # fmt: skip
def test_deep_grey_values_are_stretched_over_all_that_is_seen(mode: str, form: str) -> None:
    codes = {"I;16": "H", "I": "i", "F": "f"}
    deep = Image.frombytes(mode, (8, 8), struct.pack(f"<64{codes[mode]}", *DEEP))
    shown = Image.open(io.BytesIO(admit(_saved(deep, form)).data)).convert("L")
    wanted = [value * 255 / 65_535 for value in DEEP]
    assert all(abs(a - b) <= 1 for a, b in zip(shown.tobytes(), wanted, strict=True))


@pytest.mark.parametrize("how", [1, 6])
def test_a_photograph_of_a_large_camera_is_taken_however_it_was_held(how: int) -> None:
    """40 megapixels, the most that are taken: turned, it must not be in memory twice."""
    exif = Image.Exif()
    exif[0x0112] = how
    photo = PHOTO.resize((7300, 5475), resample=0)
    picture = admit(_saved(photo, "JPEG", quality=75, exif=exif))
    assert sorted((picture.width, picture.height)) == [5475, 7300]
    assert (picture.width < picture.height) == (how == 6)


def test_a_map_of_40_megapixels_is_taken() -> None:
    """It has few bytes and much to unpack, as a picture that means harm may have."""
    land = PHOTO.quantize(6).resize((6300, 6300), resample=0)
    assert admit(_saved(land, "PNG", compress_level=1)).width == 6300
