"""What the report cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_offline.phrases import named, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmi_offline.facts.study import Study


ORIGIN = (
    "*Written by LLMI's offline writer, which is a program that computes and fills in sentences, not a language "
    "model. Text and charts read the attached data in the same way, and every number is computed from it.*"
)


def limits(studies: Sequence[Study]) -> str:
    """What is not in the data, and what was not done with it."""
    sentences = [_causes(), *_time(studies), *_gaps(studies), *_left_out(studies)]
    if len(studies) > 1:
        sentences.append(
            "The tables are described one by one; whether and how they belong together is not guessed at."
        )
    return " ".join(sentences)


def _causes() -> str:
    return (
        "Everything above is counted or averaged from the rows of the file, and it goes no further than they do. "
        "Reasons were not looked for, so none are given here; how the values were collected is not considered, and "
        "units are known only as far as column names, or signs beside the numbers, tell."
    )


def _time(studies: Sequence[Study]) -> list[str]:
    clocks = [study.clock for study in studies if study.clock]
    if not clocks:
        if any(study.roles.dates for study in studies):
            return ["There are no two different dates, so no change over time can be told."]
        return ["No column was read as dates, so no change over time is told."]
    if all(clock.years < 10 for clock in clocks):
        return ["The period is too short to call any change in it lasting."]
    return []


def _gaps(studies: Sequence[Study]) -> list[str]:
    gappy = [study for study in studies if study.frame.isna().any(axis=None)]
    if not gappy:
        return []
    return [
        "Missing values were left out, never filled in; if they are missing for a reason, the averages lean."
    ]


def _left_out(studies: Sequence[Study]) -> list[str]:
    told = []
    for study in studies:
        skipped = study.roles.texts + study.roles.codes + study.roles.places
        if skipped:
            shown = " and ".join(named(column) for column in skipped[:2])
            more = (
                f" and {spelled(len(skipped) - 2, 'other column', 'other columns')}"
                if len(skipped) > 2
                else ""
            )
            told.append(f"What stands in {shown}{more} was not read for meaning.")
    return told
