"""What a reader sees of a draft's prose, and how much of it stands there before."""

from __future__ import annotations

import random
import time

import pytest

from llmi_agent.rewards.prose import repeated, says_something, shown, words

PARAGRAPH = "The quick brown fox jumps over the lazy dog near the old stone bridge at noon. "


def test_what_repeats() -> None:
    assert repeated(PARAGRAPH) == 0
    assert repeated(PARAGRAPH * 2) == pytest.approx(0.5)
    assert repeated(PARAGRAPH * 10) == pytest.approx(0.9)
    changed = PARAGRAPH.replace("lazy", "sleepy")
    assert repeated(PARAGRAPH + changed) == pytest.approx(15 / 32)
    assert repeated(PARAGRAPH + "\n\n> **" + PARAGRAPH.upper().replace(" ", " *") + "**") == 0.5
    assert repeated("") == repeated("one two") == repeated("--- ***") == 0


def test_what_does_not_repeat() -> None:
    prose = (
        "In the north of the country the rivers freeze, and in the south of the country they do not. "
        "As a result of this, ships sail there all year; as a result of the ice, few do in the north."
    )
    assert repeated(prose) < 0.2
    assert repeated("very " * 4 + "good") == 0


def test_scripts_without_blanks() -> None:
    said = "人工智能正在改变我们的生活方式和工作,也改变了学校。"
    assert repeated(said) == 0
    assert repeated(said * 2) == pytest.approx(0.5)
    assert words("ab人工c") == ["ab", "人", "工", "c"]


def test_it_is_linear() -> None:
    chance = random.Random(3)
    text = " ".join(str(chance.randrange(50)) for _ in range(400_000))
    began = time.process_time()
    repeated(text[:100_000])
    tenth = time.process_time() - began
    began = time.process_time()
    repeated(text[:1_000_000])
    assert time.process_time() - began < 40 * tenth + 0.5


def test_a_description_says_something() -> None:
    assert all(map(says_something, ["a", "7", "狐", "- x"]))
    assert not any(map(says_something, ["", " ", "...", "\u200b", "🦊", "\u3164", "\u115f\uffa0"]))


@pytest.mark.parametrize(
    "hidden",
    [
        "&nbsp; &#8203;",
        "<!-- a b c -->",
        "[a]: http://x.y",
        '[a]: <http://x.y> "a title"',
        "> [//]: # (a comment)",
        "[](http://x.y)",
        "![alt](x.png)",
        "<br/><span class='a b'></span>",
        "<style>p { a: b }</style>",
        "\u3164\u2060",
    ],
)
def test_what_nobody_sees_is_no_prose(hidden: str) -> None:
    assert not says_something(shown(hidden))
    assert shown(f"\n\n{hidden}\n\nShips").strip("[]\n\xa0 >") == "Ships"
    assert repeated(shown(PARAGRAPH + hidden + PARAGRAPH.replace(" ", hidden[:0] + " "))) >= 0.4


@pytest.mark.parametrize(
    "seen",
    [
        "<https://x.y>",
        "a < b and c > d",
        "`<!--` begins a comment",
        "&lt;b&gt;",
        "[a](http://x.y)",
        "[1]: Smith said so",
        "जहाज",
    ],
)
def test_what_a_reader_sees_is_prose(seen: str) -> None:
    assert says_something(shown(seen))


def test_words_keep_the_marks_that_make_them() -> None:
    assert words("काल कील") == ["काल", "कील"]
    assert words("sh\u200bips") == ["ships"]


@pytest.mark.parametrize(
    "piece", ["<!--", "<a ", "](", "![[", "[a]:", "\n[a]: x", "&#", "<script "]
)
def test_hostile_markdown_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    shown(piece * 5_000)
    shown("[a]: " + '"x' * 10_000)
    assert time.process_time() - began < 5
