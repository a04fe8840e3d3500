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

from llmi_train.cli.online import online
from llmi_train.rows import Row, Segment
from llmi_train_tiny.arms import shuffled
from llmi_train_tiny.ceiling import Ceiling
from llmi_train_tiny.checkpoint import CONTEXT, PIECES, TAG, make
from llmi_train_tiny.course import ONLINE, WARM, Course
from llmi_train_tiny.drafts import SLIPS, draft
from llmi_train_tiny.prompts import TEST, TRAIN, wishes
from llmi_train_tiny.report import Line, Results


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


def test_online_training_is_a_command_that_anyone_may_type_on_prompts_that_are_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed: list[str] = []

    def ran(course: Course, result: str, command: list[str]) -> dict[str, Any]:
        typed.extend(command)
        return {}

    monkeypatch.setattr(Course, "_ran", ran)
    Course(tmp_path, 5).online(WARM, "online")
    assert typed[1] == "online"
    monkeypatch.chdir(tmp_path)
    given = online.make_context("online", typed[2:]).params
    assert {name: given[name] for name in ONLINE} == ONLINE
    assert (given["model"], given["out"], given["seed"]) == ("sft-5", "online-5", 5)
    asked = Path(given["prompts"]).read_text().splitlines()
    assert len(asked) == len(wishes(TRAIN))
    assert all('"train"' in each for each in asked)


def test_the_report_shows_topic_and_episodes_and_draws_fresh_rewards(tmp_path: Path) -> None:
    line = Line(
        1,
        "online GRPO",
        _evaluated(0.9, above=0.4),
        {"rollouts": {"episodes": 3840}, "seconds": 61.2},
    )
    before = Line(1, "warm-up", _evaluated(0.5))
    history = [{"step": 1, "reward": 0.5}, {"step": 2, "reward": 0.9}]
    results = Results(
        "Online", [before, line], Ceiling(0.4, 0.5, "always"), online={"seed 1": history}
    )
    table = results.markdown().splitlines()
    head, _, first, second = (
        [each.strip() for each in row.strip("|").split("|")] for row in table if row[:1] == "|"
    )
    cells = dict(zip(head, second, strict=True))
    assert (cells["topic"], cells["episodes"], cells["training"]) == (
        "0.900 [0.800, 1.000]",
        "3,840",
        "61 s",
    )
    assert second[head.index("topic") + 1] == "+0.400 [+0.300, +0.500]"
    assert dict(zip(head, first, strict=True))["episodes"] == ""
    page = results.write(tmp_path)[2].read_text()
    assert "reward of a step" in page
    assert "KL to the recorded policy" not in page


def _evaluated(value: float, above: float | None = None) -> dict[str, Any]:
    def figures(middle: float) -> dict[str, Any]:
        mean = {"mean": middle, "low": middle - 0.1, "high": middle + 0.1, "prompts": 96}
        names = ("reward", "kind_accuracy", "count_accuracy")
        return {**dict.fromkeys(names, mean), "components": {"tiny.topic": mean}, "truncated": 0.0}

    return {"model": figures(value), **({"difference": figures(above)} if above else {})}


def _row(group: str, number: int) -> Row:
    ids = np.arange(4)
    mask = np.array([0, 1, 1, 1], np.int8)
    segment = Segment(
        f"{group}{number}", 0, ("c",), "draft", ids, ids, -mask.astype(np.float32), mask
    )
    reward = number + (100.0 if group == "b" else 0.0)
    return Row(segment, (reward * mask).astype(np.float32), group, reward)
