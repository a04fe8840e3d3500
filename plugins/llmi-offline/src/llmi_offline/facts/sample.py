"""A table with what is asked about it again and again, before its groups and pairs are compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

from llmi_offline.facts.clock import Clock
from llmi_offline.facts.variance import eta_squared
from llmi_offline.phrases import count, label, moment
from llmi_offline.roles import Roles

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from llmi_offline.tables import Table

MOST_GROUPS = 12
_MOST_MEASURES = 12
_RHYTHM = 0.1
_IDLE = 0.9


@dataclass(frozen=True, eq=False)
class Sample:
    """A table, its roles and its clock, seen with the words of the prompt."""

    table: Table
    roles: Roles
    clock: Clock | None
    asked: frozenset[str]
    """The prompt's words, lower case: columns that they name come first."""
    _rhythms: dict[str, float] = field(default_factory=dict, repr=False)
    _grouped: dict[str, pd.Series[Any]] = field(default_factory=dict, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        return self.table.frame

    @cached_property
    def noun(self) -> str:
        """What one row is: a day, a month, a year if the clock says so, else a row."""
        clock = self.clock
        if clock and clock.single and clock.regular and clock.stride == 1 and clock.grain != "hour":
            return clock.grain
        return "row"

    @cached_property
    def measures(self) -> list[str]:
        """The measures, the most telling first: asked for, shaped by the calendar, seldom just 0."""
        candidates = self.roles.measures[:_MOST_MEASURES]

        def weight(column: str) -> float:
            rhythm = self.rhythm(column)
            idle = float((self.frame[column] == 0).mean()) > _IDLE
            return self.asks(column) + (rhythm if rhythm >= _RHYTHM else 0) - idle

        return sorted(candidates, key=lambda column: -weight(column))

    @cached_property
    def mirrors(self) -> list[tuple[str, str]]:
        """Pairs of categories that divide the rows in the same way."""
        return _mirrors(self)

    @cached_property
    def categories(self) -> list[str]:
        """The groupings, the most telling first."""
        return _ranked(self)

    @cached_property
    def rhythmic(self) -> bool:
        """Whether the month of the year shapes any of the measures."""
        return any(self.rhythm(measure) >= _RHYTHM for measure in self.measures)

    def asks(self, column: str) -> int:
        """How many of the column's words the prompt has."""
        return len(self.asked & set(re.findall(r"\w{3,}", label(column).lower())))

    def rhythm(self, measure: str) -> float:
        """The share of the measure's variance that the month of the year accounts for."""
        clock = self.clock
        if not clock or not clock.seasonal or not clock.regular:
            return 0.0
        if measure not in self._rhythms:
            months = self.frame[clock.column].dt.month
            self._rhythms[measure] = eta_squared(self.frame[measure], months)
        return self._rhythms[measure]

    def grouped(self, column: str) -> pd.Series[Any]:
        """A grouping column as ordered categories of text, converted once."""
        if column not in self._grouped:
            self._grouped[column] = self.frame[column].astype("str").astype("category")
        return self._grouped[column]

    def size(self, column: str) -> int:
        """How many values a grouping column has."""
        return len(self.grouped(column).cat.categories)

    def rows(self, number: int) -> str:
        """`1,461 days`, or rows."""
        return count(number, self.noun)

    def date(self, when: datetime) -> str:
        return moment(when, self.clock.grain if self.clock else "day")

    def filled(self, *columns: str) -> pd.DataFrame:
        """The rows that have a value in each of the columns."""
        part: pd.DataFrame = self.frame[list(columns)].dropna()
        return part


def _ranked(sample: Sample) -> list[str]:
    """The groupings to talk about: the asked-for first, then by what they say about the measures."""
    repeated = {second for _, second in sample.mirrors}
    distinct = [column for column in sample.roles.groups if column not in repeated]
    distinct = [column for column in distinct if sample.frame[column].nunique() > 1]
    small = [column for column in distinct if sample.size(column) <= MOST_GROUPS]

    def weight(column: str) -> float:
        best = max(
            (eta_squared(sample.frame[m], sample.grouped(column)) for m in sample.measures[:6]),
            default=0,
        )
        return sample.asks(column) + best + (column in sample.roles.categories)

    return sorted(small, key=lambda column: -weight(column)) + [
        c for c in distinct if c not in small
    ]


def _mirrors(sample: Sample) -> list[tuple[str, str]]:
    """Pairs of categories that divide the rows in the same way; the second adds nothing."""
    found: list[tuple[str, str]] = []
    for first, second in combinations(sample.roles.categories[:12], 2):
        if any(second == taken for _, taken in found):
            continue
        size = sample.size(first)
        if size == sample.size(second) == _meetings(sample, first, second):
            found.append((first, second))
    return found


def _meetings(sample: Sample, first: str, second: str) -> int:
    """How many combinations of two categories occur, gaps counting as a value."""
    codes = sample.grouped(first).cat.codes.astype("int64") * (sample.size(second) + 1)
    return int((codes + sample.grouped(second).cat.codes).nunique())
