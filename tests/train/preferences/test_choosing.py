"""Which drafts are learnt from, of scored traces of all sorts."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces.choosing import traces
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.exchange.importing import import_traces
from llmi_train.preferences.answer import Answer
from llmi_train.preferences.choosing import APART, WRITTEN, Best, Labels, Pairs
from llmi_train.preferences.scored import Pool, scored
from llmi_train.rows.faults import BadTrace, MixedGroup, NothingToTrain
from llmi_train.rows.taking import NO_DRAFT

from ..rows.scene import PROFILE, Call, Home, total


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home-of-traces")


def draft(number: int, **more: Any) -> Call:
    """One that tells itself from others."""
    return Call(completion=(10, number, 99), text=f"# Fox {number}", **more)


def group(home: Home, *rewards: float | None, name: str = "g", **more: Any) -> None:
    for member, reward in enumerate(rewards):
        home.episode(
            f"{name}{member}", draft(member, **more), reward=reward, group=name, member=member
        )


def pool(home: Home, **more: Any) -> Pool:
    return scored(home.root, **more)


def names(answers: list[Answer]) -> list[str]:
    return [each.episode for each in answers]


def test_the_best_of_each_group_by_its_sampled_ids(home: Home) -> None:
    group(home, 0.1, 0.9, 0.5)
    group(home, 0.3, 0.2, name="h")
    found = Best().of(pool(home))
    assert names(found.taken) == ["g1", "h0"]
    (best, _) = found.taken
    assert best.ids
    assert [*best.ids.prompt] == [1, 2, 3]
    assert [*best.ids.completion] == [10, 1, 99]
    assert best.completion == {"role": "assistant", "content": "# Fox 1"}
    assert best.prompt == ({"role": "user", "content": "A fox."},)
    assert found.left_out == {"a draft that is not among the best of its group": 3}
    assert found.about["mean reward"] == pytest.approx(0.4)
    assert found.about["mean reward of what is learnt as good"] == pytest.approx(0.6)
    assert found.about["reward"] == PROFILE
    assert not found.notes


def test_several_of_a_group_and_a_least_reward(home: Home) -> None:
    group(home, 0.1, 0.9, 0.5)
    group(home, 0.8, 0.8, name="same")
    home.episode("alone", draft(7), reward=0.7, group="")
    assert names(Best(best=2).of(pool(home)).taken) == ["g1", "g2"]
    assert names(Best(least=0.6).of(pool(home)).taken) == ["alone", "g1", "same0", "same1"]
    assert names(Best(best=1, least=0.4).of(pool(home)).taken) == ["alone", "g1", "same0"]
    with pytest.raises(NothingToTrain, match="below --least: 6"):
        Best(least=0.95).of(pool(home))


def test_groups_that_show_nothing_are_counted(home: Home) -> None:
    group(home, 0.5, 0.5, name="equal")
    group(home, 0.9, None, name="half")
    home.episode("alone", draft(7), reward=0.7, group="")
    for way in (Best(), Pairs(), Labels()):
        with pytest.raises(NothingToTrain) as error:
            way.of(pool(home))
        assert "whose rewards are all the same: 2" in str(error.value)
        assert "whose group has no other with a reward: 2" in str(error.value)
        assert "no reward (score them: llmi traces score): 1" in str(error.value)


def test_a_draft_that_was_cut_is_never_a_good_one(home: Home) -> None:
    home.episode("g0", draft(0, finish="length", cut="full"), reward=0.9, member=0)
    home.episode("g1", draft(1), reward=0.5, member=1)
    home.episode("g2", draft(2, finish="length", cut="full"), reward=0.1, member=2)
    found = pool(home)
    assert names(Best().of(found).taken) == ["g1"]
    (pair,) = Pairs().of(found).taken
    assert (pair.chosen.episode, pair.rejected.episode) == ("g1", "g2")
    labels = Labels().of(found)
    assert [(each.answer.episode, each.label) for each in labels.taken] == [("g2", False)]
    assert labels.left_out["a draft that was cut at the length limit"] == 1
    assert labels.left_out["a draft that is as good as its group's mean"] == 1


def test_without_ids_a_cut_draft_is_no_bad_one_either(home: Home) -> None:
    """A template would put an end to it, which the policy did not write."""
    group(home, 0.9, 0.5, tokens=False)
    cut = draft(2, finish="max_tokens", cut="full", tokens=False)
    home.episode("g2", cut, reward=0.1, member=2)
    (pair,) = Pairs().of(pool(home)).taken
    assert pair.rejected.episode == "g1"


def test_closed_apis_give_what_was_written(home: Home) -> None:
    group(home, 0.9, 0.1, tokens=False, reasoning="Foxes are red.", model="openai/gpt-5")
    found = Best().of(pool(home))
    (best,) = found.taken
    assert best.ids is None
    assert found.notes == {WRITTEN: 1, APART: 1}
    assert found.about["written by"] == {"openai/gpt-5": 1}
    (pair,) = Pairs().of(pool(home)).taken
    assert pair.chosen.ids is None
    assert len(Labels().of(pool(home)).taken) == 2


def test_ids_of_one_half_of_a_pair_are_not_learnt_against_words(home: Home) -> None:
    home.episode("g0", draft(0), reward=0.9, member=0)
    home.episode("g1", draft(1, tokens=False), reward=0.1, member=1)
    (pair,) = Pairs().of(pool(home)).taken
    assert pair.chosen.ids is None
    assert pair.rejected.ids is None


def test_what_was_written_can_be_taken_of_all(home: Home) -> None:
    group(home, 0.9, 0.1)
    assert Best().of(pool(home, text=True)).taken[0].ids is None


def test_a_pair_needs_a_margin_and_two_texts(home: Home) -> None:
    group(home, 0.9, 0.5, 0.1)
    (pair,) = Pairs(margin=0.8).of(pool(home)).taken
    assert (pair.chosen.reward, pair.rejected.reward) == (0.9, 0.1)
    with pytest.raises(NothingToTrain, match="closer than --margin: 3"):
        Pairs(margin=0.81).of(pool(home))
    other = Home(home.root.parent / "other")
    for member, reward in enumerate((0.9, 0.1)):
        other.episode(f"s{member}", Call(), reward=reward, member=member)
    with pytest.raises(NothingToTrain, match="are the same text"):
        Pairs().of(pool(other))


def test_labels_follow_the_sign_of_the_advantage(home: Home) -> None:
    group(home, 0.9, 0.5, 0.1)
    group(home, 0.2, 0.9, name="h")
    found = Labels().of(pool(home))
    assert [(each.answer.episode, each.label) for each in found.taken] == [
        ("g0", True),
        ("g2", False),
        ("h0", False),
        ("h1", True),
    ]


def test_what_cannot_be_learnt_from_is_counted_by_its_reason(home: Home) -> None:
    group(home, 0.9, 0.1)
    home.episode("p", draft(3, language_model=False), reward=0.8, group="p")
    home.episode("s", draft(4, withheld=True), reward=0.8, group="p")
    home.episode("o", draft(5), reward=0.8, group="p", done=False)
    home.episode("t", draft(6), reward=0.8, group="p", split="test")
    home.episode("n", draft(7, accepted=False), reward=0.8, group="p")
    found = Best().of(pool(home))
    assert found.left_out == {
        "an answer of a program, which is no language model's": 1,
        "an answer that held a secret": 1,
        "a run that is not at its end": 1,
        "the split test": 1,
        NO_DRAFT: 1,
        "a draft that is not among the best of its group": 1,
    }


def test_the_reward_is_the_one_that_is_meant(home: Home) -> None:
    for member, (one, other) in enumerate([(0.9, 0.1), (0.2, 0.8)]):
        home.episode(
            f"g{member}",
            draft(member),
            rewards=[total(one, "llmi@1"), total(other, "paper@1")],
            member=member,
        )
    with pytest.raises(InputError, match="2 versions of rewards are on record"):
        pool(home)
    assert names(Best().of(pool(home, profile="llmi")).taken) == ["g0"]
    assert names(Best().of(pool(home, profile="paper@1")).taken) == ["g1"]
    with pytest.raises(InputError):
        pool(home, profile="mine")


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"model": "vllm/bear"}, "different models"),
        ({"weights": "w2"}, "different weights"),
        ({"sampling": {"temperature": 0.5}}, "sampled differently"),
    ],
)
def test_members_that_are_not_to_be_compared_are_refused_by_name(
    home: Home, other: dict[str, Any], what: str
) -> None:
    group(home, 0.9, 0.1)
    home.episode("g2", draft(2, **other), reward=0.5, member=2)
    with pytest.raises(MixedGroup, match=rf"g0.*g2 .*{what}.*--leave-out-bad"):
        pool(home)
    group(home, 0.3, 0.2, name="h")
    found = Best().of(pool(home, leave_out_bad=True))
    assert names(found.taken) == ["h0"]
    assert found.left_out["a mixed group"] == 3


def test_an_unreadable_run_is_named(home: Home) -> None:
    group(home, 0.9, 0.1)

    with sqlite3.connect(home.root / "artifacts" / "journal.db") as tables:
        tables.execute("UPDATE records SET data = x'00' WHERE episode = 'g1' AND kind = 'opened'")
    with pytest.raises(BadTrace, match=r"the run g1: .*llmi traces verify"):
        pool(home)
    group(home, 0.3, 0.2, name="h")
    found = pool(home, leave_out_bad=True)
    assert found.left_out["unreadable"] == 1


def test_exported_files_and_merged_homes_give_the_same(home: Home, tmp_path: Path) -> None:
    group(home, 0.1, 0.9, 0.5)
    other = Home(tmp_path / "second")
    group(other, 0.3, 0.2, name="h")
    wanted = names(Best().of(scored([home.root, other.root])).taken)
    assert wanted == ["g1", "h0"]
    places = []
    for ending in ("parquet", "jsonl", "jsonl.zst"):
        out = tmp_path / f"all.{ending}"
        export(traces([home.root, other.root]), out)
        places.append(out)
    store = ArtifactStore(tmp_path / "merged" / "artifacts")
    import_traces([home.root, other.root], store, unchecked=True)
    for place in (*places, tmp_path / "merged"):
        found = Best().of(scored(place)).taken
        assert names(found) == wanted
        assert [[*each.ids.completion] for each in found if each.ids] == [[10, 1, 99], [10, 0, 99]]
    assert len([*scored([home.root, home.root])]) == 3
