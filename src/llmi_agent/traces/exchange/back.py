"""A row that somebody exported, read back: it is not to be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.records import arrays
from llmi_agent.records.events import ModelEnded, Tokens
from llmi_agent.records.record import Record
from llmi_agent.traces.exchange.form import COLUMNS, NAME, SCHEMA, VERSION, fitted
from llmi_agent.traces.exchange.pictures import Carried
from llmi_agent.traces.trace import Trace

NEEDED = ("schema", "episode", "calls", "pictures", "attachments", "records")
"""The columns that a trace is read back from; the others are for readers without LLMI."""
TOLD = tuple(each for each in COLUMNS if each not in (*NEEDED, "slots", "markdown"))
"""Columns that say again what the records say; left out is what is large, or says how the pictures lie."""
_OF_CALLS = (
    "call purpose model language_model answered_by weights slot attempt parent again accepted text raw withheld "
    "reasoning finish_reason cut error input_tokens output_tokens usd"
).split()
MOST_ID = 200
"""Characters of an episode's id."""


def trace_of(row: Mapping[str, Any], file: Path, where: str) -> Trace:
    """The trace in a row of this file. If it cannot be read, that is said when something is asked of it.

    where: what the row is called if it does not say its episode.
    """
    episode = row.get("episode")
    named = isinstance(episode, str) and 0 < len(episode) <= MOST_ID and episode.isprintable()
    name = str(episode) if named else where
    try:
        own = _checked(row, named)
    except ValueError as error:
        return broken(name, f"{where} cannot be read: {error}")
    files = [*(own["pictures"] or ()), *(own["attachments"] or ())]
    return Trace(
        name,
        lambda: records_of(own, where),
        Carried(files, file) if _came(files) else None,
        _told(row, own["calls"] or ()),
    )


def _told(row: Mapping[str, Any], calls: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    said = [{name: each[name] for name in _OF_CALLS if name in each} for each in calls]
    return {name: row[name] for name in TOLD if name in row} | {"calls": said}


def _came(files: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of them came along."""
    own = (each.get("image") or each.get("file") or {} for each in files)
    return any(each.get("bytes") or each.get("path") for each in own)


def broken(episode: str, why: str) -> Trace:
    """One that cannot be read."""

    def fail() -> Sequence[Record]:
        raise InputError(why)

    return Trace(episode, fail)


def _checked(row: Mapping[str, Any], named: bool) -> dict[str, Any]:
    """What is read of a row. Raises ValueError if it is none of ours."""
    schema = row.get("schema")
    if not isinstance(schema, str) or not schema.startswith(f"{NAME}/"):
        raise ValueError(f"it is no {SCHEMA}; its columns are {_shown(row)}")
    if schema != SCHEMA:
        raise ValueError(
            f"it is of the form {schema[:40]!r}, written by a later LLMI than this one, which reads {SCHEMA}; "
            "install that one"
        )
    if not named:
        raise ValueError("its episode has no id")
    if not row.get("records"):
        raise ValueError("it has no records")
    return {column: _fitted(row, column) for column in NEEDED}


def _fitted(row: Mapping[str, Any], column: str) -> Any:
    try:
        return fitted(row.get(column), COLUMNS[column])
    except ValueError as error:
        raise ValueError(
            f"its column {column!r} does not have the form of {NAME} {VERSION} ({error})"
        ) from None


def _shown(row: Mapping[str, Any]) -> str:
    names = [repr(str(each)[:40]) for each in row]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "none"


def records_of(row: Mapping[str, Any], where: str) -> list[Record]:
    """The episode's records, with the token arrays of its calls. Raises InputError for what cannot be one."""
    try:
        tokens = {each["call"]: _tokens(each) for each in row.get("calls") or () if _sampled(each)}
        records = [_record(each, tokens) for each in row["records"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where} is damaged: {_words(error)}") from None
    if tokens:
        raise InputError(f"{where} has token arrays of calls that are not among its records")
    return records


def _words(error: Exception) -> str:
    """What is wrong; of Python's own words, only those that we wrote."""
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _sampled(call: Mapping[str, Any]) -> bool:
    return call.get("completion_ids") is not None


def _record(given: Mapping[str, Any], tokens: dict[Any, bytes]) -> Record:
    record = Record(given["kind"], given["key"], given["data"], float(given["at"]), given["schema"])
    if not math.isfinite(record.at) or None in (
        record.kind,
        record.key,
        record.data,
        record.schema,
    ):
        raise ValueError("a record lacks its time, or what it says")
    if record.kind != ModelEnded.type:
        return record
    return Record(**{**vars(record), "tokens": tokens.pop(record.key, None)})


def _tokens(call: Mapping[str, Any]) -> bytes:
    pieces = call.get("pieces") or {}
    logprobs = call.get("logprobs")
    return arrays.pack(
        Tokens(
            completion=tuple(call["completion_ids"]),
            prompt=_maybe(tuple, call.get("prompt_ids")),
            # JSON has no word for what is no number.
            logprobs=None
            if logprobs is None
            else tuple(math.nan if n is None else n for n in logprobs),
            mode=call.get("logprob_mode") or "",
            pieces=tuple(
                zip(pieces.get("tokens") or (), pieces.get("characters") or (), strict=True)
            ),
        )
    )


def _maybe(make: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else make(value)
