"""What the data holds: rows, columns, period, gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from llmi_offline.facts.extremes import spread
from llmi_offline.phrases import (
    capital,
    count,
    exact,
    listed,
    markdown,
    moment,
    named,
    quoted,
    rounded,
    share,
    spelled,
)

if TYPE_CHECKING:
    from llmi_offline.blocks import Block
    from llmi_offline.facts.study import Study

_NAMED = 6
_LISTED = 40
_SUMMARISED = 8
_ROLES = (
    ("dates", "one date", "dates"),
    ("measures", "one column of numbers", "columns of numbers"),
    ("categories", "one column of categories", "columns of categories"),
    ("flags", "one yes-or-no column", "yes-or-no columns"),
    ("labels", "one column of names or short text", "columns of names or short text"),
    ("texts", "one column of longer text", "columns of longer text"),
    ("identifiers", "one column that tells rows apart", "columns that tell rows apart"),
    ("codes", "one column of codes", "columns of codes"),
    ("places", "one coordinate", "coordinates"),
    ("constants", "one column that never changes", "columns that never change"),
    ("empties", "one empty column", "empty columns"),
)


def holdings(study: Study) -> list[Block]:
    """What the table is made of."""
    told = [_size(study), _period(study), _missing(study), _oddities(study), *study.table.notes]
    blocks: list[Block] = [" ".join(filter(None, told))]
    if study.roles.measures:
        blocks += [_summary_lead(study), _summary(study)]
    return blocks


def single_row(study: Study) -> list[Block]:
    """The values of the only row, one a line."""
    frame = study.frame
    told = [
        _size(study),
        *study.table.notes,
        "Its values are these; one row leaves nothing to compare.",
    ]
    lines = ["| column | value |", "|:--|:--|"]
    for column in map(str, frame.columns[:_LISTED]):
        value = frame[column].iloc[0]
        lines.append(f"| {named(column)} | {_cell(study, value)} |")
    rest = len(frame.columns) - _LISTED
    more = (
        [f"{capital(spelled(rest, 'more column is', 'more columns are'))} left out here."]
        if rest > 0
        else []
    )
    return [" ".join(told), "\n".join(lines), *more]


def _cell(study: Study, value: Any) -> str:
    if pd.isna(value):
        return "missing"
    if isinstance(value, pd.Timestamp):
        return moment(value, "day" if value == value.normalize() else "hour")
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)
    return exact(float(value)) if number else markdown(value)


def names(columns: list[str]) -> str:
    """The columns' names, at most six of them."""
    shown = [named(column) for column in columns[:_NAMED]]
    rest = len(columns) - len(shown)
    return listed([*shown, spelled(rest, "other")] if rest else shown)


def _size(study: Study) -> str:
    rows, columns = study.frame.shape
    parts = [
        f"{single if len(found) == 1 else spelled(len(found)) + ' ' + several} ({names(found)})"
        for role, single, several in _ROLES
        if (found := getattr(study.roles, role))
    ]
    made_of = f": {listed(parts)}" if parts else ""
    return (
        f"The file *{markdown(study.table.name)}* holds {count(rows, 'row')} in "
        f"{spelled(columns, 'column')}{made_of}."
    )


def _period(study: Study) -> str:
    clock = study.clock
    if not clock:
        return ""
    start, end = study.date(clock.start), study.date(clock.end)
    if study.noun != "row":
        return f"Each row is one {study.noun}, from {start} to {end}{_gaps(study)}."
    dated = f"The dates in {named(clock.column)} run from {start} to {end}"
    if clock.panel:
        each = f"one row for each date and each value of {named(clock.panel)}"
        return f"{dated}, with at most {each}{_gaps(study)}."
    if clock.stride > 1 and clock.single:
        return f"{dated}, as a rule one row every {spelled(clock.stride)} {clock.grain}s{_gaps(study)}."
    if clock.regular:
        return f"{dated}, one row at a time{_gaps(study)}."
    return f"{dated}; {spelled(clock.steps, 'different date')} occur."


def _gaps(study: Study) -> str:
    clock = study.clock
    if not clock or not clock.regular:
        return ""
    unit = (
        "working day"
        if clock.weekdays_only
        else "step"
        if clock.grain == "hour" or clock.stride > 1
        else clock.grain
    )
    if not clock.gaps:
        return f", and no {unit} in between is missing"
    verb = "is" if clock.gaps == 1 else "are"
    return f"; {spelled(clock.gaps, unit)} in between {verb} missing"


def _missing(study: Study) -> str:
    missing = study.frame.isna().sum()
    missing = missing[(missing > 0) & (missing < len(study.frame))].sort_values(
        ascending=False, kind="stable"
    )
    empty = names(study.roles.empties)
    hollow = (
        f"{capital(empty)} {'is' if len(study.roles.empties) == 1 else 'are'} empty throughout."
        if empty
        else ""
    )
    if missing.empty:
        return hollow or "Every cell is filled."
    most, gaps = str(missing.index[0]), int(missing.iloc[0])
    told = f"{count(gaps, 'value')} ({share(gaps, len(study.frame))} of the rows)"
    if len(missing) == 1:
        verb = "is" if gaps == 1 else "are"
        return f"Only {named(most)} has gaps: {told} {verb} missing. {hollow}".strip()
    verb = "lacks" if len(missing) > 1 else "lack"
    return f"Values are missing in {spelled(len(missing))} columns; {named(most)} {verb} most, {told}. {hollow}".strip()


def _oddities(study: Study) -> str:
    sentences = []
    for column in study.roles.constants[:3]:
        value = study.frame[column].dropna().iloc[0]
        sentences.append(
            f"{capital(named(column))} never changes: it is {quoted(value)} wherever it is filled."
        )
    for first, second in study.mirrors[:2]:
        sentences.append(
            f"{capital(named(second))} divides the rows exactly as {named(first)} does, so only "
            f"{named(first)} is looked at below."
        )
    repeated = int(study.frame.duplicated().sum()) if len(study.frame) <= 300_000 else 0
    repeated *= len(study.frame.columns) > 1
    if repeated:
        verb = "repeats" if repeated == 1 else "repeat"
        sentences.append(
            f"{capital(spelled(repeated, 'row'))} {verb} an earlier row in every column."
        )
    return " ".join(sentences)


def _summary_lead(study: Study) -> str:
    shown = study.roles.measures[:_SUMMARISED]
    which = (
        "the numbers"
        if len(shown) == len(study.roles.measures)
        else f"the first {spelled(len(shown))} numeric columns"
    )
    return f"At a glance, {which} range as follows; averages are rounded to three figures."


def _summary(study: Study) -> str:
    rows = ["| column | values | lowest | median | mean | highest |", "|:--|--:|--:|--:|--:|--:|"]
    for measure in study.roles.measures[:_SUMMARISED]:
        seen = spread(study, measure)
        cells = [
            named(measure),
            count(seen.filled),
            exact(seen.low),
            rounded(seen.median),
            rounded(seen.mean),
            exact(seen.high),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
