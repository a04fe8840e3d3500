"""What `llmi-train online` says at its start."""

from __future__ import annotations

import pytest

from llmi_train.cli.online_run import late_judge


@pytest.mark.parametrize(
    ("judge", "picture_judge", "judging", "step", "warned"),
    [
        ("m", None, 180.0, 600.0, False),
        ("m", None, 600.0, 600.0, True),
        (None, "m", 900.0, 600.0, True),
        (None, None, 180.0, 60.0, False),
    ],
)
def test_a_judge_that_may_be_waited_for_beyond_the_step_is_said(
    judge: str | None, picture_judge: str | None, judging: float, step: float, warned: bool
) -> None:
    given = {"judge": judge, "picture_judge": picture_judge}
    said = late_judge({**given, "judge_deadline": judging, "step_deadline": step})
    assert ("--judge-deadline" in said) == warned
