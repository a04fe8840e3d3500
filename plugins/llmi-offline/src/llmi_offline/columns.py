"""From text to types, one column at a time: numbers as people write them, dates, years and months."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api import types

from llmi_offline import dates
from llmi_offline.phrases import clean, count, listed, markdown, named

if TYPE_CHECKING:
    from llmi_offline.loading import Loading

_BLANKS = (
    "",
    "-",
    "--",
    "\N{EN DASH}",
    "—",
    "?",
    ".",
    "..",
    ":",
    "n.a.",
    "n/a",
    "N/A",
    "NA",
    "None",
    "null",
)
_SYMBOLS = "$€£¥%"
_SPACES = " '\u00a0\u202f\u2019"
_COMMA_GROUPS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_DOT_GROUPS = re.compile(r"[-+]?\d{1,3}(\.\d{3})+(,\d+)?")
_SPACE_GROUPS = re.compile(rf"[-+]?\d{{1,3}}([{_SPACES}]\d{{3}})+([.,]\d+)?")
_COMMA_DECIMAL = re.compile(r"[-+]?\d+,\d+")
_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_TOO_LONG = re.compile(r"[-+]?\d{17,}")
"""More digits than a float can tell apart."""
_SHAPES = (
    (r"^\s*\(([^()-]*)\)\s*$", r"-\1"),
    (r"(?<=\d)\s?[kK]\s*$", "e3"),
    (r"^-([$€£¥])\s*", r"-"),
)
"""A loss in brackets, thousands as k, a minus before the currency."""
_LONGEST_NAME = 80
_UNNAMED = re.compile(r"Unnamed: \d+(_level_\d+)?")


def settle(loading: Loading) -> None:
    """Name, type and tidy all columns of the frame."""
    _rename(loading)
    _drop_nameless_empty(loading)
    for column in loading.frame.columns:
        _settle_one(loading, column)
    dates.join_parts(loading)


def sample(values: pd.Series[Any], size: int = 300) -> list[str]:
    """Up to `size` different texts of the column, from its start."""
    filled = values.dropna()
    return [str(text).strip() for text in pd.unique(filled.iloc[: size * 20])[:size]]


def _rename(loading: Loading) -> None:
    wanted: list[str] = []
    for position, column in enumerate(_written(loading), start=1):
        name = clean(column, _LONGEST_NAME) or f"column {position}"
        while name in wanted:
            name += f" ({position})"
        wanted.append(name)
    if wanted != list(loading.frame.columns):
        loading.run(f"df.columns = {wanted!r}")


def _written(loading: Loading) -> list[str]:
    """The columns' names as the file has them, empty where it has none: pandas makes up some, and numbers others."""
    current = [str(column) for column in loading.frame.columns]
    if loading.header == ():
        return [""] * len(current)
    header = loading.header or ()
    if len(header) == len(current) and all(map(_is_made_of, current, header)):
        return list(header)
    return ["" if _UNNAMED.fullmatch(column) else column for column in current]


def _is_made_of(name: str, cell: str) -> bool:
    """Whether pandas calls a column so that this cell is the header of."""
    if not cell:
        return bool(_UNNAMED.fullmatch(name))
    return name == cell or bool(re.fullmatch(re.escape(cell) + r"\.\d+", name))


def _drop_nameless_empty(loading: Loading) -> None:
    frame = loading.frame
    empty = [
        str(column)
        for position, column in enumerate(frame.columns, start=1)
        if column == f"column {position}" and frame[column].isna().all()
    ]
    if empty and len(empty) < len(frame.columns):
        loading.run(f"df = df.drop(columns={empty!r})")


def _settle_one(loading: Loading, column: str) -> None:
    values = loading.frame[column]
    if types.is_bool_dtype(values) or values.isna().all():
        return
    if types.is_datetime64_any_dtype(values):
        dates.settle_zone(loading, column)
    elif types.is_numeric_dtype(values):
        _settle_numbers(loading, column)
    else:
        _settle_text(loading, column)


def _settle_numbers(loading: Loading, column: str) -> None:
    values = loading.frame[column]
    if not isinstance(values.dtype, np.dtype):
        expression = f"df[{column!r}].astype('float64')"
        loading.assign(column, expression, loading.value(expression))
    if not dates.settle_numbers(loading, column):
        _leave_out_infinite(loading, column)


