"""How the groups compare: how many rows each has, and how measures differ between them."""

from __future__ import annotations

from calendar import month_name
from typing import TYPE_CHECKING

from llmi_offline.blocks import chart_figure
from llmi_offline.charts import groups as charts
from llmi_offline.charts.time import shares_by_month
from llmi_offline.facts.groups import (
    Contrast,
    Crossing,
    Levels,
    crossing,
    levels,
    nearly_even,
    nearly_level,
    ties,
)
from llmi_offline.facts.sample import MOST_GROUPS
from llmi_offline.facts.series import highest, level_with, lowest
from llmi_offline.phrases import (
    capital,
    correlation,
    count,
    label,
    listed,
    named,
    others,
    plain,
    quoted,
    rounded,
    share,
    spelled,
)

if TYPE_CHECKING:
    from llmi_offline.blocks import Block
    from llmi_offline.facts.study import Study

_FEW = 5


def grouping(study: Study) -> list[Block]:
    """The categories: counts, their months, the clearest contrast, the closest pair."""
    categories = study.categories
    if not categories:
        return []
    first = levels(study, categories[0])
    blocks: list[Block] = [_counts(study, first), *_spread(study, first)]
    rest = [levels(study, column) for column in categories[1:4]]
    if rest:
        blocks.append(" ".join(_briefly(study, seen, turn) for turn, seen in enumerate(rest)))
    blocks += _contrast(study)
    blocks += _crossing(study)
    return blocks


def _counts(study: Study, seen: Levels) -> str:
    names, counts = [quoted(name) for name in seen.counts.index], list(map(int, seen.counts))
    if seen.even:
        many = spelled(len(counts), "value")
        return f"{capital(named(seen.column))} splits the rows evenly: each of its {many} has {study.rows(counts[0])}."
    if nearly_even(seen):
        many = spelled(len(counts), "value")
        return (
            f"{capital(named(seen.column))} splits the rows almost evenly: each of its {many} has between "
            f"{count(counts[-1])} and {study.rows(counts[0])}."
        )
    tied = ties(seen)
    if tied > 1:
        who = listed(names[:tied]) if tied <= _FEW else spelled(tied, "value")
        return f"In {named(seen.column)}, {who} are equally frequent and ahead of the rest, with {study.rows(counts[0])} each."
    first = f"{study.rows(counts[0])} or {share(counts[0], seen.filled)}"
    if nearly_level(seen):
        text = (
            f"Two values of {named(seen.column)} lead almost level, {names[0]} with {first} and {names[1]} with "
            f"{count(counts[1])}"
        )
        names, counts = names[1:], counts[1:]
    else:
        text = f"The most frequent value of {named(seen.column)} is {names[0]}, with {first}"
    if len(counts) == 1:
        return text + "."
    if len(counts) == 2 and not nearly_level(seen):
        return f"{text}; the other, {names[1]}, has {count(counts[1])}."
    rest = [f"{name} ({count(n)})" for name, n in zip(names[1:_FEW], counts[1:_FEW], strict=False)]
    more = (
        f", and {spelled(len(counts) - _FEW)} more {'follows' if len(counts) == _FEW + 1 else 'follow'}"
        if len(counts) > _FEW
        else ""
    )
    return f"{text}. Then come {listed(rest)}{more}."


def _briefly(study: Study, seen: Levels, turn: int) -> str:
    top, part = quoted(seen.counts.index[0]), share(int(seen.counts.iloc[0]), seen.filled)
    many = spelled(len(seen.counts), "value")
    if nearly_even(seen) and not seen.even:
        return f"The {many} of {named(seen.column)} are almost equally frequent."
    if seen.even:
        return f"The {many} of {named(seen.column)} are equally frequent."
    if ties(seen) > 1:
        return f"{capital(named(seen.column))} has {many}, none of them alone in front."
    forms = (
        f"{capital(named(seen.column))} has {many}, and {top} leads with {part} of the {study.noun}s.",
        f"Among the {many} of {named(seen.column)}, {top} is the most common ({part}).",
        f"In {named(seen.column)}, {part} of the {study.noun}s are {top}; there are {many}.",
    )
    return forms[turn % len(forms)]


def _spread(study: Study, seen: Levels) -> list[Block]:
    """The category through the months if there are years of it, else its counts as bars."""
    clock = study.clock
    if (
        clock
        and clock.seasonal
        and not clock.panel
        and not seen.even
        and len(seen.counts) <= MOST_GROUPS
    ):
        return _by_month(study, seen)
    panel = study.clock.panel if study.clock else ""
    if nearly_even(seen) or len(seen.counts) < 2 or seen.column == panel or ties(seen) > 1:
        return []
    top, part = plain(seen.counts.index[0]), share(int(seen.counts.iloc[0]), seen.filled)
    name = plain(label(seen.column))
    caption = f"How often each value of {name} occurs; {top} is the most frequent with {part}."
    title = f"{capital(top)} is the most frequent {name}, {part}"
    return [chart_figure(caption, charts.frequencies(study, seen, title), "The bars compare them.")]


