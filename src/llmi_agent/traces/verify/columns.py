"""The columns of an exported row that are for readers without LLMI: they say what its records say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.traces.exchange.pictures import Carrier
from llmi_agent.traces.exchange.row import row_of
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify.finding import Found

_NEAR = 1e-9
"""Part of a number by which two that are the same may differ: other programs add up in another order."""


def of_columns(trace: Trace, told: Mapping[str, Any]) -> Iterator[Found]:
    """Each that says something else. Those that are not there are not looked at."""
    try:
        row = row_of(trace, Carrier("none"))
    except (
        InputError,
        LookupError,
        ValueError,
        TypeError,
    ):  # what is wrong with it is said elsewhere
        return
    for name, said in told.items():
        if not _same(said, row[name]):
            at, one, other = _difference(said, row[name], name)
            yield Found("row", f"its column {at} says {one!r:.60}, and its records {other!r:.60}")


def _same(said: Any, own: Any) -> bool:
    if isinstance(own, list):
        both = isinstance(said, list) and len(said) == len(own)
        return both and all(map(_same, said, own))
    if isinstance(own, dict):
        return isinstance(said, dict) and all(_same(v, own.get(k)) for k, v in said.items())
    if _number(said) and _number(own):
        return said == own or math.isclose(said, own, rel_tol=_NEAR)
    if isinstance(said, str) and isinstance(own, str):
        return _whole(said) == _whole(own)
    return bool(_none(said) and _none(own)) or said == own


def _difference(said: Any, own: Any, at: str) -> tuple[str, Any, Any]:
    """Where two values differ first, and what both say there."""
    if isinstance(said, list) and isinstance(own, list) and len(said) == len(own):
        for number, (one, other) in enumerate(zip(said, own, strict=True)):
            if not _same(one, other):
                return _difference(one, other, f"{at}[{number}]")
    if isinstance(said, dict) and isinstance(own, dict):
        for name, one in said.items():
            if not _same(one, own.get(name)):
                return _difference(one, own.get(name), f"{at}.{name}")
    return at, said, own


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not _none(value)


def _none(value: Any) -> bool:
    """Some programs write no number for what is missing."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _whole(text: str) -> str:
    """Half a surrogate pair is no text in a file."""
    return text.encode("utf-8", "replace").decode()
