"""A table's normalised copy: UTF-8 CSV with a clean header, ISO dates and plain numbers, all else as the file has it.

A cell is written anew only where it was read as a date or a number and does not already look like one; what was left as
text stays text, to the letter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api import types

from llmi_offline.doubts import doubtful_marks, leading_zeros

if TYPE_CHECKING:
    from llmi_offline.loading import Loading

_EXACT = 2**53
"""Up to here a float tells whole numbers apart."""
_AS_WRITTEN = ("", "%Y", "%Y-Q", "ISO8601")
"""Dates whose text says just what is known: a day made up for a year would not be true."""


def normalised(loading: Loading) -> bytes | None:
    """The copy; None if the file is one already, or its text does not go together with what was read.

    Adds to the doubts what only the file's text shows: marks that can be read in two ways, zeros that are lost.
    """
    written, read = loading.as_written(), loading.frame
    if len(written) != len(read) or list(written.columns) != list(read.columns):
        return None
    columns = {
        str(column): _column(loading, str(column), written[column], read[column])
        for column in read.columns
    }
    copy = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()
    same = copy.strip() == loading.data.replace(b"\r\n", b"\n").strip()
    return None if same else copy


def _column(
    loading: Loading, column: str, written: pd.Series[Any], read: pd.Series[Any]
) -> pd.Series[Any]:
    """The copy's text of one column."""
    if types.is_datetime64_any_dtype(read):
        return _dates(_texts(written), read, loading.layouts.get(column, "ISO8601"))
    if not types.is_numeric_dtype(read) or types.is_bool_dtype(read):
        return _texts(written)
    if isinstance(written.dtype, pd.StringDtype):
        loading.doubts += doubtful_marks(column, written, read)
        loading.doubts += leading_zeros(column, written)
        return _numbers(written, read)
    return _texts(written)


def _dates(texts: pd.Series[Any], read: pd.Series[Any], layout: str) -> pd.Series[Any]:
    if layout in _AS_WRITTEN:
        return texts.str.strip().where(read.notna() | (layout == ""), "")
    if layout != "epoch" and "%d" not in layout:
        return _written(read, "%Y-%m")
    return _iso(read)


def _iso(moments: pd.Series[Any]) -> pd.Series[Any]:
    """All in one form of ISO 8601, as fine as the finest of them; gaps as nothing."""
    filled = moments.dropna()
    if (filled.dt.normalize() == filled).all():
        return _written(moments, "%Y-%m-%d")
    fraction = filled.dt.microsecond.any() or filled.dt.nanosecond.any()
    fine: Any = "nanoseconds" if fraction else "seconds"
    iso: pd.Series[Any] = moments.map(
        lambda when: when.isoformat(timespec=fine), na_action="ignore"
    )
    return iso.fillna("")


def _written(moments: pd.Series[Any], layout: str) -> pd.Series[Any]:
    texts: pd.Series[Any] = moments.dt.strftime(layout).fillna("")
    return texts


def _numbers(texts: pd.Series[Any], read: pd.Series[Any]) -> pd.Series[Any]:
    """Each number as the file writes it if that is plain, with a point for a decimal comma, or else anew."""
    bare = texts.str.strip()
    plain = bare.where(_says(bare, read))
    pointed = bare.str.replace(",", ".")
    plain = plain.fillna(pointed.where(_says(pointed, read)))
    anew = read[plain.isna() & read.notna()].map(_number)
    return plain.fillna(anew).where(read.notna(), "")


def _says(texts: pd.Series[Any], numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Where the text, read as a plain number, is the number."""
    parsed = pd.to_numeric(texts, errors="coerce").astype("float64")
    return pd.Series(np.isclose(parsed, numbers.astype("float64"), rtol=1e-15, atol=0), texts.index)


def _texts(values: pd.Series[Any]) -> pd.Series[Any]:
    """Text as it is; numbers, dates and nested values of JSON and Parquet as plain text, gaps as nothing."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.fillna("")
    if types.is_datetime64_any_dtype(values):
        return _iso(values)
    if types.is_float_dtype(values) and values.hasnans and _all_whole(values):
        return values.map(lambda value: str(int(value)), na_action="ignore").fillna("")
    return values.map(_text).astype("str")


def _all_whole(values: pd.Series[Any]) -> bool:
    """Whether they are whole numbers that are floats for the sake of the gaps among them."""
    filled = values.dropna().astype("float64")
    return bool(((filled % 1 == 0) & (filled.abs() < _EXACT)).all())


def _text(value: Any) -> str:
    if isinstance(value, dict | list | np.ndarray):
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(plain, ensure_ascii=False, default=str)
    if value is None or pd.isna(value):
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def _number(value: Any) -> str:
    """A number that was computed from its text: as short as its exactness allows."""
    number = float(value)
    return str(int(number)) if number % 1 == 0 and abs(number) < _EXACT else f"{number:.15g}"
