"""From a place to rows: what is trained on, what is left out and counted, and that it makes no difference where traces are."""

from __future__ import annotations

import json
import sqlite3
from itertools import permutations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.records.events import Resumed
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces import Chosen, export, import_traces, traces
from llmi_train.cli.fresh import known_prompts
from llmi_train.rows.faults import BadTrace, NothingToTrain
from llmi_train.rows.gathering import rows_of

from .scene import DRAFT, PROMPT, SAMPLING, Call, Home, by_episode, total


def test_a_row_is_what_was_read_and_sampled_with_the_advantage_within_its_group(home: Home) -> None:
    rewards = (0.1, 0.5, 0.9)
    for number, reward in enumerate(rewards):
        home.episode(f"e{number}", reward=reward)
    gathered = rows_of(home.root)
    assert [row.segment.episode for row in gathered.rows] == ["e0", "e1", "e2"]
    for row, reward in zip(gathered.rows, rewards, strict=True):
        own = row.segment
        assert (tuple(own.prompt), tuple(own.completion)) == (PROMPT, DRAFT)
        assert (own.calls, own.purpose, own.truncated) == (("model-0",), "draft", False)
        np.testing.assert_array_equal(own.logprobs, np.float32([-0.1, -0.2, -0.1 * 3, -0.4]))
        assert own.mask.all()
        right = (reward - fmean(rewards)) / (stdev(rewards) + 1e-4)
        np.testing.assert_allclose(row.advantages, [right] * 4, rtol=1e-6)
        assert (row.group, row.reward, row.is_padding) == ("g", reward, False)
        assert [each.dtype for each in (own.prompt, own.completion, own.logprobs, own.mask)] == [
            np.int64, np.int64, np.float32, np.int8,
        ]  # fmt: skip


def test_members_share_the_prompt_in_memory(home: Home) -> None:
    home.pair()
    one, two = rows_of(home.root).rows
    assert one.segment.prompt is two.segment.prompt


def test_what_cannot_be_learnt_from_is_left_out_and_counted_by_the_reason(home: Home) -> None:
    home.pair()
    home.episode("alone", reward=0.5, group="")
    home.episode("held", reward=0.5, group="held", split="test_mm")
    home.episode("unscored", group="good")
    home.episode("unjudged", rewards=[total(None)], group="good")
    home.episode("outdated", reward=0.5, group="good", after=[Resumed(setup="s1")])
    home.episode("single", reward=0.5, group="single")
    for name in ("same-a", "same-b", "same-c"):
        home.episode(name, reward=0.5, group="same")
    home.episode("no draft", Call(accepted=False), reward=0.0, group="good")
    home.episode("cut", Call(finish="", cut="it broke off"), reward=0.5, group="good")
    report = rows_of(home.root).report
    assert report.left_out == {
        "no group (collect with --group)": 1,
        "the split test_mm": 1,
        "no reward (score them: llmi traces score)": 1,
        "a reward that could not be given (the infrastructure, or a judge, failed)": 1,
        "a reward from before it went on (score it again)": 1,
        "a group with fewer than two rewards": 1,
        "a group with rewards that are all the same": 3,
        "no draft of a model that was accepted": 1,
        "a draft that broke off": 1,
    }
    assert report.groups_left_out == {
        "a group with fewer than two rewards": 1,
        "a group with rewards that are all the same": 1,
    }
    assert (report.read, report.used, report.groups, report.group_sizes) == (13, 2, 1, {2: 1})
    assert report.used + sum(report.left_out.values()) == report.read


def test_ragged_groups_have_their_own_means(home: Home) -> None:
    for group, rewards in {"a": (0.0, 1.0), "b": (0.2, 0.4, 0.9, 0.5, 0.1)}.items():
        for number, reward in enumerate(rewards):
            home.episode(f"{group}{number}", reward=reward, group=group, member=number)
    found = by_episode(rows_of(home.root))
    for group in "ab":
        own = [value for name, value in found.items() if name.startswith(group)]
        assert abs(fmean(own)) < 1e-6
        assert stdev(own) == pytest.approx(1, rel=1e-3)


