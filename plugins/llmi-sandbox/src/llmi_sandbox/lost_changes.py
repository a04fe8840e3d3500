"""Changes that the policy's code makes to nothing: an error that can be repaired, rather than a chart of the old data.

Since pandas 3, `df["a"]` and the like are copies whose changes nobody sees (Copy-on-Write). pandas warns of many of
them, but nobody sees the warnings of a chart's code.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

from llmi_sandbox.explain import FILE

_TOLD = (
    "this changes a temporary copy, so the table itself stays as it was (since pandas 3). Assign the result instead: "
    "df['column'] = df['column'].fillna(0), or df = df.sort_values('column'); set single values in one step: "
    "df.loc[rows, 'column'] = value"
)


class _Sample:
    def references(self, *_: Any, **__: Any) -> int:
        return sys.getrefcount(self)


_TEMPORARY = _Sample().references(inplace=True)
"""The references to an object that nothing but the call of its method holds, counted in the method."""


def refuse_in_pandas() -> None:
    """Have pandas raise where the policy's code changes a temporary; once per process."""
    import pandas

    if int(pandas.__version__.split(".")[0]) < 3:
        return
    error: Any = importlib.import_module("pandas.errors").ChainedAssignmentError
    error.__init__ = _refuse
    for kind in dict.fromkeys((*pandas.Series.__mro__, *pandas.DataFrame.__mro__)):
        for name, method in list(vars(kind).items()):
            if inspect.isfunction(method) and "inplace" in inspect.signature(method).parameters:
                setattr(kind, name, _watched(method, error))


def _refuse(warning: Warning, *arguments: object) -> None:
    """Raise the warning as it is made, whatever filters the code has set: it is made in pandas' own method."""
    if sys._getframe(2).f_code.co_filename == FILE:
        warning.args = (_TOLD,)
        raise warning
    Exception.__init__(warning, *arguments)


def _watched(method: Callable[..., Any], error: type[Warning]) -> Callable[..., Any]:
    """As the method, but told `inplace=True` by the policy's code it refuses an object that nobody holds."""

    @functools.wraps(method)
    def watched(self: Any, *arguments: Any, **named: Any) -> Any:
        if named.get("inplace") is True and sys.getrefcount(self) <= _TEMPORARY:
            caller = sys._getframe(1)
            # a local variable may be lent to the call without being counted (Python 3.14)
            held = any(value is self for value in caller.f_locals.values())
            if caller.f_code.co_filename == FILE and not held:
                raise error(_TOLD)
        return method(self, *arguments, **named)

    return watched


def functions(pyplot: Any) -> list[str]:
    """The names of what can be called of pyplot."""
    return [name for name, value in vars(pyplot).items() if callable(value)]


def overwritten(pyplot: Any, known: Iterable[str]) -> str:
    """A function of pyplot (of those `known`), or a method of an open figure's, that is none any more; "" if all are.

    `plt.title = "Sales"` and `ax.set_title = "Sales"` set no title.
    """
    for name in known:
        if not callable(getattr(pyplot, name, None)):
            return f"plt.{name}"
    for figure in map(pyplot.figure, pyplot.get_fignums()):
        for owner, called in ((figure, "fig"), *((axes, "ax") for axes in figure.axes)):
            for name, value in vars(owner).items():
                if callable(getattr(type(owner), name, None)) and not callable(value):
                    return f"{called}.{name}"
    return ""
