"""Whether there was anything to learn from in the steps of an online training, and if not, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile

from llmi_agent.base.errors import LlmiError
from llmi_agent.cli.text import plural
from llmi_train.rollout.closed import Closed
from llmi_train.rows.gathering import EQUAL

_SAME = "and this is the checkpoint that it started from"
UNCHANGED = f"unchanged weights: no step had anything to learn from, {_SAME}"


def changed(steps: Sequence[Closed]) -> bool:
    """Whether any of them had a row to train on."""
    return any(each.rows for each in steps)


def even(steps: Sequence[Closed]) -> bool:
    """Whether what kept each of them from teaching anything is that its rewards were all the same."""
    return all(_most(_reasons([each])) == EQUAL for each in steps)


def nothing(steps: Sequence[Closed]) -> LlmiError:
    """What is raised of steps that taught nothing."""
    missing = {each.why for step in steps for each in step.missing}
    why = reason(steps)
    way = (
        "see that tools and judges are there, and go on with --resume"
        if why in missing or not _reasons(steps)
        else "go on with --resume; if an option is why, train anew with another one into another folder"
    )
    return LlmiError(
        f"in {plural(len(steps), 'step')} in a row there was nothing to learn from, most often because: {why}; {way}"
    )


def notes(steps: Sequence[Closed]) -> tuple[str, ...]:
    """What a reader of a training's figures must know of its steps, and of the last ones."""
    if not steps:
        return (f"unchanged weights: no step was taken, {_SAME}",)
    if not changed(steps):
        return (UNCHANGED,)
    last = [*takewhile(lambda each: not each.rows, reversed(steps))]
    if not last:
        return ()
    which = "the last step" if len(last) == 1 else f"the last {len(last)} steps"
    return (f"nothing could be learnt from {which}, most often because: {reason(last)}",)


def figures_of(step: Closed, told: Mapping[str, float | None]) -> dict[str, float | None]:
    """Of a step: what its rollouts say, and if there was something to learn, what was told of that besides."""
    return {**told, **step.figures} if step.rows else {**step.figures, "rows": 0.0}


def reason(steps: Sequence[Closed]) -> str:
    """The most common one."""
    return _most(_reasons(steps)) or "too few episodes have a reward"


def _most(why: Counter[str]) -> str:
    return why.most_common(1)[0][0] if why else ""


def _reasons(steps: Sequence[Closed]) -> Counter[str]:
    """By how many episodes."""
    found: Counter[str] = Counter()
    for step in steps:
        found.update(each.why for each in step.missing)
        found.update({why: count for why, count in step.left_out.items() if count})
    return found
