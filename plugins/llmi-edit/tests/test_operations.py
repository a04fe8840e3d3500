"""What operations do to pixels."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageStat

from llmi_edit.colours import has_hue, rgb
from llmi_edit.reader import read
from llmi_edit.values import MAX_SIDE, EditError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(width: int = 240, height: int = 160) -> Image.Image:
    """Red and green above, blue and white below."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(WHITE, (width // 2, height // 2, width, height))
    return image


def do(instruction: str, image: Image.Image | None = None) -> Image.Image:
    result = image or quarters()
    for operation in read(instruction):
        result = operation.apply(result)
    return result


def corners(image: Image.Image) -> list[object]:
    right, bottom = image.width - 3, image.height - 3
    return [image.getpixel(at)[:3] for at in ((2, 2), (right, 2), (2, bottom), (right, bottom))]  # type: ignore[index]


def mean(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image.convert("RGB")).mean


@pytest.mark.parametrize(
    ("instruction", "size"),
    [
        ("crop to a square", (160, 160)),
        ("crop to 3:1", (240, 80)),
        ("crop to 1:2", (80, 160)),
        ("crop to the left third", (80, 160)),
        ("crop to the top 25%", (240, 40)),
        ("crop to the middle 50%", (120, 80)),
        ("crop to the centre third", (80, 160)),
        ("crop to 100x50 px", (100, 50)),
        ("crop 10% off each side", (192, 128)),
        ("cut 20 px off the top", (240, 140)),
        ("rotate left", (160, 240)),
        ("resize to 120 px wide", (120, 80)),
        ("resize to 300x100", (300, 100)),
        ("resize to fit within 300x100", (150, 100)),
        ("double the size", (480, 320)),
        ("add a 10 px border", (260, 180)),
        ("crop to a square, then resize to 64 px wide", (64, 64)),
    ],
)
def test_sizes(instruction: str, size: tuple[int, int]) -> None:
    assert do(instruction).size == size


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("flip horizontally", [GREEN, RED, WHITE, BLUE]),
        ("flip vertically", [BLUE, WHITE, RED, GREEN]),
        ("rotate right", [BLUE, RED, WHITE, GREEN]),
        ("rotate left", [GREEN, WHITE, RED, BLUE]),
        ("rotate by 180 degrees", [WHITE, BLUE, GREEN, RED]),
        ("crop to the right half", [GREEN, GREEN, WHITE, WHITE]),
        ("crop to the bottom left quarter", [BLUE] * 4),
        ("cut off the top half", [BLUE, WHITE, BLUE, WHITE]),
        ("crop to a 1:2 ratio at the left", [RED, RED, BLUE, BLUE]),
        ("add a 10 px red border", [rgb("red")] * 4),
        ("invert the colours", [(0, 255, 255), (255, 0, 255), (255, 255, 0), (0, 0, 0)]),
    ],
)
def test_where_the_colours_go(instruction: str, expected: list[object]) -> None:
    assert corners(do(instruction)) == expected


def test_black_and_white_has_no_hue() -> None:
    red, green, blue = do("make it black and white").split()
    assert ImageChops.difference(red, green).getbbox() is None
    assert ImageChops.difference(green, blue).getbbox() is None


def test_tones_move_the_mean_where_they_should() -> None:
    grey = Image.new("RGB", (40, 40), (120, 120, 120))
    warm, cool = mean(do("make it warmer", grey)), mean(do("make it cooler", grey))
    assert warm[0] > 120 > warm[2]
    assert cool[2] > 120 > cool[0]
    assert mean(do("brighten it by 50%", grey)) == [180, 180, 180]
    assert mean(do("make it darker", grey)) == [84, 84, 84]
    red, green, blue = mean(do("sepia", grey))
    assert red > green > blue


def test_a_blue_chart_keeps_its_white_paper_and_black_ink() -> None:
    chart = Image.new("RGB", (60, 60), WHITE)
    chart.paste((255, 127, 14), (0, 0, 30, 60))
    chart.paste((0, 0, 0), (0, 0, 10, 10))
    blue = do("make figure 2 blue", chart)
    assert blue.getpixel((50, 30)) == WHITE
    assert max(blue.getpixel((5, 5))) < 40  # type: ignore[arg-type]
    red, _, strong = blue.getpixel((20, 40))  # type: ignore[misc]
    assert strong > red + 60


