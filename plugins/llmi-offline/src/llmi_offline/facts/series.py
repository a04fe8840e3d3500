"""Labels of a series' extremes and their ties; pandas' types call them hashable and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def highest(values: pd.Series[Any]) -> Any:
    """The label of the largest value, the first of equals."""
    return values.idxmax()


def lowest(values: pd.Series[Any]) -> Any:
    """The label of the smallest value, the first of equals."""
    return values.idxmin()


def level_with(values: pd.Series[Any], label: Any) -> int:
    """How many other entries have the very value that this one has."""
    return int((values == values.loc[label]).sum()) - 1
