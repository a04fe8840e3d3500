"""Traces into a file of one form, streamed, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from llmi_agent.base.errors import InputError
from llmi_agent.traces.exchange import atif, lines, tables, training
from llmi_agent.traces.exchange.answers import Count
from llmi_agent.traces.exchange.form import COLUMNS, NAME, VERSION, Form
from llmi_agent.traces.exchange.llm_i import llm_i
from llmi_agent.traces.exchange.pictures import Carriage, Carrier
from llmi_agent.traces.exchange.row import row_of
from llmi_agent.traces.exchange.training import Pairs
from llmi_agent.traces.exchange.whole import beside, sweep, write_whole
from llmi_agent.traces.trace import Trace

Kind: TypeAlias = Literal["parquet", "jsonl", "atif", "sft", "dpo", "kto", "llm-i"]
"""The forms that there are."""
KINDS: tuple[Kind, ...] = get_args(Kind)
LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
MOST_NAMED = 1_000
"""Episodes that are named of those which cannot be exported; the rest are counted."""
_UNREADABLE = (InputError, ValueError, OverflowError, RecursionError)


@dataclass
class Exported:
    """What became of an export."""

    out: Path
    form: Kind
    episodes: int = 0
    """Those that were read."""
    rows: int = 0
    pictures: int = 0
    """Files that went along."""
    absent: int = 0
    """Files that are no longer there, or not as they were."""
    unreadable: int = 0
    """Episodes that cannot be read, or hold what the form cannot."""
    named: list[tuple[str, str]] = field(default_factory=list)
    """Some of these, and why."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What the form has no place for, by the reason."""

    def fail(self, episode: str, why: str) -> None:
        """An episode cannot be exported."""
        self.unreadable += 1
        if len(self.named) < MOST_NAMED:
            self.named.append((episode, why))


def form_of(out: Path, form: str | None) -> Kind:
    """The form that is meant. Raises InputError if that is not clear, or does not go with the file's ending."""
    lined, parquet = out.name.endswith(LINES), out.name.endswith(".parquet")
    if form is None:
        if lined or parquet:
            return "jsonl" if lined else "parquet"
        raise InputError(
            f"{out} does not say its form by its ending: name it .parquet or {', '.join(LINES)}, or give --form"
        )
    if form not in KINDS:
        raise InputError(f"there is no form {form!r}; there are {', '.join(KINDS)}")
    if (form == "parquet" and lined) or (form in ("jsonl", "atif") and parquet):
        raise InputError(f"{out} has the ending of another form than {form}")
    if form not in ("parquet", "jsonl", "atif") and not lined and not parquet:
        raise InputError(
            f"{out} must end in .parquet or {', '.join(LINES)}, so that its readers know it"
        )
    return form


def export(
    traces: Iterable[Trace],
    out: Path | str,
    form: str | None = None,
    *,
    pictures: Carriage | None = None,
    tokens: bool = False,
    pairs: Pairs | None = None,
    peers: Iterable[Trace] = (),
) -> Exported:
    """Write the traces to a file. What cannot be exported is counted in what is returned.

    out: its ending says the form, if that is one of whole traces: `.parquet`, `.jsonl`, `.jsonl.gz`, `.jsonl.zst`. For
        `atif` also a folder, with a file for each episode.
    pictures: by default beside the file; of `sft`, `dpo` and `kto` not at all, and then answers to pictures are left out.
    tokens: `sft` gives ids instead of messages.
    pairs: `dpo` takes every two of a group (`all`, the default), or only the best and the worst.
    peers: further members of the groups that `traces` are some of: they make the means of `kto` as well, and no rows.

    Raises InputError for what does not go together, LlmiError if the file cannot be written.
    """
    out = Path(out).expanduser()
    kind = form_of(out, form)
    how = pictures or ("none" if kind in ("sft", "dpo", "kto") else "beside")
    _check(kind, how, tokens, pairs)
    sweep(out)
    done = Exported(out, kind)
    parquet = kind == "parquet" or out.name.endswith(".parquet")
    carrier, count = Carrier(how, out, as_text=not parquet), Count()
    if kind == "atif":
        _trajectories(traces, out, carrier, done)
    elif kind in ("parquet", "jsonl"):
        _write(
            _rows(traces, carrier, done),
            out,
            COLUMNS,
            (NAME, VERSION),
            carrier,
            done,
            parquet=parquet,
        )
    else:
        columns = training.columns(kind, tokens=tokens, images=how != "none")
        readable = _readable(traces, done)
        rows = _of_training(kind, readable, carrier, count, tokens, pairs or "all", peers)
        _write(rows, out, columns, (f"llmi-{kind}", 1), carrier, done, parquet=parquet)
    done.pictures, done.absent = carrier.carried, carrier.absent
    done.left_out = dict(count.left_out.most_common())
    return done


