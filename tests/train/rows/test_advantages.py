"""Advantages: once for each group, of drafts by their totals, and of repairs by what scores them."""

from __future__ import annotations

from statistics import stdev

import numpy as np
import pytest

from llmi_agent.base.errors import InputError
from llmi_train.rows.advantages import advantages_of
from llmi_train.rows.faults import BadTrace, MixedGroup
from llmi_train.rows.gathering import rows_of

from .scene import DRAFT, NEXT, PROMPT, Call, Home, repair, slot_reward, total


def test_an_advantage_is_the_distance_from_the_mean_in_standard_deviations_as_trl_has_it() -> None:
    found = advantages_of({"a": 0.0, "b": 1.0, "c": 0.25, "d": 0.25})
    right = (np.array([0.0, 1.0, 0.25, 0.25]) - 0.375) / (stdev((0.0, 1.0, 0.25, 0.25)) + 1e-4)
    np.testing.assert_allclose([*found.values()], right, rtol=1e-12)


@pytest.mark.parametrize(
    "rewards", [{}, {"a": 0.5}, {"a": 0.5, "b": 0.5}, {"a": 0.1 + 0.2, "b": 0.3, "c": 0.3}]
)
def test_nothing_is_learnt_from_one_reward_or_from_equal_ones(rewards: dict[str, float]) -> None:
    assert advantages_of(rewards) == {}


WHOLE = (*PROMPT, *DRAFT, *NEXT)


def mended(home: Home, *values: float | None) -> None:
    """Episodes, each with a repair that goes on from its draft, and what that was given."""
    for number, value in enumerate(values):
        given = [slot_reward(value)] if value is not None else []
        calls = [Call(), repair((40, 99), WHOLE)]
        home.episode(f"e{number}", *calls, rewards=[*given, total(number / 10)], member=number)


def test_repairs_are_not_trained_on_unless_something_scores_them(home: Home) -> None:
    mended(home, 0.2, 0.8)
    plain = rows_of(home.root)
    assert [tuple(row.segment.completion) for row in plain.rows] == [DRAFT, DRAFT]
    assert plain.report.merged == 2


def test_repairs_that_nothing_scores_as_it_was_asked_for_are_an_error(home: Home) -> None:
    mended(home, 0.2, 0.8)
    with pytest.raises(InputError, match="scored by 'mend'; what they were given: mended"):
        rows_of(home.root, repairs="mend")


def test_repairs_may_be_scored_by_another_reward_than_the_total(home: Home) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        given = [slot_reward(value, profile="mine"), total(value)]
        home.episode(name, Call(), repair((40, 99), WHOLE), rewards=given)
    first, second = rows_of(home.root, profile="llmi@1", repairs="mended").rows
    assert first.advantages[-1] < 0 < second.advantages[-1]
    home.episode("c", rewards=[slot_reward(0.1, profile="yours"), total(0.5)])
    with pytest.raises(InputError, match="'mended' was given by mine, yours, and not by llmi@1"):
        rows_of(home.root, profile="llmi@1", repairs="mended")


def test_repairs_that_were_judged_differently_make_a_group_mixed(home: Home) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        given = [slot_reward(value, profile="mine", judge=f"gpt-{name}"), total(value)]
        home.episode(name, Call(), repair((40, 99), WHOLE), rewards=given)
    assert len(rows_of(home.root).rows) == 2
    with pytest.raises(MixedGroup, match="judged differently in mended"):
        rows_of(home.root, repairs="mended")


def test_repairs_have_the_advantage_of_what_scores_them(home: Home) -> None:
    mended(home, 0.2, None, 0.8)
    gathered = rows_of(home.root, repairs="mended")
    first, second, third = gathered.rows
    assert tuple(first.segment.completion) == (*DRAFT, *NEXT, 40, 99)
    assert first.segment.mask.tolist() == [1] * 4 + [0] * 2 + [1] * 2
    assert first.segment.logprobs[4:6].tolist() == [0, 0]
    right = (0.2 - 0.5) / (stdev((0.2, 0.8)) + 1e-4)
    np.testing.assert_allclose(first.advantages[6:], [right] * 2, rtol=1e-6)
    assert first.advantages[4:6].tolist() == [0, 0]
    assert tuple(second.segment.completion) == DRAFT, "nobody scored its repair"
    assert third.advantages[-1] == -first.advantages[-1]
    assert first.segment.calls == ("model-0", "model-1")
    spans = [(each.start, each.end) for each in gathered.recorded(first)]
    assert spans == [(0, 4), (6, 8)]


def test_repairs_are_trained_on_where_drafts_are_all_the_same(home: Home) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        given = [slot_reward(value), total(0.5)]
        home.episode(name, Call(), repair((40, 99), WHOLE), rewards=given)
    for row in rows_of(home.root, repairs="mended").rows:
        assert row.segment.mask.tolist() == [0] * 6 + [1] * 2
        assert not row.segment.logprobs[:6].any()


def test_a_reward_of_the_call_goes_before_that_of_its_slot(home: Home) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        of_call = slot_reward(1 - value, scope="call", about="model-1")
        home.episode(
            name,
            Call(),
            repair((40, 99), WHOLE),
            rewards=[slot_reward(value), of_call, total(value)],
        )
    first, second = rows_of(home.root, repairs="mended").rows
    assert first.advantages[-1] > 0 > second.advantages[-1]


def test_several_segments_of_an_episode_are_rows_of_one_group(home: Home) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        calls = [
            Call(),
            repair((40, 99), (*PROMPT, *DRAFT, 4, 5), slot=0),
            repair((41, 99), (*PROMPT, *DRAFT, 6), slot=1),
            repair((42, 99), (*PROMPT, 7), slot=2),
        ]
        rewards = [slot_reward(value, n) for n in range(3)]
        home.episode(name, *calls, rewards=[*rewards, total(value)])
    gathered = rows_of(home.root, repairs="mended", most_drift=0.5)
    first = [row for row in gathered.rows if row.segment.episode == "a"]
    assert [row.segment.number for row in first] == [0, 1, 2]
    assert [row.segment.purpose for row in first] == ["draft", "repair", "repair"]
    assert tuple(first[1].segment.prompt) == (*PROMPT, *DRAFT, 6)
    report = gathered.report
    assert (report.merged, report.branches, report.forks, report.drift) == (2, 2, 0, 2)
    assert (report.rows, report.used) == (6, 2)


def test_too_much_drift_is_refused_where_repairs_are_trained_on(home: Home) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        given = [slot_reward(value), total(value)]
        home.episode(name, Call(), repair((40, 99), (*PROMPT, 393, 30002, 99, 4)), rewards=given)
    with pytest.raises(InputError, match=r"2 of 2 repairs .* first in the run a: .*--most-drift"):
        rows_of(home.root, repairs="mended")
    assert rows_of(home.root).report.drift == 2
    assert len(rows_of(home.root, repairs="mended", most_drift=1).rows) == 4


def test_a_repair_by_another_policy_is_no_repair_of_this_one(home: Home) -> None:
    home.pair()
    given = {"rewards": [slot_reward(0.1), total(0.3)], "group": "good"}
    home.episode("strange", Call(), repair((40, 99), WHOLE, weights="w2"), **given)
    with pytest.raises(
        BadTrace, match=r"the run strange .* weights w1, and its repair model-1 by w2"
    ):
        rows_of(home.root, repairs="mended")
    assert len(rows_of(home.root).rows) == 3
