"""A Markdown file as a whole: what its blocks make of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt

from llmi_agent.contract.tool import Provenance
from llmi_agent.document.model import Document, Missing
from llmi_agent.document.render import render_markdown
from llmi_agent.document.render.composed import Part, composed
from llmi_agent.document.render.harm import harmful_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it.token import Token

    from llmi_agent.document.model import Figure

    Make = Callable[..., Document]
    MakeFigure = Callable[..., Figure]

REMOTE = "https://e.example/m.png"
OURS = re.compile(r"images/figure-\d+\.png")
BARE = re.compile(r"<(?:/?(?:sub|sup|kbd|mark)|br ?/?)>", re.IGNORECASE)
DETAILS = ("<details>\n<summary>How this picture was made</summary>\n", "</details>\n")


def live(markdown: str) -> Iterator[str]:
    """What another reader, with HTML and all addresses allowed, would load, run or follow."""
    reader = MarkdownIt("commonmark", {"html": True, "maxNesting": 200})
    reader.enable(["table", "strikethrough"])
    reader.validateLink = lambda url: True  # type: ignore[method-assign]
    for token in walk(reader.parse(markdown)):
        source = str(token.attrs.get("src", ""))
        address = str(token.attrs.get("href", ""))
        if token.type == "image" and not OURS.fullmatch(source):
            yield f"picture {source}"
        elif token.type == "link_open" and not re.match(r"https?:|mailto:|#.", address, re.I):
            yield f"link {address}"
        elif (token.type == "html_inline" and not BARE.fullmatch(token.content)) or (
            token.type == "html_block" and token.content not in DETAILS
        ):
            yield token.content


def walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from walk(token.children or [])


def blocks(*texts: str) -> str:
    return composed([Part(text, ours=False) for text in texts])


HOSTILE = [
    (f"See ![a map][m].\n\n[m]: {REMOTE}",),
    ("See ![a map][m].", f"[m]: {REMOTE}"),
    (f"[m]: {REMOTE}", "See ![m]."),
    (f"[M  x]: {REMOTE}", "See ![][m\nx]."),
    (f"> [m]: {REMOTE}", "- ![m][]"),
    ("Read [this][l].", "[l]: javascript:alert(1)"),
    ("Read [l].", "words\n\n[l]:\n  <java&#115;cript:alert(1)> 'title'"),
    ("- a list", "    <img src=x onerror=alert(1)>"),
    ("1. a list", f"        ![x]({REMOTE})"),
    ("- a\n  - b", "      <script>alert(1)</script>"),
    ("- ```\n  code", "  ```\n  <b onclick=x>"),
    ("A note[^1].", "[^1]: <img src=x onerror=alert(1)>"),
    ("A note[^1].", f"[^1]: ![x]({REMOTE})"),
    ("A note[^1].", "[^1]: words\n\n    <img src=x onerror=alert(1)>"),
    ("text \\<img src=x onerror=alert(1)>",),
    (f"A line\n[m]: {REMOTE}", "![x][m]"),
    ("> " * 30 + "<img src=x>",),
    (">" * 3000 + "<img src=x>",),
    ("![" * 3000 + "x" + f"]({REMOTE})" * 3000,),
    (f"a\r[m]: {REMOTE}\r\r![m]",),
    ("<details>", "</details>"),
    ("<!--", "-->"),
    ("https://e.example/a`<script>alert(1)</script>`",),
    ("`code` www.e.example/a`b\n<img src=x>`",),
    ("a | b\n-|-\n<img src=x> | c",),
]


@pytest.mark.parametrize("texts", HOSTILE)
def test_no_block_makes_another_one_live(texts: tuple[str, ...]) -> None:
    text = blocks(*texts)
    assert list(live(text)) == []
    assert blocks(text) == text, "what was made harmless stays as it is"


@pytest.mark.parametrize("texts", HOSTILE)
def test_nor_between_figures(texts: tuple[str, ...], document: Make, figure: MakeFigure) -> None:
    mixed = [figure(1), *texts, figure(2)]
    text = render_markdown(document(*mixed))
    tokens = list(walk(MarkdownIt("commonmark").parse(text)))
    assert list(live(text)) == []
    assert sum(token.type == "image" for token in tokens) == 2


HARMLESS = [
    ("See [the paper][p] and [p].", "[p]: https://example.org/paper 'A paper'"),
    ("- a list", "    a program", "1. one\n\n   more"),
    ("wow![1] and a note[^1]", "[^1]: It says <https://example.org>, H<sub>2</sub>O."),
    ("```html\n<img src=x>\n![x](http://y)\n```", "`<b>` and \\[x] and 3 < 4 and a\\*b"),
    ("| a | b |\n|---|---|\n" + "| [x](https://example.org) | *c* |\n" * 300,),
    ("`https://example.org` and `<b>`, https://example.org/a, and `x`.",),
    ("# Title\r\n\r\nWords\r\n",),
    ("[mail](mailto:me@example.org), [down](#down)",),
]


@pytest.mark.parametrize("texts", HARMLESS)
def test_harmless_blocks_stay_byte_for_byte(texts: tuple[str, ...]) -> None:
    assert blocks(*texts) == "\n\n".join(text.strip("\n") for text in texts) + "\n"


def test_only_the_block_in_which_something_is_live_is_rewritten() -> None:
    first, last = "[Plain](https://example.org) and `<b>`.", f"[m]: {REMOTE}"
    assert blocks(first, "![a map][m]", last) == f"{first}\n\n[a map][m]\n\n{last}\n"


FRAGMENTS = [
    "![",
    "[",
    "]",
    "][a]",
    "[a]",
    "[a]: ",
    "[^1]",
    "[^1]: ",
    "(",
    ")",
    REMOTE,
    "javascript:x",
    "#x",
]
FRAGMENTS += [
    "<",
    ">",
    "<img src=x>",
    "<b>",
    "</b>",
    "<!--",
    "-->",
    "<script>",
    "<br>",
    "<details>",
    "a",
    " ",
    "    ",
]
FRAGMENTS += [
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "> ",
    "# ",
    "```",
    "~~~",
    "`",
    "|",
    "|-|-|",
    "\\",
    "*",
    "---",
    "\r",
    "\t",
    "&lt;",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join), max_size=5))
def test_nothing_is_live_whatever_the_blocks_are(texts: list[str]) -> None:
    text = blocks(*texts)
    assert list(live(text)) == []
    assert blocks(text) in (text, "\n")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join))
def test_words_of_figures_are_never_live(document: Make, figure: MakeFigure, words: str) -> None:
    said = Provenance(
        words, model=words, title=words, creator=words, page_url=words, code=words, made_from=words
    )
    parameters = {"prompt": words, "more": {words: [words]}}
    shown = figure(
        1, caption=words, provenance=said, note=words, params=parameters, instead_of=words
    )
    gap = Missing(slot=1, kind=words, caption=words, reason="crashed", message=words)
    text = render_markdown(document(shown, gap, title=words, policy=words, cut=words))
    assert list(live(text)) == []
    assert harmful_lines(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "https://e.example/a`<img src=x onerror=f()>`",
        "www.e.example/b`c\n<img src=x onerror=f()>`",
    ],
)
def test_an_address_in_the_text_may_take_a_backtick_with_it(text: str) -> None:
    assert "<img" not in blocks(text)
