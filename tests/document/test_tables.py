"""A table stays one, whatever slots stand in it."""

from __future__ import annotations

import pytest

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.document.tables import whole_tables
from llmi_agent.draft import BadSlot, Slot, Text, parse

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
TAG = '<imgen>{"source": "search", "description": "t", "params": {"query": "q|r"}}</imgen>'
ROWS = "| a | b |\n|---|---|\n| x | y |\n"


def named(slot: Slot | BadSlot) -> str:
    return f"Figure {slot.index + 1}"


def laid_out(text: str) -> list[str | int]:
    """Texts, and the numbers of the slots; `TAG` is written @."""
    blocks = whole_tables(parse(text.replace("@", TAG), KINDS).blocks, named)
    return [block.text if isinstance(block, Text) else block.index for block in blocks]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        (
            f"{ROWS}| @ | z |\n| @ | z |\n\nEnd.",
            [f"{ROWS}| Figure 1 | z |\n| Figure 2 | z |\n", 0, 1, "\nEnd."],
        ),
        ("a | b\n--|--\n@ @ | z", ["a | b\n--|--\nFigure 1 Figure 2 | z", 0, 1]),
        ("| @ | b |\n|--|--|\n", ["| Figure 1 | b |\n|--|--|\n", 0]),
        (
            "> | a |\n> |---|\n> | @ |\n\nEnd @.",
            ["> | a |\n> |---|\n> | Figure 1 |\n", 0, "\nEnd ", 1, "."],
        ),
        ("- | a |\n  |---|\n  | @ |\n", ["- | a |\n  |---|\n  | Figure 1 |\n", 0]),
        ("| a |\r\n|---|\r\n| @ |\r\n", ["| a |\r\n|---|\r\n| Figure 1 |\r\n", 0]),
        ("| a |\n|---|\n| <imgen>{}</imgen> |\n", ["| a |\n|---|\n| Figure 1 |\n", 0]),
        (f"{ROWS}@\n| z | z |\n", [f"{ROWS}| z | z |\n", 0]),
        (f"{ROWS}@ @\n| z | z |\n", [f"{ROWS}| z | z |\n", 0, 1]),
    ],
)
def test_a_figure_in_a_table_comes_after_it(text: str, blocks: list[str | int]) -> None:
    assert laid_out(text) == blocks


@pytest.mark.parametrize(
    "text",
    [
        f"{ROWS}@\nEnd.",
        f"{ROWS}\n@\n\n{ROWS}",
        f"@\n{ROWS}",
        "a | @ | b\n",
        f"```\n{ROWS}```\n| @ |\n",
        "@ -- a | b\n\n---\n",
        "# T\n\nA @ b.",
        "",
    ],
)
def test_all_else_stays_where_it_is(text: str) -> None:
    draft = parse(text.replace("@", TAG), KINDS)
    assert whole_tables(draft.blocks, named) == draft.blocks
