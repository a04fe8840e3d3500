"""What stands out: records, runs, uneven sums, values far from the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from llmi_offline.blocks import chart_figure
from llmi_offline.charts import numbers as charts
from llmi_offline.facts.extremes import Run, Spread, longest_run, spread, top_tenth
from llmi_offline.facts.groups import levels
from llmi_offline.phrases import (
    capital,
    count,
    exact,
    label,
    named,
    plain,
    quoted,
    rounded,
    share,
    spelled,
)

if TYPE_CHECKING:
    from llmi_offline.blocks import Block
    from llmi_offline.facts.study import Study

_UNEVEN = 0.2
_SPARSE = 0.9
_TOP_HEAVY = 0.4
_MANY = 20
"""Rows that share an extreme, beyond which none of them is singled out."""


def standouts(study: Study, *, few: bool = False) -> list[Block]:
    """Records of the leading measures, then runs, then the shape of one distribution; twice if charts are few."""
    spreads = _unlike(_all_spreads(study))[:3]
    if not spreads:
        return []
    blocks: list[Block] = [
        " ".join(_record(study, seen, turn) for turn, seen in enumerate(spreads))
    ]
    blocks += _named_top(study, spreads[0])
    runs = [
        run
        for run in (_category_run(study), *(_zero_run(study, s) for s in _all_spreads(study)))
        if run
    ]
    if runs:
        blocks.append(" ".join(_run_text(study, run, turn) for turn, run in enumerate(runs)))
    blocks += _distribution(study, few=few)
    return blocks


def _all_spreads(study: Study) -> list[Spread]:
    return [spread(study, measure) for measure in study.measures[:8]]


def _unlike(spreads: list[Spread]) -> list[Spread]:
    """Without those whose record is another's, such as a total and its main part."""
    kept: list[Spread] = []
    for seen in spreads:
        if all((seen.high, seen.high_at) != (other.high, other.high_at) for other in kept):
            kept.append(seen)
    return kept


def _record(study: Study, seen: Spread, turn: int) -> str:
    if seen.low == seen.high:
        return ""
    high, low = _where(study, seen.high_at, seen.highs), _where(study, seen.low_at, seen.lows)
    name = named(seen.measure)
    if turn == 0:
        return f"The highest {name} is {exact(seen.high)}, {high}; the lowest is {exact(seen.low)}, {low}."
    if seen.lows > 0.05 * seen.filled:
        return f"{capital(name)} reaches {exact(seen.high)}, {high}."
    return f"{capital(name)} ranges from {exact(seen.low)}, {low}, to {exact(seen.high)}, {high}."


def _where(study: Study, at: Any, ties: int) -> str:
    """Which row it is: its date, its name or its number, and how many share the value."""
    if ties > _MANY:
        return f"{'on' if study.noun == 'day' else 'in'} {study.rows(ties)}"
    shared = f" (and {count(ties - 1, f'other {study.noun}')})" if ties > 1 else ""
    row = study.frame.loc[at]
    parts = []
    name = _name_column(study)
    if name and pd.notna(row[name]):
        parts.append(f"for {quoted(row[name])}")
    clock = study.clock
    if clock and clock.panel and pd.notna(row[clock.panel]) and clock.panel != name:
        parts.append(f"for {quoted(row[clock.panel])}")
    if clock and pd.notna(row[clock.column]):
        word = "on" if clock.grain in ("day", "hour", "week") else "in"
        parts.append(f"{word} {study.date(row[clock.column])}")
    return (" ".join(parts) or f"in row {int(at) + 1:,}") + shared


def _name_column(study: Study) -> str:
    """A label that tells rows apart, if there is no date that does."""
    if study.clock and study.clock.single:
        return ""
    return next((c for c in study.roles.labels if study.frame[c].notna().mean() > 0.9), "")


def _named_top(study: Study, seen: Spread) -> list[Block]:
    name = _name_column(study)
    if not name or study.clock or seen.filled < 4:
        return []
    top = plain(study.frame.loc[seen.high_at, name])
    measure = plain(label(seen.measure))
    title = f"{capital(top)} has the highest {measure}, {exact(seen.high)}"
    caption = f"The rows with the highest {measure}; {top} leads with {exact(seen.high)}."
    if seen.highs > 1:
        title = f"No row has more than {exact(seen.high)} in {measure}"
        caption = f"The rows with the highest {measure}, {exact(seen.high)} at most."
    return [
        chart_figure(
            caption,
            charts.named_bars(study, seen.measure, name, title),
            "The bars show those at the top.",
        )
    ]


def _category_run(study: Study) -> Run | None:
    for column in study.categories[:1]:
        if levels(study, column).counts.iloc[0] > 2:
            return longest_run(
                study, study.frame[column].astype("str").where(study.frame[column].notna()), column
            )
    return None