def test_saturation_contrast_blur_and_sharpen() -> None:
    picture = quarters().resize((60, 40)).resize((240, 160))
    assert ImageStat.Stat(do("blur it strongly", picture)).stddev < ImageStat.Stat(picture).stddev
    assert ImageStat.Stat(do("sharpen it", picture)).stddev > ImageStat.Stat(picture).stddev
    dull = do("reduce the saturation to 20%", Image.new("RGB", (8, 8), (200, 40, 40)))
    assert max(mean(dull)) - min(mean(dull)) < 50
    flat = do("reduce the contrast by 90%", picture)
    assert max(ImageStat.Stat(flat).stddev) < 20


def test_a_box_is_drawn_around_the_region_only() -> None:
    marked = do("draw a 4 px black box around the left third")
    changed = ImageChops.difference(marked, quarters()).getbbox()
    assert changed == (0, 0, 80, 160)
    assert marked.getpixel((40, 40)) == RED


@pytest.mark.parametrize(
    ("place", "box"),
    [
        ("at the top", (0, 0, 240, 80)),
        ("at the bottom", (0, 80, 240, 160)),
        ("in the centre", (0, 30, 240, 130)),
        ("in the top left corner", (0, 0, 200, 80)),
        ("in the bottom right corner", (40, 80, 240, 160)),
    ],
)
def test_a_caption_stays_in_its_place(place: str, box: tuple[int, int, int, int]) -> None:
    changed = ImageChops.difference(do(f"write 'Rain' {place}"), quarters()).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert left >= box[0]
    assert top >= box[1]
    assert right <= box[2]
    assert bottom <= box[3]


def test_a_caption_below_leaves_the_picture_alone() -> None:
    result = do("add the caption 'Rain' below the picture")
    assert result.height > 160
    assert ImageChops.difference(result.crop((0, 0, 240, 160)), quarters()).getbbox() is None


def test_a_long_caption_is_wrapped_and_a_far_too_long_one_refused() -> None:
    lines = do(f"write '{'rain and more rain ' * 6}' below the picture")
    assert lines.height > do("write 'rain' below the picture").height + 20
    with pytest.raises(EditError, match="too long"):
        do(f"write '{'rain ' * 300}' at the top")


def test_letters_that_no_font_has_are_refused() -> None:
    with pytest.raises(EditError, match="no font"):
        do("write '\U0001f1e6\U00013000\U0001d800' at the top")


def test_odd_angles_open_see_through_corners() -> None:
    turned = do("rotate by 15 degrees")
    assert turned.mode == "RGBA"
    assert turned.width > 240
    assert turned.getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    "instruction",
    [
        "black and white",
        "sepia",
        "make it blue",
        "blur it",
        "sharpen it",
        "make it brighter",
        "write 'x'",
    ],
)
def test_transparency_is_kept(instruction: str) -> None:
    image = quarters()
    image.putalpha(Image.new("L", image.size, 0))
    result = do(instruction, image)
    assert result.mode == "RGBA"
    assert result.getpixel((120, 40))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        ("resize to 99999x99999", "at most 8000 px"),
        (f"resize to {MAX_SIDE}x{MAX_SIDE}", "40 million"),
        ("scale by 100", "at most"),
        ("resize to 1%", None),
        ("crop to 500x500", "only 240 x 160 px"),
        ("crop 60% off each side", "nothing would be left"),
        ("crop from 300,300 to 400,400", "outside the picture"),
    ],
)
def test_impossible_sizes_are_refused(instruction: str, words: str | None) -> None:
    if words is None:
        assert do(instruction).size == (2, 2)
        return
    with pytest.raises(EditError, match=words):
        do(instruction)


def test_colour_names() -> None:
    assert rgb("#fa0") == rgb("#ffaa00") == (255, 170, 0)
    assert sum(rgb("light blue")) > sum(rgb("blue")) > sum(rgb("dark blue"))
    assert has_hue("navy")
    assert not has_hue("dark grey")