def _check(kind: Kind, how: Carriage, tokens: bool, pairs: Pairs | None) -> None:
    if kind == "atif" and how == "inside":
        raise InputError("ATIF names pictures by their paths: they can go beside it, not inside")
    if tokens and kind != "sft":
        raise InputError(f"token ids instead of messages are for the form sft, not for {kind}")
    if pairs and kind != "dpo":
        raise InputError(f"pairs of runs are for the form dpo, not for {kind}")


def _of_training(
    kind: Kind,
    traces: Iterator[Trace],
    carrier: Carrier,
    count: Count,
    tokens: bool,
    pairs: Pairs,
    peers: Iterable[Trace],
) -> Iterator[dict[str, Any]]:
    match kind:
        case "sft":
            return training.sft(traces, carrier, count, tokens=tokens)
        case "dpo":
            return training.dpo(traces, carrier, count, pairs)
        case "kto":
            return training.kto(traces, carrier, count, _legible(peers))
        case _:
            return llm_i(traces, carrier, count)


def _readable(traces: Iterable[Trace], done: Exported) -> Iterator[Trace]:
    """Those of which a trainer can be given anything."""
    for trace in traces:
        done.episodes += 1
        try:
            trace.opened, trace.calls, trace.rewards  # noqa: B018 - they are read here or never
        except _UNREADABLE as error:
            done.fail(trace.episode, str(error))
        else:
            yield trace


def _legible(traces: Iterable[Trace]) -> Iterator[Trace]:
    """Those whose rewards can be read."""
    for trace in traces:
        with contextlib.suppress(*_UNREADABLE):
            trace.opened, trace.rewards  # noqa: B018
            yield trace


def _rows(traces: Iterable[Trace], carrier: Carrier, done: Exported) -> Iterator[dict[str, Any]]:
    for trace in traces:
        done.episodes += 1
        try:
            yield row_of(trace, carrier)
        except _UNREADABLE as error:
            done.fail(trace.episode, str(error))


def _write(
    rows: Iterator[dict[str, Any]],
    out: Path,
    columns: Mapping[str, Form],
    metadata: tuple[str, int],
    carrier: Carrier,
    done: Exported,
    *,
    parquet: bool,
) -> None:
    with beside(out) as new, _sink(new, out, columns, metadata, carrier, parquet=parquet) as write:
        for row in rows:
            try:
                write(row)
            except lines.TooLongError as error:
                done.fail(str(row.get("episode", "")), str(error))
            else:
                done.rows += 1


@contextmanager
def _sink(
    new: Path,
    out: Path,
    columns: Mapping[str, Form],
    metadata: tuple[str, int],
    carrier: Carrier,
    *,
    parquet: bool,
) -> Iterator[Callable[[Mapping[str, Any]], object]]:
    if parquet:
        schema = tables.schema_of(columns, *metadata, images=carrier.how == "inside")
        with tables.rows_to(new, schema) as rows:
            yield rows.write
    else:
        with lines.lines_to(new, out.name) as write:
            yield lambda row: write(lines.line_of(row))


def _trajectories(traces: Iterable[Trace], out: Path, carrier: Carrier, done: Exported) -> None:
    found = _each(traces, carrier, done)
    if out.name.endswith(LINES):
        with beside(out) as new, lines.lines_to(new, out.name) as write:
            for _, trajectory in found:
                write(lines.line_of(trajectory))
                done.rows += 1
        return
    if out.suffix and not out.is_dir():
        raise InputError(
            f"{out} must end in {', '.join(LINES)} for a line an episode, or be a folder for a file each"
        )
    carrier.beside = out / "trajectories"
    for episode, trajectory in found:
        write_whole(out / f"{_file_name(episode)}.json", lines.line_of(trajectory))
        done.rows += 1


def _each(
    traces: Iterable[Trace], carrier: Carrier, done: Exported
) -> Iterator[tuple[str, dict[str, Any]]]:
    for trace in traces:
        done.episodes += 1
        try:
            yield trace.episode, atif.trajectory_of(trace, carrier)
        except _UNREADABLE as error:
            done.fail(trace.episode, str(error))


def _file_name(episode: str) -> str:
    plain = re.sub(r"[^0-9A-Za-z_-]", "_", episode)[:100]
    return (
        plain if plain == episode else f"{plain}-{hashlib.sha256(episode.encode()).hexdigest()[:8]}"
    )
