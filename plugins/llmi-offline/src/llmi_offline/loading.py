"""A table under construction: each step is a line of Python that is run here and again in the sandbox.

Prose and charts agree because there is only one way of reading: the writer executes the very lines
that it later puts at the top of every chart's code.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable


class _Pandas:
    """pandas, with the attached bytes in place of the file of that name.

    as_text: delimited cells are left as the text that they are.
    """

    def __init__(self, data: bytes, as_text: bool) -> None:
        self._data = data
        self._as_text = as_text

    def __getattr__(self, attribute: str) -> Any:
        member = getattr(pd, attribute)
        return self._on_bytes(member) if attribute.startswith("read_") else member

    def _on_bytes(self, reader: Callable[..., Any]) -> Callable[..., Any]:
        as_text = {"dtype": "str", "na_filter": False}
        forced = as_text if self._as_text and reader is pd.read_csv else {}
        return lambda _name, **options: reader(io.BytesIO(self._data), **(options | forced))


class Loading:
    """Runs and remembers the lines that read a table; `df` is the frame so far."""

    def __init__(self, name: str, data: bytes, *, as_text: bool = False) -> None:
        self.name = name
        self.data = data
        self.lines: list[str] = []
        self.notes: list[str] = []
        """What the reading left out or decided, as Markdown sentences for every reader."""
        self.doubts: list[str] = []
        """Where the reading may be wrong, as Markdown sentences for who works with the file."""
        self.header: tuple[str, ...] | None = None
        """The names as the file has them, () for a file without; None where the frame's own are they."""
        self.layouts: dict[str, str] = {}
        """How each column that was read as dates writes them; empty where they are put together from others."""
        self._assigned: set[str] = set()
        self._names: dict[str, Any] = {
            "pd": _Pandas(data, as_text),
            "np": np,
            "json": json,
            "open": lambda _name, _mode: io.BytesIO(data),
        }

    @property
    def frame(self) -> pd.DataFrame:
        frame: pd.DataFrame = self._names["df"]
        return frame

    @property
    def source(self) -> str:
        return "\n".join(self.lines)

    def run(self, line: str) -> None:
        """Execute a line; it is remembered only if it succeeds."""
        exec(
            compile(line, "<loader>", "exec"), self._names
        )  # our own line, names and values repr()ed
        self.lines.append(line)

    def value(self, expression: str) -> pd.Series[Any]:
        """What a column expression gives, for a look before `assign`."""
        result: pd.Series[Any] = eval(expression, self._names)
        return result

    def assign(self, column: str, expression: str, value: pd.Series[Any]) -> None:
        """Keep `value`, which is `expression` evaluated, as the column."""
        self.frame[column] = value
        line = f"df[{column!r}] = {expression}"
        self.lines.append(line)
        self._assigned.add(line)

    def as_written(self) -> pd.DataFrame:
        """The same rows and columns before any value was read anew: text where the file is text."""
        again = Loading(self.name, self.data, as_text=True)
        for line in self.lines:
            if line not in self._assigned:
                again.run(line)
        return again.frame
