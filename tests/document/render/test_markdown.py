"""What a Markdown file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from llmi_agent.contract.tool import Provenance
from llmi_agent.document.model import Document, Missing
from llmi_agent.document.render import file_name, render_markdown
from llmi_agent.document.render.safe_markdown import closed, inert

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmi_agent.document.model import Figure

    Make = Callable[..., Document]
    MakeFigure = Callable[..., Figure]


def test_a_figure_has_its_picture_caption_and_record(sample: Document) -> None:
    text = render_markdown(sample)
    assert "![Caption 1](images/figure-1.png)\n\n**Figure 1.** Caption 1" in text
    assert "Photo: R. Michetti](<https://commons.example.org/cup>)" in text
    assert "Placeholder, not the picture asked for" in text
    assert "Edited from Figure 2" in text
    assert "- Instruction: make it grey" in text
    assert "```python\nplt.plot([1, 2])\n```" in text
    assert "> **Figure missing: A lost map**  \n> It took too long: 60 s went by." in text
    assert text.count("# A title") == 1


def test_the_title_is_added_where_the_text_does_not_say_it(document: Make) -> None:
    assert render_markdown(document("Words.", title="2*3 [x]")).startswith(
        "# 2\\*3 \\[x\\]\n\nWords."
    )


def test_a_file_name_has_the_number_and_the_type(figure: MakeFigure) -> None:
    assert file_name(figure(3)) == "figure-3.png"
    assert file_name(figure(4, media_type="image/jpeg")) == "figure-4.jpg"


@pytest.mark.parametrize(
    "caption", ["a ] b ![x](y)", "*a* _b_ `c` <d> &amp; ~e~ | $f$", "a\n\n# b", "]("]
)
def test_a_caption_shows_just_its_words(caption: str, document: Make, figure: MakeFigure) -> None:
    tokens = MarkdownIt("commonmark").parse(render_markdown(document(figure(1, caption=caption))))
    inline = [token for token in tokens if token.type == "inline"]
    image, label = inline[1], inline[2]
    assert image.children is not None
    assert [child.type for child in image.children] == ["image"]
    assert label.children is not None
    words = "".join(child.content for child in label.children if child.type == "text")
    assert words.startswith(f"Figure 1. {' '.join(caption.split())}")


def test_code_cannot_close_its_own_fence(document: Make, figure: MakeFigure) -> None:
    code = 'x = """\n````\n</details>\n```\n"""'
    text = render_markdown(document(figure(1, provenance=Provenance("p", code=code))))
    fences = [token for token in MarkdownIt().parse(text) if token.type == "fence"]
    assert [fence.content for fence in fences] == [code + "\n"]


@pytest.mark.parametrize(
    "text",
    [
        "# Plain *text* with [a link](https://example.org) and `code <b>`",
        "```html\n<script>\n![x](http://y)\n```",
        "H<sub>2</sub>O, 3 < 4, a<br>b, <https://example.org>",
        "wow![1] and a [link](#section)",
    ],
)
def test_harmless_text_stays_as_it_was_written(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![map](https://e.example/m.png)", "[map](https://e.example/m.png)"),
        ("a <b onclick=x>b</b>", "a &lt;b onclick=x>b&lt;/b>"),
        ("<div>\n\n`<i>` and <i>", "&lt;div>\n\n`<i>` and &lt;i>"),
        ("[x](javascript:alert(1))", "&#91;x](javascript:alert(1))"),
    ],
)
def test_what_could_do_harm_is_rewritten(text: str, expected: str) -> None:
    assert inert(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\nx", "```\nx\n```"),
        ("~~~~py\nx\n```\n", "~~~~py\nx\n```\n~~~~"),
        ("```", "```\n```"),
        ("```\nx\n```", "```\nx\n```"),
        ("```\nx\n````", "```\nx\n````"),
        ("words", "words"),
    ],
)
def test_an_open_fence_is_closed(text: str, expected: str) -> None:
    assert closed(text) == expected


def test_a_missing_figure_takes_any_message(document: Make) -> None:
    gap = Missing(slot=0, kind="", caption="<b>", reason="crashed", message="`x`\n\n# no")
    assert "> **Figure missing: &lt;b\\>**  \n" in render_markdown(document(gap))
    assert "\\`x\\` \\# no." in render_markdown(document(gap))
