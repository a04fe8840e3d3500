"""Lines in the place of a bar."""

from __future__ import annotations

from itertools import count

from llmi_train.cli.lines import SECONDS, Lines
from llmi_train.cli.rollout_tally import Tally


def test_a_line_is_said_now_and_then() -> None:
    now = iter(count(0, int(SECONDS / 3)))
    at = [0.0]

    def clock() -> float:
        return at[0]

    said: list[str] = []
    lines = Lines(Tally(8, scoring=True, clock=clock), said.append, clock)
    for moment in (next(now) for _ in range(10)):
        at[0] = float(moment)
        lines.tick()
    assert len(said) == 3
    assert said[0].startswith("0 of 8 episodes, 30 s")


def test_the_time_that_is_left_is_told() -> None:
    at = [0.0]
    tally = Tally(8, scoring=False, clock=lambda: at[0])
    assert "to go" not in str(tally)
    tally.skipped, tally.written, at[0] = 2, 2, 10.0
    assert "10 s (0.2 a second), about 20 s to go" in str(tally)
    tally.written = 6
    assert "to go" not in str(tally)
