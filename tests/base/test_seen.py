"""What a reader sees of a text, and what of it is a secret however it is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape
from html.entities import codepoint2name
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from llmi_agent.base.secrets import Redactor
from llmi_agent.base.seen import VIEWS, Seen

OPENAI, REPLICATE, AWS = "sk-CANARY0a1b2c3d4e", "r8_CANARY9z8y7x6w", "wJalr/CANARY+bPxRfiCY="
KEYS = [OPENAI, REPLICATE, AWS, "xk qz€vb-0123Äq", "a<b>&c;%d\\e\"f'1~2*3"]
REDACTOR = Redactor(KEYS)

WRITTEN = [
    r"r8\_CANARY9z8y7x6w", "r8&#95;CANARY9z8y7x6w", "r8&#0095;CANARY9z8y7x6w", "r8&#x5f;CANARY9z8y7x6w", "r8&#X5F;CANARY9z8y7x6w",
    "r8&lowbar;CANARY9z8y7x6w", "r8&amp;#95;CANARY9z8y7x6w", "r8&#38;#95;CANARY9z8y7x6w", r"r8\u005fCANARY9z8y7x6w",
    r"r8\\u005FCANARY9z8y7x6w", r"r8\\_CANARY9z8y7x6w", "&#114;8_CANARY9z8y7x6w", r"\u00728_CANARY9z8y7x6w",
    r"sk\-CANARY0a1b2c3d4e", "sk-**CAN**ARY0a1b2c3d4e", "sk-~~CAN~~ARY0a1b2c3d4e", "sk-`CANARY`0a1b2c3d4e",
    "sk-<b>CAN</b>ARY0a1b2c3d4e", "sk-CAN<!-- -->ARY0a1b2c3d4e", "sk-[CAN](https://e.example)ARY0a1b2c3d4e",
    "sk-CAN<think>a key, <i>well</i></think>ARY0a1b2c3d4e", "sk-CAN</imgen>ARY0a1b2c3d4e", "sk-CAN&ZeroWidthSpace;ARY0a1b2c3d4e",
    r"sk-CAN\u200bARY0a1b2c3d4e", "sk-CAN%E2%80%8BARY0a1b2c3d4e", "%73k-CANARY0a1b2c3d4e",
    r"wJalr\/CANARY+bPxRfiCY=", "wJalr%2FCANARY%2BbPxRfiCY%3D", "wJalr%2fCANARY+bPxRfiCY%3d", "wJalr%252FCANARY%252BbPxRfiCY%253D",
    "wJalr&sol;CANARY&plus;bPxRfiCY&equals;", r"wJalr\u002fCANARY&#43;bPxRfiCY%3D",
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("around", ["It is {}.", '{{"query": "{}"}}', "![{}](https://e.example/?k={})", "*{}*", "[a <b] {} %", "<{}>"])  # fmt: skip
def test_a_secret_is_erased_however_it_is_escaped(written: str, around: str) -> None:
    redactor = Redactor(KEYS[:3])
    text = around.format(*[written] * around.count("{}"))
    erased = redactor.text(text)
    assert erased == around.format(*["[secret]"] * around.count("{}"))
    assert redactor.data({written: [text]}) == {"[secret]": [erased]}


@pytest.mark.parametrize("written", WRITTEN)
def test_no_piece_of_it_is_passed_on_before_it_is_known(written: str) -> None:
    redactor = Redactor(KEYS[:3])
    for end in range(1, len(written)):
        text = f"It is {written[:end]}"
        assert len(text) - redactor.unfinished(text) <= len("It is ")


@pytest.mark.parametrize(
    "text",
    ["Rock \\& roll, AT&T, 5 < 6 > 2, 50% of 20%, `a_b` and **bold**, <sub>2</sub>, C:\\users\\me &c;",
     "[a map](https://e.example/a_b?q=%20x&y=1) and \\u00e9, \\(x^2\\), &nbsp;&eacute; ~~no~~ <think>so</think>"],
)  # fmt: skip
def test_ordinary_escapes_stay_as_they_are(text: str) -> None:
    assert REDACTOR.text(text) == text
    assert REDACTOR.data([text, {text: text}]) == [text, {text: text}]
    assert REDACTOR.unfinished(text + " and so on. ") == 0


ESCAPES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "backslash": lambda c: f"\\{c}" if not c.isalnum() and c.isascii() and c != " " else c,
    "json": lambda c: f"\\u{ord(c):04x}",
    "json, twice": lambda c: f"\\\\u{ord(c):04X}",
    "decimal": lambda c: f"&#{ord(c)};",
    "hex": lambda c: f"&#x{ord(c):x};",
    "named": lambda c: f"&{codepoint2name.get(ord(c), f'#{ord(c)}')};",
    "page": lambda c: escape(f"&#{ord(c)};"),
    "address": lambda c: "".join(f"%{byte:02x}" for byte in c.encode()),
    "address, twice": lambda c: quote("".join(f"%{byte:02X}" for byte in c.encode())),
    "bold": lambda c: f"**{c}**",
    "code": lambda c: f"`{c}`",
    "unseen": lambda c: f"{c}\u200b",
    "tag": lambda c: f"<i>{c}</i>",
    "link": lambda c: f"[{c}](x)",
}
PIECES = st.lists(st.sampled_from([*ESCAPES]), min_size=24, max_size=24)
AROUND = st.text("ab .,\n*_`&;[]()\"'{}:#", max_size=12)


def escaped(secret: str, ways: list[str]) -> str:
    return "".join(ESCAPES[way](char) for char, way in zip(secret, ways, strict=False))


def readings(text: str) -> list[str]:
    """What people and programs make of it: none of them is the code that is tested."""
    shown = re.sub(r"<[^>]*>", "", MarkdownIt().render(text))
    json = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
    every = [text, unescape(text), unescape(unescape(text)), unquote(text), unquote(unquote(text))]
    every += [shown, unescape(shown), json, unescape(unquote(json)), unquote(unescape(json))]
    return [re.sub(r"[\\*`~\u200b]|</?i>|[\[\]]|\(x\)", "", each) for each in every] + every


@given(st.sampled_from(KEYS), PIECES, AROUND, AROUND)
def test_a_secret_in_any_mixture_of_escapes_is_nowhere(
    secret: str, ways: list[str], before: str, after: str
) -> None:
    erased = REDACTOR.text(before + escaped(secret, ways) + after)
    assert not [each for each in readings(erased) if secret in each]
    assert "[secret]" in erased


@given(st.sampled_from(KEYS), PIECES, AROUND, AROUND, st.lists(st.integers(1, 9), min_size=1))
def test_in_pieces_too(
    secret: str, ways: list[str], before: str, after: str, sizes: list[int]
) -> None:
    text, held, passed = before + escaped(secret, ways) + after, "", ""
    at = turn = 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        held = REDACTOR.text(held + text[at : at + size])
        ready = len(held) - REDACTOR.unfinished(held)
        passed, held = passed + held[:ready], held[ready:]
        at, turn = at + size, turn + 1
    assert not [each for each in readings(passed + held) if secret in each]
    assert "[secret]" in passed + held


@given(st.text("ab\\u0041x&#;6mplt%25*_`~<>[]()", max_size=60))
def test_the_way_back_leads_to_where_it_came_from(text: str) -> None:
    for view in VIEWS:
        seen = Seen(text, view)
        for depth, shown in enumerate(seen.depths):
            places = [(seen.start(depth, i), seen.end(depth, i + 1)) for i in range(len(shown))]
            assert all(0 <= start < end <= len(text) for start, end in places)
            assert places == sorted(places)


def test_long_texts_of_escapes_take_no_longer_than_they_are_long() -> None:
    for piece in (
        "\\",
        "&",
        "&\\",
        "&#0",
        "&amp;",
        "%25",
        "<",
        "<a",
        "](",
        "<think>",
        "*s",
        "s\u200b",
    ):
        text = piece * (200_000 // len(piece))
        assert REDACTOR.text(text) == text
        assert REDACTOR.unfinished(text) <= 17_000
