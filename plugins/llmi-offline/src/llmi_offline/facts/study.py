"""A table with everything that the sections ask about it again and again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from llmi_offline.facts.clock import clock_of
from llmi_offline.facts.groups import Contrast, contrasts
from llmi_offline.facts.pairs import Pair, pairs
from llmi_offline.facts.sample import Sample
from llmi_offline.roles import roles_of

if TYPE_CHECKING:
    from llmi_offline.tables import Table


@dataclass(frozen=True, eq=False)
class Study(Sample):
    """A sample, and what comparing its groups and pairs gives."""

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Measures by groups, the clearest first."""
        return contrasts(self)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Pairs of measures, the closest first."""
        return pairs(self)


def study(table: Table, prompt: str = "") -> Study:
    """Look at a table for the first time."""
    roles = roles_of(table.frame)
    asked = frozenset(re.findall(r"\w{3,}", prompt.lower()))
    return Study(table, roles, clock_of(table.frame, roles), asked)
