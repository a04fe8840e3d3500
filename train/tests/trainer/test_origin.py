"""Whether ids are those of the text that is on record: what fits, and where it first does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from llmi_agent.base.errors import InputError
from llmi_train.rows.row import Row, Segment
from llmi_train.trainer.origin import check_origin


class Letters:
    """A tokenizer of whose tokens each is a letter."""

    chat_template = "it has one"

    def __init__(self) -> None:
        self.rendered = 0

    def decode(self, ids: Any, **_: Any) -> str:
        return "".join(map(chr, ids))

    def apply_chat_template(self, messages: Any, **_: Any) -> list[int]:
        self.rendered += 1
        return [1, 2]


def row(episode: str, ids: str) -> Row:
    completion = np.array([*map(ord, ids)], np.int64)
    ones = np.ones(len(ids), np.float32)
    own = Segment(
        episode=episode, number=0, calls=("c",), purpose="draft", prompt=np.array([1, 2]), completion=completion,
        logprobs=-ones, mask=ones.astype(np.int8),
    )  # fmt: skip
    return Row(own, ones, "g", 1.0)


def look(text: str) -> Any:
    message = {"type": "human", "data": {"content": "Foxes"}}
    call = SimpleNamespace(messages=(message,), raw=text, reasoning="", withheld=False, sampling={})
    return lambda row: (SimpleNamespace(call=call, start=0, end=len(row.segment.completion)),)


TEXT = "the quick brown fox jumps over the lazy dog " * 4


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (TEXT[:130], r"has tokens for the first 104 of 140 letters that it wrote: they end before 'gthequic"),
        (TEXT + "more", r"has more tokens than it wrote: 'more' comes after the end"),
        (TEXT[:100] + "Z" + TEXT[101:], r"something else than its text: after \d+ letters it wrote '.*', and its tokens read 'Z"),
        (TEXT[::-1], r"another tokenizer, or has tokens of another text: after 0 letters it wrote 'thequick"),
    ],
)  # fmt: skip
def test_the_first_place_of_difference_is_shown_and_what_fits_is_said(ids: str, words: str) -> None:
    with pytest.raises(InputError, match=f"the run odd .*{words}"):
        check_origin([row("odd", ids)], look(TEXT), Letters(), {})


def test_every_row_is_decoded_and_each_prompt_of_a_group_rendered_once() -> None:
    tokenizer = Letters()
    check_origin([row(f"e{n}", TEXT) for n in range(5)], look(TEXT), tokenizer, {})
    assert tokenizer.rendered == 1
