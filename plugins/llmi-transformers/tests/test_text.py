"""From tokens to text: nothing is lost, nothing is said twice, and a character is said when it is whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import takewhile

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from llmi_transformers.testing import tiny_tokenizer
from llmi_transformers.text import Parts, Spoken, Stops, decoder

TEXTS = (
    '# The fox 🦊🦊\n\nIt is réd.  <imgen>{"a": 1}</imgen>\n',
    "👩‍👩‍👧 日本語のテキスト ᚠᛇᚻ",
    "plain words and more of them",
    " \n leading space",
    "\ufffd is a character, too \ufffd",
)


def words() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, which have a space between them."""
    made = Tokenizer(
        models.WordLevel({"<unk>": 0, "<end>": 1, "a": 2, "fox": 3, "runs": 4}, "<unk>")
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", unk_token="<unk>")


def spoken(tokenizer, ids: Sequence[int], sizes: Sequence[int]) -> list[tuple[int, str, bool]]:
    """As it comes: in pieces of these sizes."""
    speaker, pieces, rest = Spoken(decoder(tokenizer)), [], list(ids)
    for size in sizes:
        some, rest = rest[:size], rest[size:]
        pieces.append((len(some), *speaker.add(some, last=not rest)))
    return pieces


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_any_pieces_say_the_same(text: str, size: int) -> None:
    tokenizer = tiny_tokenizer(["plain words and more of them", "the fox is red"])
    ids = tokenizer.encode(text)
    pieces = spoken(tokenizer, ids, [size] * (len(ids) // size + 1))
    assert "".join(said for _, said, _ in pieces) == text == tokenizer.decode(ids)
    if "\ufffd" not in text:
        assert not any("\ufffd" in said for _, said, _ in pieces)
        if size == 1:
            assert any(is_open for *_, is_open in pieces) == (not text.isascii())


def test_pieces_of_any_sizes_say_the_same() -> None:
    chance = random.Random(0)
    tokenizer = tiny_tokenizer(TEXTS)
    for _ in range(200):
        text = "".join(chance.choice("ab 🦊é日\n<") for _ in range(chance.randrange(1, 30)))
        ids = tokenizer.encode(text)
        sizes = [chance.randrange(1, 5) for _ in ids]
        assert "".join(said for _, said, _ in spoken(tokenizer, ids, sizes)) == text


def test_half_a_character_at_the_end_is_said_as_what_it_is() -> None:
    tokenizer = tiny_tokenizer()
    ids = tokenizer.encode("a🦊")[:-1]
    assert spoken(tokenizer, ids, [1] * len(ids))[-1][1:] == ("\ufffd", False)


def test_words_have_the_space_that_the_tokenizer_puts_between_them() -> None:
    tokenizer = words()
    ids = tokenizer.encode("a fox runs a fox")
    pieces = spoken(tokenizer, ids, [1] * 5)
    assert [said for _, said, _ in pieces] == ["a", " fox", " runs", " a", " fox"]


def test_special_tokens_say_nothing() -> None:
    tokenizer = tiny_tokenizer()
    start, end = tokenizer.convert_tokens_to_ids(["<|start|>", "<|end|>"])
    ids = [start, *tokenizer.encode("the fox"), end, *tokenizer.encode(" runs")]
    assert "".join(said for _, said, _ in spoken(tokenizer, ids, [1] * 99)) == "the fox runs"


@pytest.mark.parametrize("text", TEXTS)
def test_each_token_has_its_characters(text: str) -> None:
    """Where that is certain; several that are one character are one part."""
    tokenizer = tiny_tokenizer(TEXTS[2:])
    ids = tokenizer.encode(text)
    parts = Parts(decoder(tokenizer)).of([*ids, tokenizer.eos_token_id], len(ids), text)
    assert sum(count for count, _ in parts) == len(ids) + 1
    assert sum(length for _, length in parts) == len(text)
    assert parts[-1] == (1, 0)
    said = [tokenizer.decode([each]) for each in ids]
    certain = list(takewhile(lambda each: "\ufffd" not in each, said))
    assert parts[: len(certain)] == [(1, len(each)) for each in certain]
    if len(certain) < len(said):
        behind = list(takewhile(lambda each: "\ufffd" not in each, reversed(said)))
        assert parts[len(certain) + 1 :] == [(1, len(each)) for each in reversed(behind)] + [(1, 0)]


def test_words_have_their_characters_too() -> None:
    tokenizer = words()
    parts = Parts(decoder(tokenizer))
    assert parts.of([2, 3, 4, 1], 3, "a fox runs") == [(1, 1), (1, 4), (1, 5), (1, 0)]
    assert parts.of([2, 3], 2, " a fox") == [(1, 2), (1, 4)]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_text_ends_before_a_stop_string(size: int) -> None:
    def said(text: str, *stops: str) -> tuple[str, bool]:
        ending, told = Stops(stops), ""
        for start in range(0, len(text), size):
            more, stopped = ending.add(text[start : start + size], last=start + size >= len(text))
            told += more
            if stopped:
                return told, True
        return told, False

    assert said("one END two", "END") == ("one ", True)
    assert said("one EN", "END") == ("one EN", False)
    assert said("aab", "ab", "aac") == ("a", True)
    assert said("xyz", "nothing", "") == ("xyz", False)
