"""The card of a checkpoint."""

from __future__ import annotations

from llmi_train.trainer.card import Card


def test_values_are_plain_words() -> None:
    table = {
        "lora": None,
        "recompute": True,
        "cache": False,
        "tools": ["a", True],
        "rate": 1e-6,
        "none": (),
    }
    card = str(Card(title="t", about="a", base="b", method="sft", sections={"How": table}))
    for row in (
        "| lora | none |", "| recompute | yes |", "| cache | no |", "| tools | a, yes |", "| rate | 1e-06 |", "| none | none |",
    ):  # fmt: skip
        assert row in card
