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
    """pandas, with the attached bytes in place of the file of that name."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __getattr__(self, attribute: str) -> Any:
        member = getattr(pd, attribute)
        return self._on_bytes(member) if attribute.startswith("read_") else member

    def _on_bytes(self, reader: Callable[..., Any]) -> Callable[..., Any]:
        return lambda _name, **options: reader(io.BytesIO(self._data), **options)


class Loading:
    """Runs and remembers the lines that read a table; `df` is the frame so far."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.header: tuple[str, ...] | None = None
        """The names as the file has them, () for a file without; None where the frame's own are they."""
        self._names: dict[str, Any] = {
            "pd": _Pandas(data),
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
        self.lines.append(f"df[{column!r}] = {expression}")
