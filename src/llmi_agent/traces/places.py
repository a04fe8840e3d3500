"""Where traces are: journals, homes, exported files, and folders of them, all read alike."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.records.database import FAULTS
from llmi_agent.records.journal import Journal, store_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces.exchange import lines, tables
from llmi_agent.traces.exchange.back import NEEDED, TOLD, broken, trace_of
from llmi_agent.traces.exchange.form import NAME
from llmi_agent.traces.trace import Trace

Place: TypeAlias = "str | Path | Journal | Source | Iterable[str | Path | Journal | Source]"
"""A journal, with the store that it is beside, or its file; a home of LLMI; an exported file; a folder that holds any of these; or several of all that."""

JOURNAL = "journal.db"
FIRST_LINES = 5
"""Lines of a file of which one must be a trace: the first may be damaged."""
_WITHIN = ("", "artifacts")
"""Where a journal lies in a folder: in the artifact store's, or in a home's."""
DEEPEST, MOST_ENTRIES = 4, 20_000
"""How deep traces are looked for in a folder, and among how many entries."""
_ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst")


class Source(Protocol):
    """One place whose traces can be read."""

    @property
    def name(self) -> str:
        """What people call it: a path."""

    def traces(self) -> Iterator[Trace]:
        """Its traces, the oldest first. Raises InputError where it can be read no further."""


@dataclass(frozen=True)
class InJournal:
    """The episodes of a journal, and the pictures beside it."""

    journal: Journal
    pictures: ArtifactStore | None = field(default=None)

    @property
    def name(self) -> str:
        return str(self.journal.path)

    def traces(self) -> Iterator[Trace]:
        for episode in reversed(self.journal.episodes()):
            yield Trace(episode, partial(self.journal.read, episode), self.pictures)


@dataclass(frozen=True)
class InLines:
    """The rows of an exported file of JSON lines."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def traces(self) -> Iterator[Trace]:
        for number, row in lines.rows_in(self.path):
            where = f"line {number} of {self.path}"
            if isinstance(row, InputError):
                yield broken(where, f"{where} cannot be read: {row}")
            else:
                yield trace_of(row, self.path, where)


@dataclass(frozen=True)
class InTable:
    """The rows of an exported Parquet file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def traces(self) -> Iterator[Trace]:
        for number, row in enumerate(tables.rows_in(self.path, (*NEEDED, *TOLD)), 1):
            yield trace_of(row, self.path, f"row {number} of {self.path}")


def sources(place: Place) -> list[Source]:
    """What there is to read at a place, by itself. Raises InputError if that is nothing."""
    if isinstance(place, Journal):
        return [InJournal(place, store_beside(place))]
    if isinstance(place, str | Path):
        return _at(Path(place).expanduser())
    if isinstance(place, Iterable):
        return list(chain.from_iterable(map(sources, place)))
    return [place]


def _at(path: Path) -> list[Source]:
    try:
        if path.is_file():
            return [_file(path)]
        found = list(_Search(path).within(path, DEEPEST)) if path.is_dir() else []
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if not found:
        raise InputError(
            f"there are no traces in {path}: name a home of LLMI, a journal ({JOURNAL}), or a file that "
            "`llmi traces export` wrote"
        )
    return found


def _file(path: Path) -> Source:
    """A file that somebody has named. Raises InputError if it holds no traces."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"SQLite format 3\0"):
        if not _is_journal(path):
            raise InputError(f"{path} is a database, but no journal of LLMI")
        return InJournal(Journal(path), ArtifactStore(path.parent))
    if head.startswith(b"PAR1"):
        columns = tables.columns_in(path)
        if not set(NEEDED) <= set(columns):
            raise InputError(f"{path} holds no traces of LLMI: its columns are {_shown(columns)}")
        return InTable(path)
    rows = _beginning(path)
    if any(_is_ours(row) for _, row in rows):
        return InLines(path)
    if not rows:
        raise InputError(f"{path} holds no traces, it is empty")
    number, first = rows[0]
    if isinstance(first, InputError):
        raise InputError(f"{path} holds no traces: line {number}: {first}")
    raise InputError(f"{path} holds no traces of LLMI: its columns are {_shown(first)}")


def _beginning(path: Path) -> list[tuple[int, dict[str, object] | InputError]]:
    """The first lines, until one is ours. Raises InputError if not even the first can be read."""
    found: list[tuple[int, dict[str, object] | InputError]] = []
    try:
        for number, row in islice(lines.rows_in(path), FIRST_LINES):
            found.append((number, row))
            if _is_ours(row):
                break
    except InputError:
        if not found:
            raise
    return found


def _shown(columns: Iterable[object]) -> str:
    names = [str(each)[:40] for each in columns]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "none"


def _is_ours(row: dict[str, object] | InputError) -> bool:
    return isinstance(row, dict) and str(row.get("schema", "")).startswith(f"{NAME}/")


def _is_journal(path: Path) -> bool:
    """Whether it has the table of one; somebody else's database is not to be touched."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            columns = {row[1] for row in connection.execute("PRAGMA table_info(records)")}
    except FAULTS as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CANTOPEN:
            return True  # in a folder that may only be read: a journal is copied then
        raise InputError(f"{path} cannot be read: {error}") from None
    return {"episode", "kind", "key", "data", "at"} <= columns


class _Search:
    """Looks for traces in a folder that may be anything, and gives up on one that nobody can mean."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = MOST_ENTRIES

    def within(self, folder: Path, depth: int) -> Iterator[Source]:
        """Those in a folder and its folders, links to which are not followed."""
        for inner in _WITHIN:
            if os.path.isfile(folder / inner / JOURNAL):  # noqa: PTH113 - False where one may not look
                yield _file(folder / inner / JOURNAL)
                return
        for entry in self._entries(folder):
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth > 1:
                    yield from self.within(path, depth - 1)
            elif path.name.endswith(_ENDINGS) and path.is_file() and (found := _exported(path)):
                yield found

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        found: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._left -= 1
                    if self._left < 0:
                        raise InputError(
                            f"{self._root} holds more than {MOST_ENTRIES:,} files and folders, too many to look for "
                            "traces in; name the home, the journal or the files"
                        )
                    if not entry.name.startswith("."):
                        found.append(entry)
        except OSError:  # a folder of somebody else's, or of the system's own
            return []
        return sorted(found, key=lambda each: each.name)


def _exported(path: Path) -> Source | None:
    """A file in a folder, if it holds traces; others may lie beside."""
    if path.name.endswith(".parquet"):
        ours = tables.names(path, NEEDED) and set(NEEDED) <= set(tables.columns_in(path))
        return InTable(path) if ours else None
    return InLines(path) if any(_is_ours(row) for _, row in _beginning(path)) else None
