"""Whether steps taught anything, and what is said of those that did not."""

from __future__ import annotations

from llmi_train.rollout.closed import Closed, Missing, Share
from llmi_train.rollout.learnt import UNCHANGED, even, figures_of, notes, nothing
from llmi_train.rows.gathering import EQUAL

LONG = "longer than --longest"


def step(rows: int = 0, missing: int = 0, **left_out: int) -> Closed:
    gone = tuple(Missing(prompt="p", member=n, episode=None, why="gone") for n in range(missing))
    why = {{"same": EQUAL, "long": LONG}[name]: count for name, count in left_out.items()}
    share = Share(episodes=("e",) * (8 - missing), missing=gone, left_out=why, rows=rows)
    return Closed.of(1, "w@0", 8, (share,))


def test_rewards_that_are_the_same_are_told_from_episodes_that_are_too_long() -> None:
    assert even([step(same=8), step(same=7, missing=1)])
    assert not even([step(same=8), step(long=8)])
    assert not even([step(missing=8)])


def test_the_error_names_the_most_common_reason_and_what_to_do() -> None:
    assert "because: gone; see that tools and judges are there" in str(nothing([step(missing=8)]))
    told = str(nothing([step(long=8), step(missing=3, long=5)]))
    assert told.startswith("in 2 steps in a row there was nothing to learn from")
    assert f"because: {LONG}; go on with --resume; if an option is why, train anew" in told
    assert "too few episodes have a reward" in str(nothing([step()]))


def test_a_training_that_ends_without_learning_says_so() -> None:
    assert notes([step(same=8)]) == (UNCHANGED,)
    assert notes([step(rows=8)]) == ()
    assert notes([step(missing=8), step(rows=8)]) == ()
    assert notes([step(rows=8), step(missing=8), step(missing=8)]) == (
        "nothing could be learnt from the last 2 steps, most often because: gone",
    )


def test_figures_of_a_skipped_step_are_those_of_its_rollouts() -> None:
    told = {"kl": 0.1, "reward": 7.0}
    own = {"reward": None, "valid": None, "missing": 1.0}
    assert figures_of(step(missing=8), told) == {**own, "rows": 0.0}
    assert figures_of(step(rows=4), told) == {
        "kl": 0.1,
        "reward": 0.0,
        "valid": None,
        "missing": 0.0,
    }
