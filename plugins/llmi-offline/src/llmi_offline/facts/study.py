"""A table with everything that the sections ask about it again and again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmi_offline.facts.clock import Clock, clock_of
from llmi_offline.facts.groups import Contrast, contrasts, mirrors, ranked_categories
from llmi_offline.facts.pairs import Pair, pairs
from llmi_offline.facts.variance import eta_squared
from llmi_offline.phrases import count, label, moment
from llmi_offline.roles import Roles, roles_of

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from llmi_offline.tables import Table

_MOST_MEASURES = 12
_RHYTHM = 0.1
_IDLE = 0.9


@dataclass(frozen=True, eq=False)
class Study:
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
        return mirrors(self)

    @cached_property
    def categories(self) -> list[str]:
        """The groupings, the most telling first."""
        return ranked_categories(self)

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Measures by groups, the clearest first."""
        return contrasts(self)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Pairs of measures, the closest first."""
        return pairs(self)

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

    def rows(self, number: int) -> str:
        """`1,461 days`, or rows."""
        return count(number, self.noun)

    def date(self, when: datetime) -> str:
        return moment(when, self.clock.grain if self.clock else "day")

    def filled(self, *columns: str) -> pd.DataFrame:
        """The rows that have a value in each of the columns."""
        part: pd.DataFrame = self.frame[list(columns)].dropna()
        return part


def study(table: Table, prompt: str = "") -> Study:
    """Look at a table for the first time."""
    roles = roles_of(table.frame)
    asked = frozenset(re.findall(r"\w{3,}", prompt.lower()))
    return Study(table, roles, clock_of(table.frame, roles), asked)
