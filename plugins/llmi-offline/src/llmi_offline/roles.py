"""What each column is for: when, how much, which kind, which one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pandas.api import types

if TYPE_CHECKING:
    import pandas as pd

_ID_NAME = re.compile(r"(^|[\W_])(id|ids|uuid|key)$|^(index|nr|no|row)$", re.IGNORECASE)
_CODE_NAME = re.compile(
    r"(^|[\W_])(id|ids|uuid|key|code|codes|zip|zipcode|postcode|plz)$|[\W_](nr|no)$", re.IGNORECASE
)
_UNIQUE = 0.95
_PLACE_NAME = re.compile(r"^(lat|latitude|lon|lng|long|longitude)$", re.IGNORECASE)
_MOST_LEVELS = 60
_LONG_TEXT = 40


@dataclass(frozen=True)
class Roles:
    """The columns of a table by role, each list in the file's order."""

    dates: list[str] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    """Numbers that can be averaged."""
    flags: list[str] = field(default_factory=list)
    """Yes or no: booleans, and numbers that are only 0 and 1."""
    categories: list[str] = field(default_factory=list)
    """Text that repeats: few values, many rows each."""
    labels: list[str] = field(default_factory=list)
    """Short text that hardly repeats: it can name a row."""
    texts: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    """Numbers that only tell rows apart, each of them met once."""
    codes: list[str] = field(default_factory=list)
    """Numbers that stand for something else, such as postcodes."""
    places: list[str] = field(default_factory=list)
    """Latitude and longitude."""
    constants: list[str] = field(default_factory=list)
    empties: list[str] = field(default_factory=list)

    @property
    def groups(self) -> list[str]:
        """Columns whose values divide the rows into groups."""
        return self.categories + self.flags


def roles_of(frame: pd.DataFrame) -> Roles:
    """The role of every column."""
    roles = Roles()
    for column in map(str, frame.columns):
        getattr(roles, _role(column, frame[column])).append(column)
    return roles


def _role(column: str, values: pd.Series[Any]) -> str:
    filled = values.dropna()
    if filled.empty:
        return "empties"
    if types.is_datetime64_any_dtype(values):
        return "dates"
    if len(filled) > 1 and bool((filled == filled.iloc[0]).all()):
        return "constants"
    if types.is_bool_dtype(values):
        return "flags"
    if types.is_numeric_dtype(values):
        return _number_role(column, filled)
    return _text_role(filled)


def _number_role(column: str, filled: pd.Series[Any]) -> str:
    if _PLACE_NAME.match(column):
        return "places"
    if not types.is_integer_dtype(filled):
        return "measures"
    apart = filled.nunique() >= _UNIQUE * len(filled)
    if (_ID_NAME.search(column) and apart) or _is_running_number(filled):
        return "identifiers"
    if _CODE_NAME.search(column):
        return "codes"
    return "flags" if len(filled) > 1 and filled.isin((0, 1)).all() else "measures"


def _is_running_number(filled: pd.Series[Any]) -> bool:
    return (
        len(filled) > 5 and filled.iloc[0] in (0, 1) and bool((filled.diff().iloc[1:] == 1).all())
    )


def _text_role(filled: pd.Series[Any]) -> str:
    levels = filled.nunique()
    if levels <= min(_MOST_LEVELS, len(filled) / 2):
        return "categories"
    return "labels" if filled.iloc[:1000].str.len().mean() <= _LONG_TEXT else "texts"
