"""From votes to scores: the median of those that count, or why there is none."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import Score
from llmi_agent.judges.ballot import Vote

MOST_ERROR = 600
Fate: TypeAlias = Literal["answered", "unanswered", "hopeless"]
"""Of a question: whether its model has taken it in, and, where it has not, whether it will never take in any."""
_MOST_SUMMARY = 1_000


@dataclass(frozen=True)
class Cast:
    """What came of asking for one vote."""

    vote: Vote | None = None
    judge: str = ""
    """Who answered."""
    error: str = ""
    """Why it is no vote."""
    fate: Fate = "answered"


def shortfall(casts: Sequence[Cast]) -> str:
    """Why there is no score: fewer than half of the votes count. Empty if there is one."""
    failed = [each.error for each in casts if each.vote is None]
    if len(failed) * 2 <= len(casts) and len(failed) < len(casts):
        return ""
    said = "; ".join(
        words if count == 1 else f"{words} ({count} times)"
        for words, count in Counter(failed).items()
    )
    if len(casts) == 1:
        return one_line(f"the judge gave no vote: {said}", MOST_ERROR)
    return one_line(f"{len(failed)} of {len(casts)} votes do not count: {said}", MOST_ERROR)


def score_of(
    casts: Sequence[Cast], component: str, entry: str, field: str, *, lowest: float, highest: float
) -> Score:
    """The median of the votes that count, from 0 to 1, with the reason of one that is nearest to it."""
    votes = [each.vote for each in casts if each.vote]
    marks = [each.marks[entry][field] for each in votes]
    middle = statistics.median(marks)
    nearest = min(votes, key=lambda each: abs(each.marks[entry][field] - middle))
    reason = nearest.reasons[entry]
    if nearest.accuses:
        reason = one_line(f"the document speaks to its judge. {reason}", _MOST_SUMMARY)
    return Score(
        component=component,
        value=(middle - lowest) / (highest - lowest),
        reason=reason,
        votes=tuple(marks) if len(casts) > 1 else (),
        judge=", ".join(sorted({each.judge for each in casts if each.vote})),
    )


def mean_of(
    scores: Sequence[Score], component: str, called: Sequence[str], lack: str = ""
) -> Score:
    """The mean of scores of one kind, for the whole document.

    called: what each of them is about, in words. lack: what could not be counted, and why. With no score at all it is the
    error.
    """
    if not scores:
        return Score(component=component, value=None, error=one_line(lack, MOST_ERROR))
    said = [f"{name}: {each.reason}" for name, each in zip(called, scores, strict=True)]
    several = [each.votes for each in scores if each.votes]
    return replace(
        scores[0],
        component=component,
        slot=None,
        value=statistics.fmean(each.value for each in scores if each.value is not None),
        reason=one_line("; ".join(filter(None, [lack, *said])), _MOST_SUMMARY),
        votes=tuple(map(statistics.fmean, zip(*several, strict=True))),
    )