def _leave_out_infinite(loading: Loading, column: str) -> None:
    infinite = int(np.isinf(loading.frame[column].astype("float64")).sum())
    if infinite:
        expression = f"df[{column!r}].replace([np.inf, -np.inf], np.nan)"
        loading.assign(column, expression, loading.value(expression))
        loading.notes.append(_left_out(infinite, column, "is infinite", "are infinite"))


def _settle_text(loading: Loading, column: str) -> None:
    if not isinstance(loading.frame[column].dtype, pd.StringDtype):
        expression = f"df[{column!r}].astype('str')"
        loading.assign(column, expression, loading.value(expression))
    texts = sample(loading.frame[column])
    if not dates.settle_text(loading, column, texts):
        _settle_written_numbers(loading, column, texts)


def _settle_written_numbers(loading: Loading, column: str, texts: list[str]) -> None:
    expression = _number_expression(column, [text for text in texts if text not in _BLANKS])
    if not expression:
        return
    values = loading.frame[column]
    numbers = loading.value(expression)
    lost_values = values[values.notna() & numbers.isna()]
    lost = int((~lost_values.str.strip().isin(_BLANKS)).sum())
    if lost <= 0.1 * int(values.notna().sum()):
        loading.assign(column, expression, numbers)
        signs = [sign for sign in _SYMBOLS if any(sign in text for text in texts)]
        if signs:
            shown = listed([markdown(sign) for sign in signs])
            loading.notes.append(f"The file writes the numbers in {named(column)} with {shown}.")
        if lost:
            loading.notes.append(_left_out(lost, column, "is not a number", "are not numbers"))
        _leave_out_infinite(loading, column)


def _number_expression(column: str, texts: list[str]) -> str:
    """The Python that turns these texts into numbers, or nothing if they are not numbers."""
    reshaped = [_reshaped(text) for text in texts]
    bare = [text.strip(_SYMBOLS + " ") for text in reshaped]
    if any(_LEADING_ZERO.fullmatch(text) or _TOO_LONG.fullmatch(text) for text in bare):
        return ""
    drop, decimal = _separators(bare)
    numbers = [_plainly(text, drop, decimal) for text in bare]
    fitting = sum(bool(_PLAIN.fullmatch(text)) for text in numbers)
    if not texts or fitting < 0.9 * len(texts):
        return ""
    drop += "".join(symbol for symbol in _SYMBOLS if any(symbol in text for text in texts))
    expression = f"df[{column!r}]"
    for pattern, written in _SHAPES:
        if any(re.search(pattern, text) for text in texts):
            expression += f".str.replace({pattern!r}, {written!r}, regex=True)"
    if drop:
        expression += f".str.replace({f'[{drop}]'!r}, '', regex=True)"
    if decimal:
        expression += ".str.replace(',', '.')"
    return f"pd.to_numeric({expression}, errors='coerce')"


def _reshaped(text: str) -> str:
    for pattern, written in _SHAPES:
        text = re.sub(pattern, written, text)
    return text


def _separators(texts: list[str]) -> tuple[str, bool]:
    """The thousands separators to drop, and whether a comma marks the decimals."""
    if any(_SPACE_GROUPS.fullmatch(text) for text in texts):
        return _SPACES, any("," in text for text in texts)
    with_comma = [text for text in texts if "," in text]
    if with_comma and all(_COMMA_GROUPS.fullmatch(text) for text in with_comma):
        return ",", False
    if with_comma and any("." in text for text in texts):
        dotted = all(_DOT_GROUPS.fullmatch(t) or _COMMA_DECIMAL.fullmatch(t) for t in with_comma)
        return (".", True) if dotted else ("", False)
    return "", bool(with_comma)


def _plainly(text: str, drop: str, decimal: bool) -> str:
    kept = "".join(character for character in text if character not in drop)
    return kept.replace(",", ".") if decimal else kept


def _left_out(lost: int, column: str, one: str, many: str) -> str:
    verb = f"{one} and counts" if lost == 1 else f"{many} and count"
    return f"In {named(column)}, {count(lost, 'entry', 'entries')} {verb} as missing."
