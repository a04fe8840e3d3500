"""What an edit says of itself, and what of the picture that it was made from."""

from __future__ import annotations

from dataclasses import replace

from llmi_agent.contract.tool import Provenance
from llmi_agent.records.credit import derived

PHOTO = Provenance(
    "an archive",
    model="a camera",
    seed=7,
    source_url="https://example.org/cup.png",
    page_url="https://example.org/cup",
    title="A cup",
    creator="Ada",
    licence="CC-BY-4.0",
    licence_url="https://example.org/by",
    attribution="Ada, CC BY 4.0",
    code="draw()",
)


def test_an_edit_inherits_credit_only() -> None:
    assert derived(Provenance("an editor"), PHOTO, "Cup") == Provenance(
        "an editor",
        page_url="https://example.org/cup",
        creator="Ada",
        licence="CC-BY-4.0",
        licence_url="https://example.org/by",
        attribution="Ada, CC BY 4.0",
        made_from="Cup",
    )


def test_what_the_tool_says_is_not_mixed_with_the_sources() -> None:
    own = Provenance(
        "e", model="m", seed=1, creator="Bob", licence="CC0-1.0", source_url="https://e.example/1"
    )
    assert derived(own, PHOTO, "Cup") == replace(own, made_from="Cup")


def test_the_page_of_an_owner_comes_with_the_owner() -> None:
    own = Provenance("e", page_url="https://e.example/job")
    assert derived(own, PHOTO, "x").page_url == "https://example.org/cup"
    assert derived(own, Provenance("the user"), "x").page_url == "https://e.example/job"


def test_a_chain_of_edits_keeps_the_credit_and_names_the_last_step() -> None:
    once = derived(Provenance("e", model="m", seed=3), PHOTO, "Cup")
    twice = derived(Provenance("f"), once, "Blue cup")
    assert twice == replace(once, provider="f", model=None, seed=None, made_from="Blue cup")


def test_an_edit_of_a_placeholder_is_one() -> None:
    assert derived(Provenance("e"), Provenance("s", placeholder=True), "x").placeholder
