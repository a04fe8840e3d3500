"""Where the reading of a delimited file rests on a guess, in sentences for who works with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmi_offline.phrases import count, named
from llmi_offline.sniff import doubtful_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from llmi_offline.sniff import Dialect

_ONE_GROUP = r"[-+]?[1-9]\d{0,2},\d{3}"
_THOUSAND = 1000


def doubts(dialect: Dialect) -> Iterator[str]:
    """What was guessed of the file as a whole."""
    yield from doubtful_encoding(dialect.encoding)
    if not dialect.header:
        yield "The first line holds numbers alone and is taken for data; the columns have no names in the file."
    elif all(name.strip().replace(".", "", 1).isdigit() for name in dialect.names):
        yield "The first line holds years alone and is taken for the names of the columns."
    if dialect.skip:
        yield f"{count(dialect.skip, 'line')} above the header {'is' if dialect.skip == 1 else 'are'} left out."


def doubtful_marks(column: str, written: pd.Series[Any], read: pd.Series[Any]) -> Iterator[str]:
    """Says so if a comma could as well be a decimal mark as a thousands mark: `1,234` alone tells neither."""
    marked = written[written.str.contains(",")].str.strip()
    if len(marked) and bool(marked.str.fullmatch(_ONE_GROUP).all()):
        thousands = abs(float(read[marked.index[0]])) >= _THOUSAND
        said, other = ("thousands", "decimal") if thousands else ("decimal", "thousands")
        yield f"The comma in {named(column)} is read as a {said} mark; it could be a {other} mark."


def leading_zeros(column: str, written: pd.Series[Any]) -> Iterator[str]:
    """Says so if numbers begin with zeros, as codes do."""
    if written.str.fullmatch(r"\s*0\d+\s*").any():
        yield f"Some numbers in {named(column)} begin with a zero, which is lost when they are read as numbers."