def test_a_draft_that_was_begun_anew_is_trained_on_once_and_counted(home: Home) -> None:
    cut = Call((10, 11), accepted=False, finish="", cut="it broke off")
    home.episode("again", cut, Call(), reward=0.1)
    home.episode("plain", reward=0.9)
    gathered = rows_of(home.root)
    assert [row.segment.calls for row in gathered.rows] == [("model-1",), ("model-0",)]
    assert gathered.report.begun_anew == 1


def test_a_draft_at_the_length_limit_is_truncated_and_one_that_is_filtered_is_not(
    home: Home,
) -> None:
    home.episode("long", Call(finish="length", cut="it writes no more"), reward=0.1)
    home.episode("bad words", Call(finish="content_filter", cut="the filter"), reward=0.9)
    gathered = rows_of(home.root)
    assert [row.segment.truncated for row in gathered.rows] == [True, False]
    assert gathered.report.truncated == 0.5


@pytest.mark.parametrize("asked", [None, 0.7])
def test_one_temperature_is_trained_on_at_once(home: Home, asked: float | None) -> None:
    home.pair()
    for name, reward in (("cool-one", 0.1), ("cool-two", 0.2)):
        home.episode(
            name, Call(sampling={**SAMPLING, "temperature": 0.7}), reward=reward, group="cool"
        )
    words = (
        r"2 temperatures: 0.7 \(as the run cool-one\), 1 .*--temperature"
        if asked is None
        else "the run good-one .* temperature 1, and not at 0.7"
    )
    with pytest.raises(InputError, match=words):
        rows_of(home.root, temperature=asked)
    if asked:
        gathered = rows_of(home.root, temperature=asked, leave_out_bad=True)
        assert set(by_episode(gathered)) == {"cool-one", "cool-two"}
        assert gathered.temperature == gathered.rows[0].segment.temperature == 0.7
        assert gathered.report.left_out == {"another temperature": 2}


def test_of_several_versions_of_a_reward_one_is_to_be_named(home: Home) -> None:
    for name, one, other in (("a", 0.1, 0.9), ("b", 0.9, 0.1)):
        home.episode(
            name, rewards=[total(one, "llmi@1"), total(other, "llmi@2"), total(0.5, "mine")]
        )
    with pytest.raises(
        InputError,
        match=r"3 versions .*llmi@1 \(2, as the run a\), llmi@2 \(2, as the run a\), mine .*; name one with --profile",
    ):
        rows_of(home.root)
    with pytest.raises(
        InputError, match=r"2 versions .*llmi@1 \(2, .*, llmi@2 \(2, as the run a\);"
    ):
        rows_of(home.root, profile="llmi")
    with pytest.raises(
        InputError, match=r"nothing was scored by 'paper'; on record are llmi@1 \(2, "
    ):
        rows_of(home.root, profile="paper")
    assert by_episode(rows_of(home.root, profile="llmi@2"))["a"] > 0
    with pytest.raises(NothingToTrain, match="rewards that are all the same: 2"):
        rows_of(home.root, profile="mine")


def test_what_was_scored_again_counts_as_it_was_scored_last(home: Home) -> None:
    home.episode("a", rewards=[total(0.1), total(0.9)])
    home.episode("b", reward=0.5)
    assert by_episode(rows_of(home.root))["a"] > 0


def test_an_episode_that_is_not_at_its_end_is_refused_or_left_out(home: Home) -> None:
    home.pair()
    home.episode("killed", group="good", done=False)
    with pytest.raises(
        BadTrace, match=r"the run killed .* not at its end.*llmi run --resume killed"
    ):
        rows_of(home.root)
    assert rows_of(home.root, leave_out_bad=True).report.left_out == {"not at its end": 1}


