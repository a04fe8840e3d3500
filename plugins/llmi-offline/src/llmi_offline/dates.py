"""Telling dates from text and numbers, and writing the line that reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.api import types

from llmi_offline.phrases import MINUS, count, markdown, named

if TYPE_CHECKING:
    from llmi_offline.loading import Loading

_YEAR_NAME = re.compile(
    r"(^|[\W_])(year|yr|jahr|ann[ée]e|a[ñn]o|anno)s?($|[\W_])|year$", re.IGNORECASE
)
_MONTH_NAME = re.compile(r"^(month|mon|monat|mois|mes)$", re.IGNORECASE)
_DAY_NAME = re.compile(r"^(day|tag|jour|d[ií]a)$", re.IGNORECASE)
_TIME_NAME = re.compile(r"time|date|created|updated|epoch", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?( ?Z|[-+]\d{2}:?\d{2})?)?")
_ZONED = re.compile(r".*\d{2}:\d{2}.*(Z|[-+]\d{2}:?\d{2})$")
_ZONE = r" ?(Z|[-+]\d{2}:?\d{2})$"
_QUARTERS = (
    (r"\d{4}[- /]?[Qq][1-4]", ":4", "-1"),
    (r"[Qq][1-4][- /]?\d{4}", "-4:", "1"),
)
_EXPLICIT = (
    "%Y/%m/%d", "%Y.%m.%d", "%Y-%m", "%Y/%m", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%y",
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y",
    "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%m/%Y",
)  # fmt: skip
_EITHER_WAY = (
    ("%d/%m/%Y", "%m/%d/%Y"),
    ("%d-%m-%Y", "%m-%d-%Y"),
    ("%d/%m/%y", "%m/%d/%y"),
    ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
    ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
)
_ENOUGH = 0.95


def is_year_name(column: object) -> bool:
    """Whether the column's name says that it holds years."""
    return bool(_YEAR_NAME.search(str(column)))


def settle_text(loading: Loading, column: str, texts: list[str]) -> bool:
    """Read a text column as dates if that is what it holds; whether it was."""
    if not texts or sum(any(c.isdigit() for c in text) for text in texts) < _ENOUGH * len(texts):
        return False
    if is_year_name(column) and all(re.fullmatch(r"\d{4}", text) for text in texts):
        return _adopt(loading, column, _parse(column, "%Y"), "%Y")
    if _share(bool(_ISO.fullmatch(text)) for text in texts) >= _ENOUGH:
        return _settle_iso(loading, column)
    if _settle_quarters(loading, column, texts):
        return True
    for layout in _EXPLICIT:
        if _fits(texts, layout):
            return _settle_layout(loading, column, layout)
    return any(_settle_either_way(loading, column, texts, *pair) for pair in _EITHER_WAY)


def settle_numbers(loading: Loading, column: str) -> bool:
    """Read a numeric column as dates if it holds years, 20121231, or epoch seconds by its name."""
    values = loading.frame[column].dropna()
    if not len(values) or not (values == values.round()).all():
        return False
    low, high = float(values.min()), float(values.max())
    whole = f"df[{column!r}].astype('Int64').astype('str')"
    if is_year_name(column) and low >= 1000 and high <= 2200:
        return _adopt(
            loading, column, f"pd.to_datetime({whole}, format='%Y', errors='coerce')", "%Y"
        )
    if _TIME_NAME.search(column) and low >= 17000101 and high <= 22001231:
        return _adopt(
            loading, column, f"pd.to_datetime({whole}, format='%Y%m%d', errors='coerce')", "%Y%m%d"
        )
    for unit, scale in (("s", 1), ("ms", 1000)):
        if _TIME_NAME.search(column) and 3e8 * scale <= low and high <= 4e9 * scale:
            return _settle_epoch(loading, column, unit)
    return False


def settle_zone(loading: Loading, column: str) -> None:
    """Keep the local time of a column in one zone, and say which zone that is."""
    zone = loading.frame[column].dtype
    if isinstance(zone, pd.DatetimeTZDtype):
        expression = f"df[{column!r}].dt.tz_localize(None)"
        loading.assign(column, expression, loading.value(expression))
        loading.notes.append(f"The times in {named(column)} are given in {markdown(zone.tz)}.")


def join_parts(loading: Loading) -> None:
    """Join a year, a month and perhaps a day column into dates, kept in the finest of them."""
    frame = loading.frame
    columns = [str(column) for column in frame.columns]
    years = [c for c in columns if _is_date(frame[c]) and is_year_name(c)]
    months = [c for c in columns if _MONTH_NAME.match(c) and not _is_date(frame[c])]
    days = [c for c in columns if _DAY_NAME.match(c) and types.is_integer_dtype(frame[c])]
    if len(years) != 1 or len(months) != 1:
        return
    month, layout = _month_text(frame[months[0]], months[0])
    text = f"df[{years[0]!r}].dt.strftime('%Y-') + {month}"
    target = months[0]
    if len(days) == 1:
        target, layout = days[0], f"{layout}-%d"
        text = f"{text} + '-' + df[{days[0]!r}].astype('str')"
    _adopt(loading, target, f"pd.to_datetime({text}, format={layout!r}, errors='coerce')", "")


def _month_text(values: pd.Series[Any], column: str) -> tuple[str, str]:
    if types.is_numeric_dtype(values):
        return f"df[{column!r}].astype('Int64').astype('str')", "%Y-%m"
    return f"df[{column!r}].str[:3]", "%Y-%b"


def _is_date(values: pd.Series[Any]) -> bool:
    return bool(types.is_datetime64_any_dtype(values))


