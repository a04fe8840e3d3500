"""The document: plain data that reads back to itself."""

from __future__ import annotations

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.model import (
    Document,
    Figure,
    Missing,
    TextBlock,
    headings,
    read_document,
    title_of,
)

FIGURE = Figure(
    number=1,
    slot=0,
    kind="search",
    tool="a_tool",
    digest="0" * 64,
    media_type="image/png",
    width=4,
    height=3,
    caption="A caption",
    params={"query": "q", "nested": {"list": [1, None, "x"]}},
    provenance=Provenance("p", licence="CC0-1.0", placeholder=True, seed=3),
    usd=0.25,
)
DOCUMENT = Document(
    title="T",
    prompt="P",
    policy="offline",
    episode="e",
    created="2026-01-01T00:00:00+00:00",
    attachments=(Attachment("a.csv", "text/csv", "1" * 64, 12),),
    bindings={"search": "a_tool"},
    blocks=(
        TextBlock(markdown="# T"),
        FIGURE,
        Missing(slot=1, kind="edit", caption="c", reason="refused", message="m", attempts=2),
    ),
)


def test_a_document_reads_back_from_its_json() -> None:
    again = read_document(DOCUMENT.model_dump_json(indent=2))
    assert again == DOCUMENT
    assert again.figures == (FIGURE,)
    assert [missing.slot for missing in again.missing] == [1]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"title": 3}', "\x00"])
def test_what_is_no_document_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match="not a document that llmi wrote") as caught:
        read_document(text)
    assert "\n" not in str(caught.value)


def test_headings_are_those_outside_fences() -> None:
    text = "# One\n\n```\n# not\n```\n\n## Two ##\n~~~\n# not\n~~~\n#hashtag\n####### seven\n"
    assert headings(text) == [(1, "One"), (2, "Two")]


def test_the_title_is_the_first_heading_or_the_prompt() -> None:
    assert title_of(["words", "## Later"], "prompt") == "Later"
    assert title_of(["words"], "\n  the prompt\nmore") == "the prompt"
    assert title_of([], "x" * 100) == "x" * 79 + "…"
    assert title_of([], "") == "Untitled"