def _zero_run(study: Study, seen: Spread) -> Run | None:
    """The longest stretch at zero of a measure that often is zero."""
    if not _UNEVEN <= seen.zeros / seen.filled < 1 or seen.low < 0:
        return None
    zeros = (study.frame[seen.measure] == 0).astype("str").where(study.frame[seen.measure] == 0)
    return longest_run(study, zeros, seen.measure)


def _run_text(study: Study, run: Run, turn: int) -> str:
    where = f"from {study.date(run.start)} to {study.date(run.end)}"
    value = "0" if run.value == "True" else quoted(run.value)
    if run.equals:
        where += f" (and {spelled(run.equals, 'other run')} as long)"
    if turn == 0:
        return f"The longest unbroken run of one value in {named(run.column)} is {study.rows(run.length)} of {value}, {where}."
    return f"{capital(named(run.column))} stayed at {value} for {study.rows(run.length)} on end, {where}."


def _distribution(study: Study, *, few: bool) -> list[Block]:
    spreads = [seen for seen in _all_spreads(study) if seen.low < seen.high and seen.filled >= 8]
    if not spreads:
        return []
    uneven = [s for s in spreads if s.low >= 0 and _UNEVEN <= s.zeros / s.filled <= _SPARSE]
    if uneven and top_tenth(study, uneven[0].measure) >= _TOP_HEAVY:
        return _uneven(study, uneven[0]) + (_histogram(study, uneven[0]) if few else [])
    sparse = [s for s in spreads if s.zeros > _SPARSE * s.filled]
    full = [s for s in spreads if s not in sparse] or spreads
    seen = max(full, key=lambda s: s.outside / s.filled)
    told: list[Block] = [
        " ".join(_sparse(study, s, turn) for turn, s in enumerate(_unlike(sparse)[:2]))
    ]
    if len(spreads) == 1 or few:
        return [*told, *_histogram(study, seen), *_cumulative(study, seen)]
    return [*told, *_histogram(study, seen)]


def _sparse(study: Study, seen: Spread, turn: int) -> str:
    other = seen.filled - seen.zeros
    if turn:
        return f"So is {named(seen.measure)}, but for {study.rows(other)} ({share(other, seen.filled)})."
    verb = "holds" if other == 1 else "hold"
    return (
        f"{capital(named(seen.measure))} is almost always 0: {study.rows(other)} ({share(other, seen.filled)}) "
        f"{verb} everything it adds up to."
    )


def _uneven(study: Study, seen: Spread) -> list[Block]:
    part = share(top_tenth(study, seen.measure), 1)
    name, noun = named(seen.measure), study.noun
    text = (
        f"{capital(name)} is unevenly spread: it is 0 on {study.rows(seen.zeros)} "
        f"({share(seen.zeros, seen.filled)}), while the highest tenth of the {noun}s holds {part} of everything "
        "it adds up to."
    )
    if noun == "row":
        text = text.replace("it is 0 on", "it is 0 in")
    shown = plain(label(seen.measure))
    caption = f"How the sum of {shown} builds up from the highest {noun} down; the top tenth holds {part}."
    intro = f"The curve adds the {noun}s up, the highest first."
    title = f"The top tenth of the {noun}s holds {part} of all {shown}"
    return [text, chart_figure(caption, charts.accumulated(study, seen.measure, title), intro)]


def _histogram(study: Study, seen: Spread) -> list[Block]:
    name = named(seen.measure)
    if seen.outside:
        verb = "lies" if seen.outside == 1 else "lie"
        text = (
            f"By the usual rule of 1.5 interquartile ranges, {study.rows(seen.outside)} "
            f"({share(seen.outside, seen.filled)}) {verb} far outside the bulk of {name}, that is {_fences(seen)}."
        )
    else:
        text = (
            f"No value of {name} lies more than 1.5 interquartile ranges outside the middle half."
        )
    shown = plain(label(seen.measure))
    caption = f"The distribution of {shown}, with its median of {rounded(seen.median)}."
    title = f"Half of the values of {shown} are at most {rounded(seen.median)}"
    return [
        text,
        chart_figure(
            caption, charts.histogram(study, seen, title), "The histogram shows how the values lie."
        ),
    ]


def _fences(seen: Spread) -> str:
    low, high = seen.fence
    below = [f"below {rounded(low)}"] if seen.low < low else []
    above = [f"above {rounded(high)}"] if seen.high > high else []
    return " or ".join(below + above)


def _cumulative(study: Study, seen: Spread) -> list[Block]:
    shown = plain(label(seen.measure))
    lower, upper = (float(study.frame[seen.measure].quantile(q)) for q in (0.25, 0.75))
    text = f"The middle half of the values of {named(seen.measure)} lies between {rounded(lower)} and {rounded(upper)}."
    caption = f"The part of the {study.noun}s at or below each value of {shown}; dotted lines mark the quarters."
    title = f"The middle half of {shown} lies between {rounded(lower)} and {rounded(upper)}"
    return [
        text,
        chart_figure(
            caption,
            charts.cumulative(study, seen.measure, title),
            "The curve climbs fastest where values are most common.",
        ),
    ]
