"""Tables out of attached bytes: CSV, TSV, JSON and Parquet, however they happen to be written."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.api import types

from llmi_offline import sniff
from llmi_offline.columns import settle
from llmi_offline.doubts import doubts
from llmi_offline.errors import RESAVE, UnreadableTable
from llmi_offline.json_tables import looks_like_json, read_json
from llmi_offline.loading import Loading
from llmi_offline.phrases import clean, exact

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING = ["", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>"]
_MANY_COLUMNS = 1000


@dataclass(frozen=True)
class Table:
    """A table that was read."""

    name: str
    """The file's name, also in the sandbox."""
    frame: pd.DataFrame
    loader: str
    """Python lines that give the same frame, as `df`, where the file lies in the working folder."""
    notes: tuple[str, ...] = ()
    """What the reading had to leave out, decide or guess, as Markdown sentences."""


def read_table(name: str, data: bytes) -> Table:
    """The table in `data`, its columns typed.

    Raises UnreadableTable, and nothing else, for whatever is not a table.
    """
    return as_table(load(name, data))


def as_table(loading: Loading) -> Table:
    """What was loaded, as those see it who write about it."""
    return Table(loading.name, loading.frame, loading.source, (*loading.notes, *loading.doubts))


def load(name: str, data: bytes) -> Loading:
    """As `read_table`, with all that is known of how the file was read."""
    if not data.strip():
        raise UnreadableTable(clean(name), "it is empty", "attach a file with a header and rows")
    loading = Loading(name, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _read(loading)
            _check_shape(loading)
            settle(loading)
        except UnreadableTable:
            raise
        except MemoryError:
            fault, remedy = "it needs more memory than there is", "attach an extract of it"
            raise UnreadableTable(clean(name), fault, remedy) from None
        except Exception as error:  # noqa: BLE001  pandas raises nearly anything on hostile bytes
            fault = f"{type(error).__name__}, {clean(error, 120).rstrip('.')}"
            raise UnreadableTable(clean(name), fault, RESAVE) from None
    return loading


def describe_table(table: Table, rows: int = 5) -> str:
    """A compact preview for a language model: each column's type and range, then the first rows."""
    frame = table.frame
    lines = [f"{clean(table.name)}: {len(frame):,} rows x {len(frame.columns)} columns"]
    lines += [f"- {clean(column)}: {_sketch(frame[column])}" for column in frame.columns[:60]]
    lines.append(f"read with: {table.loader}")
    head = frame.iloc[:rows, :60]
    lines.append(" | ".join(clean(column, 30) for column in head.columns))
    lines += [" | ".join(clean(cell, 40) for cell in row) for row in head.itertuples(index=False)]
    return "\n".join(lines)


def _read(loading: Loading) -> None:
    if loading.data.startswith(b"PAR1"):
        return _read_parquet(loading)
    found = sniff.foreign(loading.data)
    if found:
        raise UnreadableTable(clean(loading.name), found, RESAVE)
    suffix = PurePath(loading.name).suffix.lower()
    if suffix in (".parquet", ".pq"):
        raise UnreadableTable(clean(loading.name), "it is no Parquet file", RESAVE)
    if suffix in (".json", ".jsonl", ".ndjson") or looks_like_json(loading.data):
        return read_json(loading)
    return _read_delimited(loading)


def _read_parquet(loading: Loading) -> None:
    try:
        loading.run(f"df = pd.read_parquet({loading.name!r})")
    except ImportError:
        remedy = "install pyarrow (pip install pyarrow), or save the table as CSV"
        raise UnreadableTable(clean(loading.name), "Parquet needs pyarrow", remedy) from None
    if not isinstance(loading.frame.index, pd.RangeIndex):
        loading.run("df = df.reset_index()")


def _read_delimited(loading: Loading) -> None:
    dialect = sniff.sniff(loading.data)
    options = dict(_options(dialect, loading.data))
    loading.header = dialect.names
    try:
        _read_leniently(loading, options)
    except pd.errors.EmptyDataError:
        raise UnreadableTable(clean(loading.name), "it has no columns", RESAVE) from None
    if dialect.wider:
        _name_rows(loading, dialect.wider)
    elif not isinstance(loading.frame.index, pd.RangeIndex):
        loading.run("df = df.reset_index()")
    loading.doubts += doubts(dialect)


def _name_rows(loading: Loading, wider: int) -> None:
    """Leave out a nameless first column that counts the rows, as R writes it; refuse any other."""
    index = loading.frame.index
    if wider == 1 and list(map(str, index)) == [str(n) for n in range(1, len(index) + 1)]:
        loading.run("df = df.reset_index(drop=True)")
        loading.notes.append("A first column without a name, which counts the rows, is left out.")
        return
    more = "one more field" if wider == 1 else f"{wider:,} more fields"
    fault = f"its rows have {more} than its header has names"
    remedy = "name every column in the first line, and quote values that contain the delimiter"
    raise UnreadableTable(clean(loading.name), fault, remedy)


def _keep_long_numbers(loading: Loading, options: dict[str, Any]) -> None:
    """Whole numbers too long for a float stay text, or different ones would become the same."""
    frame = loading.frame
    wide = [
        column
        for column in frame.columns
        if types.is_float_dtype(frame[column]) and bool((frame[column].abs() >= 2**53).any())
    ]
    if not wide:
        return
    call = _call(loading.name, options | {"dtype": dict.fromkeys(wide, "str")})
    raw = loading.value(call.removeprefix("df = "))
    whole = [c for c in wide if raw[c].dropna().str.fullmatch(r"\s*[-+]?\d+\s*").all()]
    if whole:
        loading.lines.clear()
        loading.run(_call(loading.name, options | {"dtype": dict.fromkeys(whole, "str")}))


def _read_leniently(loading: Loading, options: dict[str, Any]) -> None:
    """As it should be; else without its ragged rows; else with quotes as ordinary letters."""
    try:
        loading.run(_call(loading.name, options))
    except pd.errors.ParserError:
        options = options | {"on_bad_lines": "skip"}
        try:
            loading.run(_call(loading.name, options))
        except pd.errors.ParserError:
            options = options | {"quoting": 3}
            loading.run(_call(loading.name, options))
        _note_skipped(loading, _count_skipped(loading, options))
    _keep_long_numbers(loading, options)


def _options(dialect: sniff.Dialect, data: bytes) -> Iterator[tuple[str, Any]]:
    if dialect.delimiter != ",":
        yield "sep", dialect.delimiter
    if dialect.decimal != ".":
        yield "decimal", dialect.decimal
    if dialect.encoding != "utf-8":
        yield "encoding", dialect.encoding
    if dialect.skip:
        yield "skiprows", dialect.skip
    if not dialect.header:
        yield "header", None
    if dialect.trailing:
        yield "index_col", False
    if b"None" in data:  # a word of its own in many tables, which pandas would take for a gap
        yield "keep_default_na", False
        yield "na_values", _MISSING
    if len(data) > 200_000:
        yield "low_memory", False


def _call(name: str, options: dict[str, Any]) -> str:
    written = "".join(f", {key}={value!r}" for key, value in options.items())
    return f"df = pd.read_csv({name!r}{written})"


def _count_skipped(loading: Loading, options: dict[str, Any]) -> int:
    """How many ragged rows pandas leaves out; it tells only in its warnings."""
    call = _call(loading.name, {**options, "on_bad_lines": "warn"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loading.value(call.removeprefix("df = "))
    return sum(str(warning.message).count("Skipping line") for warning in caught)


def _note_skipped(loading: Loading, skipped: int) -> None:
    if skipped > len(loading.frame):
        fault = "most of its rows have more fields than its header has names"
        raise UnreadableTable(clean(loading.name), fault, RESAVE)
    if skipped:
        lines = "line has" if skipped == 1 else "lines have"
        loading.notes.append(
            f"{skipped:,} {lines} more fields than the header and could not be read."
        )


def _check_shape(loading: Loading) -> None:
    rows, columns = loading.frame.shape
    if not columns:
        raise UnreadableTable(clean(loading.name), "it has no columns", RESAVE)
    if not rows:
        raise UnreadableTable(
            clean(loading.name),
            "it has a header but no rows",
            "attach a file with at least one row",
        )
    if columns > _MANY_COLUMNS:
        remedy = f"keep the columns that matter, at most {_MANY_COLUMNS:,}"
        raise UnreadableTable(clean(loading.name), f"it has {columns:,} columns", remedy)
    if loading.frame.isna().all(axis=None):
        raise UnreadableTable(clean(loading.name), "all its cells are empty", RESAVE)


def _sketch(values: pd.Series[Any]) -> str:
    """A column's type, range, and gaps in a few words."""
    filled = values.dropna()
    missing = f", {len(values) - len(filled):,} missing" if len(filled) < len(values) else ""
    if filled.empty:
        return "empty"
    if types.is_datetime64_any_dtype(values):
        low, high = (
            f"{when:%Y-%m-%d %H:%M}".removesuffix(" 00:00") for when in (filled.min(), filled.max())
        )
        return f"date, {low} to {high}{missing}"
    if types.is_numeric_dtype(values) and not types.is_bool_dtype(values):
        return f"number, {exact(float(filled.min()))} to {exact(float(filled.max()))}{missing}"
    often = filled.value_counts()
    shown = "; ".join(f"{clean(value, 30)} ({n:,})" for value, n in often.head(4).items())
    return f"text, {len(often):,} different: {shown}{missing}"
