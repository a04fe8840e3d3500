# ruff: noqa: RUF001 - typographic marks are what these tests are about
"""What an instruction means: phrasings of people and language models, and what is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from llmi_edit.drawing import Box, Caption
from llmi_edit.reader import read
from llmi_edit.tones import Adjust, Blur, Tint
from llmi_edit.wording import NotUnderstood

NOTES = [
    ("Crop to 16:9.", "cropped to 16:9"),
    ("Please crop the image to a 16:9 aspect ratio", "cropped to 16:9"),
    ("crop it to 16x9", "cropped to 16:9"),
    ("crop to a panorama", "cropped to 21:9"),
    ("crop to portrait 3:4", "cropped to 3:4"),
    ("crop the photograph to a 1:1 square", "cropped to a square"),
    ("make it square", "cropped to a square"),
    ("Crop the image to a square centered on the left", "cropped to a square at the left"),
    ("crop to a 3:2 ratio keeping the top", "cropped to 3:2 at the top"),
    ("crop to the left half", "cropped to the left half"),
    ("Crop the picture to its right third", "cropped to the right third"),
    ("crop to the top two thirds", "cropped to the top 2 thirds"),
    ("crop to the middle 60%", "cropped to the centre 60%"),
    ("crop to show only the lower half", "cropped to the bottom half"),
    ("crop to the upper-left quarter", "cropped to the top left quarter"),
    ("zoom in on the center", "cropped to the centre"),
    ("crop to 800 x 600 pixels", "cropped to 800 x 600 px"),
    ("crop from 10%,20% to 50%, 60%", "cropped to the region 10%,20% to 50%,60%"),
    ("crop 10% off the top", "cut 10% off the top"),
    ("crop 5 percent off each side", "cut 5% off every edge"),
    ("cut 10% from the top and bottom", "cut 10% off the top and the bottom"),
    ("Trim 20 px from the left", "cut 20 px off the left"),
    ("cut off the bottom quarter", "cut 25% off the bottom"),
    ("trim the edges by 5%", "cut 5% off every edge"),
    ("rotate 90 degrees", "rotated 90° clockwise"),
    ("rotate it to the left", "rotated 90° counterclockwise"),
    ("rotate the photo by fifteen degrees counter-clockwise", "rotated 15° counterclockwise"),
    ("rotate -30°", "rotated 30° counterclockwise"),
    ("rotate by 270 degrees", "rotated 90° counterclockwise"),
    ("turn it upside down", "turned by 180°"),
    ("flip it upside-down", "flipped top to bottom"),
    ("mirror the image", "flipped left to right"),
    ("flip horizontally and vertically", "flipped left to right, flipped top to bottom"),
    ("resize to 800x600", "resized to 800 x 600 px"),
    ("Resize it to 1024x768 while keeping the aspect ratio", "resized to fit 1024 x 768 px"),
    ("scale it to a width of 1200 pixels", "resized to 1200 px wide"),
    ("make it 600 pixels tall", "resized to 600 px high"),
    ("make it half the size", "resized to 50%"),
    ("Reduce the size by 25%", "resized to 75%"),
    ("double the size", "resized to 200%"),
    ("make it twice as large", "resized to 200%"),
    ("enlarge it by 20%", "resized to 120%"),
    ("B&W please", "black and white"),
    ("Convert the image to greyscale", "black and white"),
    ("turn the chart into a black-and-white one", "black and white"),
    ("Could you make figure 2 monochrome?", "black and white"),
    ("remove all the color", "black and white"),
    ("convert the image of the lighthouse to black and white", "black and white"),
    ("apply a sepia tone", "sepia"),
    ("give it a vintage look", "sepia"),
    ("make it look like an old photo", "sepia"),
    ("make it warmer", "warmer colours"),
    ("Give it a cooler tone", "cooler colours"),
    ("make figure 2 blue", "in shades of blue"),
    ("Recolor the chart in shades of purple", "in shades of purple"),
    ("tint it #ff8800", "#ff8800 tint"),
    ("add a light green tint", "light green tint"),
    ("invert the colors", "colours inverted"),
    ("blur it slightly", "blurred"),
    ("blur with a radius of 5 pixels", "blurred by 5 px"),
    ("Sharpen it a lot", "sharpened"),
    ("brighten the image by 20%", "brightness 120%"),
    ("make it a bit darker", "brightness 88%"),
    ("make it twice as bright", "brightness 200%"),
    ("adjust the contrast to 150%", "contrast 150%"),
    ("increase the brightness and contrast by 20%", "brightness 120%, contrast 120%"),
    ("reduce the contrast", "contrast 70%"),
    ("make the colours more vivid", "saturation 148%"),
    ("make it less saturated", "saturation 70%"),
    ("add a thin white border", "white border"),
    ("surround it with a 20px dark red frame", "dark red border"),
    ("frame it in black", "black border"),
    ("draw a red box around the left third", "red box around the left third"),
    ("Highlight the top-right corner in yellow", "yellow box around the top right corner"),
    ("circle the centre in green", "green ellipse around the centre"),
    (
        "draw a box around the region (10%, 20%) to (50%, 60%)",
        "red box around the region 10%,20% to 50%,60%",
    ),
    ("add the caption 'Rain in Seattle'", "caption 'Rain in Seattle'"),
    ("overlay the text “Hello, world and more” in white", "caption 'Hello, world and more'"),
]
SEQUENCES = [
    (
        "crop it to a square, make it black and white and add a thin white border",
        "cropped to a square, black and white, white border",
    ),
    (
        "First rotate it left; then crop to 16:9. Finally sharpen it!",
        "rotated 90° counterclockwise, cropped to 16:9, sharpened",
    ),
    ("add a white border, then crop to a square", "white border, cropped to a square"),
    (
        "make the picture a bit brighter and warmer, then mirror it",
        "brightness 112%, warmer colours, flipped left to right",
    ),
    ("A sepia version with a thin white border", "sepia, white border"),
    ("write 'A' at the top and 'B' at the bottom", "caption 'A', caption 'B'"),
    ("increase contrast, sharpness and brightness", "contrast 130%, sharpened, brightness 130%"),
]
REFUSED = [
    "remove the person",
    "make the sky blue",
    "make the bars red",
    "make the left half brighter",
    "replace the sky",
    "add a dog",
    "don't crop",
    "do not change the colours, just crop to a square",
    "crop to a square but keep the colours",
    "never rotate it left",
    "rotate it left unless it is square",
    "make it brighter but not warmer",
    "make it less blue",
    "make it red and blue",
    "make it black",
    "blur the background",
    "remove the border",
    "make the border red",
    "make the title larger",
    "rotate the text 90 degrees",
    "change the caption to 'Foo'",
    "replace 'A' with 'B'",
    "add the caption 'X' in Comic Sans",
    "add the caption 'X' with a black border",
    "put a hat on the left third",
    "draw an arrow to the centre",
    "put a dashed box around the left third",
    "make it black and white except the red parts",
    "crop the top 10%",
    "crop it",
    "rotate it",
    "rotate slightly",
    "crop to 0:0",
    "resize to 0x0",
    "blur by 0 px",
    "add a 60% border",
    "make it pop",
    "do nothing",
    "please",
    "",
    "把它裁成正方形",
    'add a 6" border',
    "x" * 2_001,
    ", ".join(["mirror it"] * 17),
]


def understood(instruction: str) -> bool:
    try:
        return bool(read(instruction))
    except NotUnderstood:
        return False


def notes(instruction: str) -> str:
    return ", ".join(operation.note for operation in read(instruction))


@pytest.mark.parametrize(("instruction", "expected"), NOTES)
def test_one_wish_in_many_words(instruction: str, expected: str) -> None:
    assert notes(instruction) == expected


@pytest.mark.parametrize(("instruction", "expected"), SEQUENCES)
def test_several_wishes_keep_their_order(instruction: str, expected: str) -> None:
    assert notes(instruction) == expected


@pytest.mark.parametrize("instruction", REFUSED)
def test_what_is_not_wholly_understood_is_refused(instruction: str) -> None:
    with pytest.raises(NotUnderstood):
        read(instruction)


@pytest.mark.parametrize("instruction", [text for text, _ in NOTES + SEQUENCES])
@pytest.mark.parametrize("spoiler", ["without the dog", "except the sky", "and remove the car"])
def test_no_part_of_an_instruction_is_ignored(instruction: str, spoiler: str) -> None:
    with pytest.raises(NotUnderstood):
        read(f"{instruction.rstrip('.!?')} {spoiler}")


def test_a_refusal_names_the_clause() -> None:
    with pytest.raises(NotUnderstood, match="remove the person from 'Fig'"):
        read("crop to a square, remove the person from 'Fig' and sharpen it")


@pytest.mark.parametrize(
    ("instruction", "text", "place"),
    [
        ("""add the caption "It's raining" at the bottom""", "It's raining", "bottom"),
        ("write 'It's raining' at the top", "It's raining", "top"),
        ("add the caption ‘Rain’ in the middle", "Rain", "centre"),
        ("caption it «Pluie»", "Pluie", "bottom"),
        (r"add the text 'He said \'hi\'' in the upper left corner", "He said 'hi'", "top left"),
        (r'write "one\ntwo" in the lower right corner', "one\ntwo", "bottom right"),
        ('add the title "Crop, then rotate it left"', "Crop, then rotate it left", "top"),
        ('add a caption below the image: "Figure 1. Rain"', "Figure 1. Rain", "below"),
        ('watermark it with "© Me"', "© Me", "bottom right"),
        ("add the caption '北京 CAPS ½'", "北京 CAPS ½", "bottom"),
    ],
)
def test_captions_keep_their_words(instruction: str, text: str, place: str) -> None:
    (caption,) = read(instruction)
    assert isinstance(caption, Caption)
    assert (caption.text, caption.place) == (text, place)


def test_a_caption_without_quotation_marks_is_asked_for_them() -> None:
    with pytest.raises(NotUnderstood, match="quotation marks"):
        read("add a caption saying Hello World")


def test_words_of_degree_change_the_strength() -> None:
    def strength(instruction: str) -> float:
        (operation,) = read(instruction)
        assert isinstance(operation, Adjust | Blur | Tint)
        return operation.factor if isinstance(operation, Adjust) else operation.strength

    for wish in ("make it {} brighter", "make it {} more vivid"):
        degrees = [strength(wish.format(degree)) for degree in ("slightly", "", "much")]
        assert degrees == sorted(set(degrees))
    assert strength("blur it a bit") < strength("blur it") < strength("blur it heavily")
    assert strength("make it a bit blue") < strength("tint it blue") < strength("make it blue")


def test_a_box_in_pixels_and_an_outline_width() -> None:
    (box,) = read("draw a 4 px thick blue rectangle around the region 10,20 to 50,60")
    assert isinstance(box, Box)
    assert box.region.box((100, 100)) == (10, 20, 50, 60)
    assert str(box.width) == "4 px"


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    assert understood(text) in (True, False)


VOCABULARY = {word for text, _ in NOTES + SEQUENCES for word in text.split()}
WORDS = [*sorted(VOCABULARY), "＂5＂", "'", "\n"]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_shuffled_instructions_are_read_or_refused(text: str) -> None:
    assert understood(text) in (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "crop to " + "9" * 1_990,
        "a " * 1_000,
        "[" + "1%," * 600,
        "of the picture " * 130,
        "'" + "\\" * 1_990,
        " " * 2_000,
        "crop, " * 16 + "with a " * 250,
        "the picture of a b c d " * 80,
    ],
)
def test_hostile_instructions_take_no_time(text: str) -> None:
    start = time.thread_time()
    with pytest.raises(NotUnderstood):
        read(text)
    assert time.thread_time() - start < 5
