"""The title, the lead, and the pictures that no data stands behind."""

from __future__ import annotations

from calendar import month_name
from typing import TYPE_CHECKING

from llmi_offline.blocks import Figure
from llmi_offline.facts.extremes import spread
from llmi_offline.facts.groups import Levels, levels, nearly_even, nearly_level, ties
from llmi_offline.facts.seasons import path, season
from llmi_offline.facts.series import highest
from llmi_offline.phrases import (
    capital,
    correlation,
    count,
    exact,
    markdown,
    moment,
    named,
    others,
    plain,
    quoted,
    rounded,
    share,
)
from llmi_offline.topic import keywords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmi_offline.facts.study import Study

_ENOUGH = 3


def title(topic: str, studies: Sequence[Study]) -> str:
    """The topic, with the years that the data covers if there is only one table."""
    span = _span(studies[0]) if len(studies) == 1 else ""
    return (
        f"{capital(plain(topic))}, {span}" if span and span not in topic else capital(plain(topic))
    )


def lead(study: Study, *, alone: bool = True) -> str:
    """The most telling findings, at most three, in one paragraph."""
    size = _tell_size(study, alone=alone)
    found = [size] if size else []
    found += [
        sentence
        for tell in (
            _tell_season,
            _tell_path,
            _tell_level,
            _tell_contrast,
            _tell_pair,
            _tell_record,
        )
        if (sentence := tell(study))
    ]
    return " ".join(found[: _ENOUGH + 1])


def illustration(topic: str) -> Figure:
    """An invented opening picture, said to be one."""
    subject = plain(topic) if keywords(topic) else "reading a table of numbers"
    prompt = (
        f"an editorial watercolour illustration on the theme of {subject}, wide format, calm composition, "
        "muted blues and warm ochre, soft light, no text, no numbers, no charts"
    )
    return Figure(
        "diffusion",
        f"An invented scene on the theme of {subject}; it shows no real place or moment.",
        {"prompt": prompt},
    )


def photograph(topic: str, study: Study) -> Figure | None:
    """A real picture by the topic's words and the data's most frequent values, if there are any."""
    words = keywords(topic)
    query = " ".join([words, *_telling_words(study, besides=words)]).strip()
    if not query:
        return None
    intro = "For a sense of the subject, here is a picture from outside the file; none of the numbers come from it."
    return Figure(
        "search",
        f"A picture for “{plain(query)}”, from outside the data.",
        {"query": query},
        intro=intro,
    )


def panorama(source: Figure) -> Figure:
    """The earlier picture as a wide, toned strip, without a word on it: it need not show the subject."""
    prompt = "crop to 21:9, make it sepia, and increase the contrast by 10%"
    told = "The same picture as a wide strip, toned sepia with a little more contrast."
    intro = "The page closes with a picture from above, as a wide and toned strip."
    return Figure("edit", told, {"prompt": prompt}, source, intro)


def titled(source: int, caption: str, name: str) -> Figure:
    """The user's own picture as a wide, toned strip with the title on it."""
    words = plain(caption).replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    prompt = f"crop to 16:9, make it sepia, increase the contrast by 10%, and add the caption text '{words}'"
    told = f"The attached picture, {name}, cropped to 16:9, toned sepia with a little more contrast, and captioned “{words}”."
    intro = "The page closes with the attached picture, as a wide and toned strip."
    return Figure("edit", told, {"prompt": prompt}, source, intro)


def print_copy(source: Figure) -> Figure:
    """A chart once more in grey, where there is no other picture to edit."""
    return Figure("edit", "The first chart again in grayscale with a thin border, as it would print.",
                  {"prompt": "make it grayscale and add a thin grey border"}, source)  # fmt: skip


def _telling_words(study: Study, *, besides: str) -> list[str]:
    """The most frequent values of the category that the report is about."""
    for column in study.categories[:1]:
        if column in study.roles.categories and (study.asks(column) or len(study.categories) == 1):
            top = [str(value) for value in levels(study, column).counts.index[:3]]
            return [
                plain(v)
                for v in top
                if 3 <= len(v) <= 24 and keywords(v) and v.lower() not in besides.lower()
            ]
    return []


def _span(study: Study) -> str:
    clock = study.clock
    if not clock:
        return ""
    first, last = clock.start.year, clock.end.year
    return f"{first}" if first == last else f"{first}–{last}"  # noqa: RUF001  a range takes an en dash


def _tell_size(study: Study, *, alone: bool) -> str:
    clock = study.clock
    rows = study.rows(len(study.frame))
    who = "The data" if alone else f"The first, *{markdown(study.table.name)}*,"
    if not clock:
        return f"{who} has {rows}." if study.roles.measures or study.roles.categories else ""
    if not alone:
        return f"{who} covers {rows}, from {study.date(clock.start)} to {study.date(clock.end)}."
    return f"This page looks at {rows}, from {study.date(clock.start)} to {study.date(clock.end)}."


def _tell_season(study: Study) -> str:
    seasons = [season(study, measure) for measure in study.measures[:1]]
    seen = seasons[0] if seasons else None
    if not seen or not seen.marked:
        return ""
    low, high = rounded(seen.means.loc[seen.low]), rounded(seen.means.loc[seen.high])
    return f"In an average year, {named(seen.measure)} climbs from {low} in {month_name[seen.low]} to {high} in {month_name[seen.high]}."


def _tell_path(study: Study) -> str:
    clock = study.clock
    if not clock or not clock.regular or clock.panel or clock.seasonal or not study.measures:
        return ""
    seen = path(study, study.measures[0])
    if not seen or seen.flat:
        return ""
    high = highest(seen.means)
    word = "on" if seen.bucket in ("day", "week", "hour") else "in"
    return f"{capital(named(seen.measure))} stands highest {word} {moment(high, seen.bucket)}, at {rounded(seen.means.loc[high])}."


def _tell_level(study: Study) -> str:
    for column in study.categories[:1]:
        seen = levels(study, column)
        if ties(seen) == 1 and not nearly_even(seen):
            return _leading_level(study, seen)
    return ""


def _leading_level(study: Study, seen: Levels) -> str:
    names = [quoted(name) for name in seen.counts.index[:2]]
    parts = [share(int(n), seen.filled) for n in seen.counts.iloc[:2]]
    if nearly_level(seen):
        return (
            f"In {named(seen.column)}, {names[0]} and {names[1]} lead almost level, with {parts[0]} and {parts[1]} "
            f"of the {study.noun}s."
        )
    return f"In {named(seen.column)}, {names[0]} leads with {parts[0]} of the {study.noun}s."


def _tell_contrast(study: Study) -> str:
    found = study.contrasts
    if not found or found[0].share < 0.1:
        return ""
    seen = found[0]
    return (
        f"Mean {named(seen.measure)} runs from {rounded(seen.means.iloc[-1])} for {quoted(seen.means.index[-1])}{others(seen.as_low, 'value')} to "
        f"{rounded(seen.means.iloc[0])} for {quoted(seen.means.index[0])}."
    )


def _tell_pair(study: Study) -> str:
    found = [pair for pair in study.pairs if not pair.twin]
    if not found or abs(found[0].line.r) < 0.5:
        return ""
    pair = found[0]
    return f"The closest link between two columns of numbers is that of {named(pair.x)} and {named(pair.y)} (r = {correlation(pair.line.r)})."


def _tell_record(study: Study) -> str:
    if not study.measures:
        return ""
    seen = spread(study, study.measures[0])
    if seen.low == seen.high:
        return ""
    return f"{capital(named(seen.measure))} ranges from {exact(seen.low)} to {exact(seen.high)} over {count(seen.filled, 'value')}."