def test_an_episode_that_cannot_be_read_is_refused_or_left_out(home: Home) -> None:
    home.pair()
    home.episode("damaged", group="good", reward=0.5)
    home.journal.close()
    with sqlite3.connect(home.journal.path) as table:
        table.execute(
            "UPDATE records SET tokens = x'00' WHERE episode = 'damaged' AND tokens IS NOT NULL"
        )
    table.close()
    with pytest.raises(BadTrace, match=r"the run damaged .*token arrays are damaged"):
        rows_of(home.root)
    assert rows_of(home.root, leave_out_bad=True).report.left_out == {"unreadable": 1}


def test_a_row_that_is_too_long_is_refused_or_left_out(home: Home) -> None:
    home.pair()
    home.episode("long", Call(completion=(*range(10, 30), 99)), reward=0.5, group="good")
    with pytest.raises(BadTrace, match=r"the run long .* 24 tokens, .* at most 7 .*--longest"):
        rows_of(home.root, longest=7)
    gathered = rows_of(home.root, longest=7, leave_out_bad=True)
    assert gathered.report.left_out == {"too long": 1}
    assert gathered.report.longest == 7


def test_what_is_not_on_record_of_sampling_may_be_trusted(home: Home) -> None:
    for name, reward in (("a", 0.1), ("b", 0.9)):
        home.episode(name, Call(sampling={}), reward=reward)
    with pytest.raises(BadTrace, match="not on record with which temperature, top_p, top_k, min_p"):
        rows_of(home.root)
    assert rows_of(home.root, trust_unstated=True).temperature == 1.0


@pytest.mark.parametrize(
    ("name", "taken"),
    [("train", True), ("", True), ("contest", True), ("rl", True), ("test", False), ("Validation", False), ("held-out", False)],
)  # fmt: skip
def test_what_is_held_out_is_not_trained_on_unless_it_is_named(
    home: Home, name: str, taken: bool
) -> None:
    home.episode("a", reward=0.1, split=name)
    home.episode("b", reward=0.9, split=name)
    if taken:
        assert rows_of(home.root).report.splits == {name: 2}
    else:
        with pytest.raises(NothingToTrain, match=f"the split {name}: 2"):
            rows_of(home.root)
    assert len(rows_of(home.root, split=name).rows) == 2


def test_only_what_is_chosen_is_read(home: Home) -> None:
    home.pair()
    home.pair(group="other")
    gathered = rows_of(home.root, chosen=Chosen(group="other"))
    assert {row.group for row in gathered.rows} == {"other"}
    assert gathered.report.read == 2


def test_nothing_to_train_on_is_an_error_that_says_why(home: Home) -> None:
    home.episode("alone", reward=0.5, group="")
    with pytest.raises(
        NothingToTrain, match=r"none of the 1 runs .*no group \(collect with --group\): 1"
    ):
        rows_of(home.root)


def test_runs_of_a_closed_model_are_told_the_other_ways_though_they_are_in_no_group(
    home: Home,
) -> None:
    home.episode("alone", Call(tokens=False), reward=0.5, group="")
    with pytest.raises(NothingToTrain, match=r"no group .*llmi-train sft, dpo or kto"):
        rows_of(home.root)


def test_runs_that_were_cut_are_told_nothing_of_logprobs(home: Home) -> None:
    home.episode("cut", Call(accepted=False, tokens=False), done=False)
    with pytest.raises(NothingToTrain) as caught:
        rows_of(home.root, leave_out_bad=True)
    assert "logprobs" not in str(caught.value)