def _by_month(study: Study, seen: Levels) -> list[Block]:
    clock = study.clock
    if not clock:
        return []
    top = seen.counts.index[0]
    part = study.filled(clock.column, seen.column)
    hits = (part[seen.column].astype("str") == top).groupby(part[clock.column].dt.month).mean()
    if hits.nunique() < 2:
        return []
    high, low = int(highest(hits)), int(lowest(hits))
    most, least = share(hits.loc[high], 1), share(hits.loc[low], 1)
    text = (
        f"The mix changes with the month: {quoted(top)} covers {most} of the {study.noun}s in "
        f"{month_name[high]} and {least} in {month_name[low]}."
    )
    name = plain(label(seen.column))
    caption = (
        f"The share of each value of {name} by month; {plain(top)} ranges from {least} in "
        f"{month_name[low]} to {most} in {month_name[high]}."
    )
    intro = f"Each bar is one month of the year with all its {study.noun}s."
    title = f"{capital(plain(top))} is most frequent in {month_name[high]}, at {most} of the {study.noun}s"
    if level_with(hits, high):
        title = (
            f"The share of {plain(top)} goes from {least} to {most} of the {study.noun}s of a month"
        )
    return [text, chart_figure(caption, shares_by_month(study, clock, seen, title), intro)]


def _contrast(study: Study) -> list[Block]:
    found = study.contrasts
    if not found:
        return []
    seen = next((c for c in found if c.telling), found[0])
    if not seen.telling:
        text = (
            f"No grouping tells much about the numbers: even the clearest, {named(seen.measure)} by "
            f"{named(seen.category)}, accounts for {share(seen.share, 1)} of the variance."
        )
        return [text]
    other = next((c for c in found if c.measure != seen.measure and c.share >= 0.05), None)
    text = _contrast_text(study, seen) + (_contrast_beside(other) if other else "")
    name, group = plain(label(seen.measure)), plain(seen.means.index[0])
    last = plain(seen.means.index[-1])
    caption = (
        f"{capital(name)} by {plain(label(seen.category))}: the mean runs from {rounded(seen.means.iloc[-1])} "
        f"({last}{others(seen.as_low, 'value')}) to {rounded(seen.means.iloc[0])} ({group})."
    )
    lowest_too = "" if seen.as_low else f", lowest for {last}"
    title = f"{capital(name)} is highest on average for {group}{lowest_too}"
    flat = study.frame[seen.measure].quantile(0.25) == study.frame[seen.measure].quantile(0.75)
    draw = charts.mean_bars if flat else charts.boxes
    intro = (
        "The bars compare the means." if flat else "The boxes hold the middle half of each group."
    )
    return [text, chart_figure(caption, draw(study, seen, title), intro)]


def _contrast_text(study: Study, seen: Contrast) -> str:
    high, low = seen.means.index[0], seen.means.index[-1]
    rows = [study.rows(int(seen.counts.loc[group])) for group in (high, low)]
    return (
        f"The clearest difference found between groups is that of {named(seen.measure)} by {named(seen.category)}: its "
        f"mean is {rounded(seen.means.iloc[0])} for {quoted(high)} ({rows[0]}) and "
        f"{rounded(seen.means.iloc[-1])} for {quoted(low)} ({rows[1]}){others(seen.as_low, 'value')}. The grouping accounts for "
        f"{share(seen.share, 1)} of the variance."
    )


def _contrast_beside(seen: Contrast) -> str:
    return (
        f" For {named(seen.measure)}, {named(seen.category)} accounts for {share(seen.share, 1)}, with means from "
        f"{rounded(seen.means.iloc[-1])} ({quoted(seen.means.index[-1])}{others(seen.as_low, 'value')}) to {rounded(seen.means.iloc[0])} "
        f"({quoted(seen.means.index[0])})."
    )


def _crossing(study: Study) -> list[Block]:
    seen = crossing(study)
    if not seen:
        return []
    totals = seen.table.sum()
    column = highest(totals)
    parts = seen.table[column] / seen.table.sum(axis=1)
    high, low = highest(parts), lowest(parts)
    text = (
        f"Of the groupings compared, {named(seen.rows)} and {named(seen.columns)} say most about each other "
        f"(Cramér's V {correlation(seen.strength)} on a scale from 0 to 1). "
        f"{_crossed(seen, str(column), str(high), str(low))}"
    )
    caption = (
        f"How {plain(label(seen.columns))} is spread within {plain(label(seen.rows))}: {plain(column)} has "
        f"{share(parts.loc[high], 1)} of {plain(high)} and {share(parts.loc[low], 1)} of {plain(low)}."
    )
    title = f"{capital(plain(column))} is most common with {plain(high)}, least with {plain(low)}"
    if level_with(parts, high) or level_with(parts, low):
        title = f"How {plain(label(seen.columns))} is spread within {plain(label(seen.rows))}"
    return [
        text,
        chart_figure(
            caption,
            charts.crossed(study, seen, title),
            f"Each bar is one value of {named(seen.rows)}.",
        ),
    ]


def _crossed(seen: Crossing, column: str, high: str, low: str) -> str:
    told = []
    for row in (high, low):
        hits, total = int(seen.table.loc[row, column]), int(seen.table.loc[row].sum())  # type: ignore[arg-type]
        told.append(f"{share(hits, total)} of the {count(total)} rows with {quoted(row)}")
    return f"The value {quoted(column)} is found in {told[0]}, but in {told[1]}."