def _settle_either_way(
    loading: Loading, column: str, texts: list[str], day_first: str, month_first: str
) -> bool:
    """Take the only order that fits, else the one in which the rows are sorted, else neither."""
    layouts = [layout for layout in (day_first, month_first) if _fits(texts, layout)]
    if not layouts:
        return False
    read = {layout: loading.value(_parse(column, layout)) for layout in layouts}
    best = max(values.notna().sum() for values in read.values())
    left = [layout for layout, values in read.items() if values.notna().sum() == best]
    if len(left) > 1:
        left = [layout for layout in left if read[layout].dropna().is_monotonic_increasing]
    if len(left) == 1:
        if len(layouts) > 1 and _fit_alike(read):
            loading.doubts.append(
                f"The dates in {named(column)} can be read day first or month first; they are read "
                f"{'day' if left[0] == day_first else 'month'} first, since the rows are in order then."
            )
        return _settle_layout(loading, column, left[0])
    loading.notes.append(
        f"The dates in {named(column)} can be read day first or month first; nothing in the file "
        "tells which, so they stay text here."
    )
    return True


def _adopt(loading: Loading, column: str, expression: str, layout: str) -> bool:
    """Take the column for the dates that the expression gives, if it gives nearly all; `layout` is as the file has it."""
    try:
        read = loading.value(expression)
    except (ValueError, OverflowError, TypeError):
        return False
    if not read.dropna().dt.year.between(1, 9999).all():  # beyond what a datetime can be
        return False
    filled = int(loading.frame[column].notna().sum())
    lost = filled - int(read.notna().sum())
    if lost > (1 - _ENOUGH) * filled:
        return False
    loading.assign(column, expression if lost else _strict(expression), read)
    loading.layouts[column] = layout
    if lost:
        verb = "is no date and counts" if lost == 1 else "are no dates and count"
        entries = count(lost, "entry", "entries")
        loading.notes.append(f"In {named(column)}, {entries} {verb} as missing.")
    return True


def _parse(column: str, layout: str) -> str:
    return f"pd.to_datetime(df[{column!r}], format={layout!r}, errors='coerce')"


def _strict(expression: str) -> str:
    """The same call without the leniency that this column does not need."""
    return re.sub(r", errors='coerce'\)(\.dt\.tz_localize\(None\))?$", r")\1", expression)


def _settle_iso(loading: Loading, column: str) -> bool:
    """Local time as it is written if all rows have the same zone, else UTC, and the text says which."""
    filled = loading.frame[column].dropna().str.strip()
    dated = filled[filled.str.fullmatch(_ISO.pattern)]
    zones = dated.where(dated.str.match(_ZONED.pattern)).str.extract(_ZONE)[0].str.replace(":", "")
    zones = zones.replace({"Z": "+0000", "-0000": "+0000"})
    if zones.isna().all():
        return _adopt(loading, column, _parse(column, "ISO8601"), "ISO8601")
    if zones.nunique(dropna=False) == 1:
        bare = f"df[{column!r}].str.strip().str.replace({_ZONE!r}, '', regex=True)"
        parsed = f"pd.to_datetime({bare}, format='ISO8601', errors='coerce')"
        zone = str(zones.iloc[0])
        told = "UTC" if zone == "+0000" else f"local time, UTC{_signed(zone[:3])}:{zone[3:]}"
    else:
        parsed = f"pd.to_datetime(df[{column!r}], format='ISO8601', utc=True, errors='coerce')"
        parsed, told = f"{parsed}.dt.tz_localize(None)", "UTC"
        if zones.isna().any():
            told += ", those without a zone taken as they are"
    adopted = _adopt(loading, column, parsed, "ISO8601")
    if adopted:
        loading.notes.append(f"The times in {named(column)} are given in {told}.")
    return adopted


def _signed(hours: str) -> str:
    return hours.replace("-", MINUS)


def _settle_quarters(loading: Loading, column: str, texts: list[str]) -> bool:
    """Read 2010-Q1, 2010 Q1 or Q1 2010 as the first day of the quarter."""
    for pattern, year, quarter in _QUARTERS:
        if all(re.fullmatch(pattern, text) for text in texts):
            text = f"df[{column!r}].str.strip().str"
            month = "{'1': '01', '2': '04', '3': '07', '4': '10'}"
            joined = f"{text}[{year}] + '-' + {text}[{quarter}].map({month})"
            expression = f"pd.to_datetime({joined}, format='%Y-%m', errors='coerce')"
            return _adopt(loading, column, expression, "%Y-Q")
    return False


def _settle_layout(loading: Loading, column: str, layout: str) -> bool:
    adopted = _adopt(loading, column, _parse(column, layout), layout)
    if adopted and "%y" in layout:
        loading.doubts.append(
            f"The years in {named(column)} have two digits; 69 to 99 are read as 1969 to 1999, the others as 20xx."
        )
    return adopted


def _settle_epoch(loading: Loading, column: str, unit: str) -> bool:
    expression = f"pd.to_datetime(df[{column!r}], unit={unit!r})"
    adopted = _adopt(loading, column, expression, "epoch")
    if adopted:
        told = "seconds" if unit == "s" else "milliseconds"
        loading.doubts.append(
            f"The numbers in {named(column)} are taken for {told} since 1970, in UTC."
        )
    return adopted


def _fit_alike(read: dict[str, pd.Series[Any]]) -> bool:
    """Whether every reading gives equally many dates."""
    return len({int(values.notna().sum()) for values in read.values()}) == 1


def _fits(texts: list[str], layout: str) -> bool:
    parsed = pd.to_datetime(pd.Series(texts, dtype="str"), format=layout, errors="coerce")
    return bool(parsed.notna().mean() >= _ENOUGH)


def _share(hits: Any) -> float:
    marks = list(hits)
    return sum(marks) / len(marks) if marks else 0.0