def test_it_makes_no_difference_where_traces_were_read(home: Home, tmp_path: Path) -> None:
    """A home, an exported file of either form, two homes with a half of each group, and these two merged."""
    halves = [Home(tmp_path / "first"), Home(tmp_path / "second")]
    for number, reward in enumerate((0.3, 0.1, 0.8, 0.5, 0.9, 0.2)):
        given: dict[str, Any] = {"reward": reward, "group": f"g{number % 2}", "member": number // 2}
        home.episode(f"e{number}", seed=number, **given)
        halves[number % 3 == 0].episode(f"e{number}", seed=number, **given)
    right = rows_of(home.root)
    files = [tmp_path / "all.jsonl.zst", tmp_path / "all.parquet"]
    for each in files:
        export(traces(home.root), each)
    merged = tmp_path / "merged"
    done = import_traces([half.root for half in halves], ArtifactStore(merged), unchecked=True)
    assert not done.refused
    places: list[Any] = [
        *files,
        merged,
        *permutations([half.root for half in halves]),
        [files[0], home.root],
    ]
    for place in places:
        found = rows_of(place)
        assert found.report.as_json() == right.report.as_json()
        assert [row.segment.episode for row in found.rows] == [
            row.segment.episode for row in right.rows
        ]


def test_the_recorded_calls_of_a_row_are_read_from_disk(home: Home) -> None:
    home.pair()
    gathered = rows_of(home.root)
    (own,) = gathered.recorded(gathered.rows[0])
    assert (own.start, own.end) == (0, 4)
    assert (own.call.raw, own.call.weights, own.call.tokens) == ("# A fox", "w1", None)
    assert own.call.messages[0]["data"]["content"] == "A fox."


def test_a_run_that_is_there_twice_with_other_contents_is_refused_or_left_out(
    home: Home, tmp_path: Path
) -> None:
    home.pair()
    home.episode("twice", group="good", reward=0.5, seed=1)
    file, other = tmp_path / "all.jsonl", Home(tmp_path / "other")
    export(traces(home.root), file)
    same = file.read_text() + file.read_text()
    twice = tmp_path / "twice.jsonl"
    twice.write_text(same)
    assert rows_of(twice).report == rows_of(home.root).report
    other.episode("twice", Call(completion=(5, 6, 99)), group="good", reward=0.9, seed=1)
    export(traces(other.root), tmp_path / "other.jsonl")
    twice.write_text(file.read_text() + (tmp_path / "other.jsonl").read_text())
    for place in (twice, [home.root, other.root], [other.root, file]):
        with pytest.raises(BadTrace, match=r"the run twice.* is found 2 times.*contradict"):
            rows_of(place)
        assert rows_of(place, leave_out_bad=True).report.left_out == {"unreadable": 1}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1e308", "1e\\+308, and rewards are"),
        ('"0.5"', "cannot be read"),
        ("true", "cannot be read"),
    ],
)
def test_a_reward_that_none_gives_is_refused_by_the_runs_name(
    home: Home, tmp_path: Path, value: str, words: str
) -> None:
    home.pair()
    home.episode("odd", group="good", reward=0.5, member=2)
    file = tmp_path / "all.jsonl"
    export(traces(home.root), file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for record in next(each for each in rows if each["episode"] == "odd")["records"]:
        if record["kind"] == "rewarded":
            assert '"value":0.5' in record["data"]
            record["data"] = record["data"].replace('"value":0.5', f'"value":{value}')
    file.write_text("".join(json.dumps(each) + "\n" for each in rows))
    with pytest.raises(BadTrace, match=f"the run odd .*its reward 'total' .*{words}"):
        rows_of(file)
    assert rows_of(file, leave_out_bad=True).report.left_out == {"a reward that is none": 1}


def test_members_with_the_same_number_are_members_and_are_told(home: Home) -> None:
    home.pair()
    assert rows_of(home.root).report.same_numbers == 0
    home.episode("third", group="good", reward=0.5, member=1)
    report = rows_of(home.root).report
    assert (report.used, report.same_numbers) == (3, 1)


def test_what_was_asked_is_known_by_its_normalised_text(home: Home) -> None:
    home.pair()
    gathered = rows_of(home.root)
    assert known_prompts(["a  FOX", "a bear"], gathered.asked).startswith(
        "1 of 2 prompts to evaluate on"
    )
    assert known_prompts(["a bear"], gathered.asked) == ""
