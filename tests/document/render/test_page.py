"""What a page shows."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from llmi_agent.contract.tool import REASONS, Provenance
from llmi_agent.document.model import Document, Missing
from llmi_agent.document.render import render_html, render_markdown
from llmi_agent.records.costs import Charge, Costs

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmi_agent.document.model import Figure
    from llmi_agent.store.artifacts import ArtifactStore

    Make = Callable[..., Document]
    MakeFigure = Callable[..., Figure]
    Read = Callable[[str], Any]


@pytest.fixture
def page(sample: Document, store: ArtifactStore, assert_inert: Read) -> Any:
    return assert_inert(render_html(sample, store))


def levels(html: str) -> list[int]:
    return [int(level) for level in re.findall(r"<h([1-6])", html)]


def test_a_figure_has_its_number_caption_and_alternative_text(page: Any) -> None:
    assert [figure["id"] for figure in page.all("figure")] == [f"figure-{n}" for n in (1, 2, 3, 4)]
    assert [image["alt"] for image in page.all("img")] == [f"Caption {n}" for n in (1, 2, 3, 4)]
    assert "Figure 2. Caption 2" in page.text()
    assert page.all("img")[0]["width"] == "64"


def test_attribution_and_licence_are_printed_and_linked(page: Any) -> None:
    addresses = [link["href"] for link in page.all("a")]
    assert "Photo: R. Michetti" in page.text()
    assert "CC0-1.0" in page.text()
    assert "https://creativecommons.org/publicdomain/zero/1.0/" in addresses
    assert "https://commons.example.org/cup" in addresses


def test_a_placeholder_is_said_to_be_one(page: Any) -> None:
    assert page.html.count('class="badge"') == 1
    assert "Placeholder, not the picture asked for" in page.text()


def test_an_edit_links_to_what_it_was_made_from(page: Any) -> None:
    assert '<a href="#figure-2">Figure 2</a>' in page.html
    assert "Edited from Figure 2" in page.text()
    assert "Turned grey." in page.text()


def test_an_edit_of_a_figure_that_is_not_there_has_no_link(
    document: Make, figure: MakeFigure, store: ArtifactStore
) -> None:
    html = render_html(document(figure(1, edited_from=9)), store)
    assert 'href="#figure-9"' not in html


def test_the_details_say_how_a_picture_was_made(page: Any) -> None:
    said = page.text()
    for words in (
        "Tool sandbox",
        "Attempts 2",
        "Cost $0.0034",
        "Query a cup",
        "Instruction make it grey",
        "Prompt a boat at dawn",
        "Seed 7",
        "Provider Wikimedia Commons",
        "Creator R. Michetti",
        "Page https://commons.example.org/cup",
        "Picture https://upload.example.org/cup.jpg",
        "plt.plot([1, 2])",
    ):
        assert words in said


def test_code_is_coloured_and_written_left_to_right(page: Any) -> None:
    assert '<span class="mi">1</span>' in page.html
    assert all(block["dir"] == "ltr" for block in page.all("pre"))


def test_a_fallback_says_how_the_picture_was_really_made(
    document: Make, figure: MakeFigure, store: ArtifactStore, read_page: Read
) -> None:
    fallback = figure(1, kind="search", params={"prompt": "x"}, provenance=Provenance("p"))
    said = read_page(render_html(document(fallback), store)).text()
    assert "Generated" in said
    assert "diffusion (asked for: search)" in said


@pytest.mark.parametrize("reason", REASONS)
def test_a_missing_figure_says_why(
    reason: Any, document: Make, store: ArtifactStore, read_page: Read
) -> None:
    gap = Missing(slot=0, kind="search", caption="A lost map", reason=reason, message="it *broke*.")
    said = read_page(render_html(document(gap), store)).text()
    assert "Figure missing: A lost map" in said
    assert "it *broke*." in said
    assert reason not in said or "_" not in reason


def test_a_picture_that_is_gone_leaves_a_note(
    document: Make, figure: MakeFigure, store: ArtifactStore, read_page: Read
) -> None:
    page = read_page(render_html(document(figure(1, digest="0" * 64)), store))
    assert page.all("img") == []
    assert "The picture is missing" in page.text()
    assert "Figure 1. Caption 1" in page.text()


def test_what_is_no_picture_is_not_shown(
    document: Make, figure: MakeFigure, read_page: Read
) -> None:
    class Svg:
        def read(self, digest: str) -> bytes:
            return b"<svg onload='alert(1)'/>"

    page = read_page(render_html(document(figure(1)), Svg()))
    assert page.all("img") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A title\n\nWords.\n\n## One", [1, 2, 2]),
        ("A title\n=======\n\n## One", [1, 2, 2]),
        ("## A title\n\n### One", [1, 2, 2]),
        ("Here you are:\n\n# A title\n\n## One", [1, 2, 2]),
        ("# Another\n\n## One", [1, 2, 3, 2]),
        ("# A title\n\n#### Deep\n\n## One\n\n##### Deeper", [1, 2, 2, 3, 2]),
        ("# A title\n\n# Part\n\n## One\n\n# Part", [1, 2, 3, 2, 2]),
        ("no headings", [1, 2]),
        ("", [1, 2]),
    ],
)
def test_there_is_one_title_and_no_level_is_skipped(
    text: str, expected: list[int], document: Make, store: ArtifactStore
) -> None:
    assert levels(render_html(document(text), store)) == expected


def test_a_title_in_markdown_is_shown_without_its_marks(
    document: Make, store: ArtifactStore, read_page: Read
) -> None:
    text = "# The *big* `x` & [more](https://example.org)"
    html = render_html(document(text, title="The *big* `x` & [more](https://example.org)"), store)
    assert "<title>The big x &amp; more</title>" in html
    assert '<h1 dir="auto" lang="">The <em>big</em> <code>x</code> &amp; more</h1>' in html


def test_a_title_from_a_prompt_is_shown_as_it_is(document: Make, store: ArtifactStore) -> None:
    html = render_html(document("Words.", title="2*3*4 <b> & co"), store)
    assert '<h1 dir="auto" lang="">2*3*4 &lt;b&gt; &amp; co</h1>' in html


def test_contents_link_to_anchors_that_are_unique(
    document: Make, store: ArtifactStore, read_page: Read
) -> None:
    made = document(
        "## Notes\n\n## Notes\n\n## 結果", "## Notes 2\n\n## Notes\n\n[back](#notes) [no](#nowhere)"
    )
    page = read_page(render_html(made, store))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"] for link in page.all("a") if link["href"].startswith("#s-")]
    assert targets == [
        "#s-notes",
        "#s-notes-2",
        "#s-結果",
        "#s-notes-2-2",
        "#s-notes-3",
        "#s-notes",
    ]
    assert {target[1:] for target in targets} <= set(ids)


def test_a_short_document_has_no_contents(document: Make, store: ArtifactStore) -> None:
    assert "<nav" not in render_html(document("## One\n\n## Two"), store)


@pytest.mark.parametrize(
    "text", ["```python\nx = 1", "~~~~\n<b>", "- item\n  ```\n  x", "<div>", "> ```"]
)
def test_an_unclosed_block_ends_with_its_text(
    text: str, document: Make, figure: MakeFigure, store: ArtifactStore, assert_inert: Read
) -> None:
    page = assert_inert(render_html(document(text, figure(1), "*After.*"), store))
    assert len(page.all("figure")) == 1
    assert "<em>After.</em>" in page.html


def test_pictures_of_the_policy_become_links_or_words(
    document: Make, store: ArtifactStore, assert_inert: Read
) -> None:
    text = "![a map](https://example.org/map.png) and ![local](plot.png) [![in](https://e.example/i.png)](https://e.example)"
    page = assert_inert(render_html(document(text), store))
    assert page.all("img") == []
    assert page.text().count("a map and local in") == 1
    web = [link["href"] for link in page.all("a") if link["href"].startswith("http")]
    assert web == ["https://example.org/map.png", "https://e.example"]


def test_a_link_may_be_defined_after_a_figure(
    document: Make, figure: MakeFigure, store: ArtifactStore
) -> None:
    made = document("See [the source][1].", figure(1), "[1]: https://example.org/source")
    assert 'href="https://example.org/source"' in render_html(made, store)


def test_a_few_bare_tags_work_and_other_angle_brackets_are_words(
    document: Make, store: ArtifactStore, read_page: Read
) -> None:
    page = read_page(render_html(document("H<sub>2</sub>O<br>Vec<T> a<b"), store))
    assert "H<sub>2</sub>O<br>" in page.html
    assert "Vec<T> a<b" in page.text()


def test_tables_keep_their_alignment_and_scroll(page: Any) -> None:
    assert '<td class="right">2</td>' in page.html
    assert page.html.count('<div class="table" tabindex="0"') == 1


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("ازدادت حركة", '<p dir="rtl">'),
        ("- שלום\n- two", '<ul dir="rtl">'),
        ("> 123 שלום", '<blockquote dir="rtl">'),
        ("## שלום", '<h2 id="s-שלום" dir="rtl">'),
        ("| שלום |\n|---|\n| x |", 'aria-label="Table" dir="rtl">'),
        ("港の交通量", "<p>"),
    ],
)
def test_text_is_written_in_its_own_direction(
    text: str, opening: str, document: Make, store: ArtifactStore
) -> None:
    html = render_html(document(text), store)
    story = html[html.index("<article") :]
    assert set(re.findall(r"[^ <>]+", opening)) <= set(re.findall(r"[^ <>]+", story))
    assert ('dir="rtl"' in story) == ('dir="rtl"' in opening)


def test_the_title_block_and_the_colophon_say_where_the_document_is_from(page: Any) -> None:
    said = page.text()
    assert "Written by some/model 4 March 2026 From boats.csv" in said
    assert "4 figures: 1 drawn by code, 1 found by search, 1 edited" in said
    assert "1 missing. Every figure carries how it was made." in said
    assert "code by sandbox, search by gallery" in said
    assert "boats.csv (18 kB)" in said
    assert "Write about boats" in said
    assert "ep-1" in said


def test_the_offline_writer_is_not_presented_as_a_language_model(
    document: Make, store: ArtifactStore, read_page: Read
) -> None:
    said = read_page(render_html(document("x", policy="offline"), store)).text()
    assert "the offline writer, which is not a language model" in said


def test_many_figures_render_in_reasonable_time(
    document: Make, figure: MakeFigure, store: ArtifactStore
) -> None:
    blocks = [
        block for number in range(1, 201) for block in (f"## {number}\n\nWords.", figure(number))
    ]
    started = time.thread_time()
    html = render_html(document(*blocks), store)
    assert html.count("<figure") == 200
    assert time.thread_time() - started < 5


def test_what_the_reader_must_know_of_the_run_is_on_the_page(
    document: Make, figure: MakeFigure, store: ArtifactStore, assert_inert: Read
) -> None:
    """That the text ends early, why another kind stands in, and what it cost."""
    paid = Charge(call="tool", name="t", purpose="search", slot=0, usd=0.04, basis="estimated")
    unsaid = Charge(call="model", name="m", purpose="draft")
    made = document(
        "# T\n\nWords.",
        figure(1, instead_of="the <key> is wrong"),
        cut="the budget allowed <9> tokens",
        notes=("left <as> text",),
        costs=Costs.of([paid, unsaid]),
    )
    text = assert_inert(render_html(made, store)).text()
    assert "The text ends early" in text
    assert "the budget allowed <9> tokens" in text
    assert "the <key> is wrong" in text
    assert "left <as> text" in text
    assert "at least $0.04 (1 call of unknown cost)" in text
    assert "**The text ends early:**" in render_markdown(made)
    assert "**Note:** left" in render_markdown(made)
