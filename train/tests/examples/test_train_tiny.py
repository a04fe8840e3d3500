"""The tiny policy's language, weights and arms, without training it."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "train_tiny"))

from llmi_train.rows import Row, Segment
from llmi_train_tiny.arms import shuffled
from llmi_train_tiny.checkpoint import CONTEXT, PIECES, TAG, make
from llmi_train_tiny.drafts import SLIPS, draft
from llmi_train_tiny.prompts import TEST, TRAIN, wishes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    make(folder, 0)
    return folder


def test_every_prompt_and_draft_is_words_that_it_knows_and_reads_back_as_it_was(
    place: Path,
) -> None:
    tokenizer, chance = AutoTokenizer.from_pretrained(place), random.Random(0)
    for wish in wishes(TRAIN) + wishes(TEST):
        for text in (wish.text, draft(wish, chance, SLIPS)):
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in ids, text
            assert tokenizer.decode(ids) == text


def test_each_piece_of_the_tag_is_one_token(place: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(place)
    assert {len(tokenizer(each)["input_ids"]) for each in (*TAG, *PIECES)} == {1}


def test_the_template_leaves_the_system_prompt_out_and_an_answer_goes_on_from_its_prompt(
    place: Path,
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(place)
    asked = [{"role": "user", "content": wishes(TEST)[0].text}]
    told = [{"role": "system", "content": "Be brief."}, *asked]

    def ids(messages: list[dict[str, str]], **options: Any) -> Any:
        return tokenizer.apply_chat_template(messages, return_dict=False, **options)

    prompt = ids(asked, add_generation_prompt=True)
    assert prompt == ids(told, add_generation_prompt=True)
    whole = ids([*asked, {"role": "assistant", "content": "# The fog"}])
    assert whole[: len(prompt)] == prompt
    assert whole[-1] == tokenizer.eos_token_id


def test_weights_follow_from_the_seed_and_are_about_a_million(place: Path, tmp_path: Path) -> None:
    make(tmp_path / "same", 0)
    make(tmp_path / "other", 1)
    first, same, other = (
        AutoModelForCausalLM.from_pretrained(e)
        for e in (place, tmp_path / "same", tmp_path / "other")
    )
    weights = [next(iter(each.parameters())) for each in (first, same, other)]
    assert (weights[0] == weights[1]).all()
    assert (weights[0] != weights[2]).any()
    assert 0.5e6 < first.num_parameters() < 1.5e6
    assert first.config.max_position_embeddings == CONTEXT


def test_shuffled_rewards_stay_in_their_groups_and_leave_the_tokens() -> None:
    rows = [_row(group, number) for group in "ab" for number in range(8)]
    dealt = shuffled(rows, 3)
    assert [each.segment for each in dealt] == [each.segment for each in rows]
    for group in "ab":
        before, after = (
            [e.reward or 0.0 for e in some if e.group == group] for some in (rows, dealt)
        )
        assert sorted(before) == sorted(after)
        assert before != after
    assert all(
        (each.advantages == (each.reward or 0.0) * each.segment.mask).all() for each in dealt
    )


def _row(group: str, number: int) -> Row:
    ids = np.arange(4)
    mask = np.array([0, 1, 1, 1], np.int8)
    segment = Segment(
        f"{group}{number}", 0, ("c",), "draft", ids, ids, -mask.astype(np.float32), mask
    )
    reward = number + (100.0 if group == "b" else 0.0)
    return Row(segment, (reward * mask).astype(np.float32), group, reward)
