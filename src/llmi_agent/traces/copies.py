"""An episode that is found more than once: its accounts are made into one, as an import makes them."""

from __future__ import annotations

import pickle
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.records.record import Record
from llmi_agent.traces.exchange import lines, tables
from llmi_agent.traces.exchange.merging import comparable, merged
from llmi_agent.traces.places import InJournal, InLines, InTable, Source
from llmi_agent.traces.trace import Trace

T = TypeVar("T")


def repeated(found: Sequence[Source]) -> set[str]:
    """The episodes that are there more than once. A journal alone has each once."""
    if len(found) == 1 and isinstance(found[0], InJournal):
        return set()
    counts: Counter[str] = Counter()
    for source in found:
        with suppress(InputError):  # whoever reads the traces is told
            counts.update(_names(source))
    return {name for name, count in counts.items() if count > 1}


def _names(source: Source) -> Iterator[str]:
    match source:
        case InJournal():
            yield from source.journal.episodes()
        case InLines():
            yield from lines.named_in(source.path, "episode")
        case InTable():
            yield from (str(row["episode"]) for row in tables.rows_in(source.path, ("episode",)))
        case _:
            yield from (each.episode for each in source.traces())


def whole(copies: Sequence[Trace]) -> Trace:
    """One trace of all copies of an episode, which says what all of them say. If they contradict each other, that is said when
    something is asked of it."""
    first, *others = copies
    if not others:
        return first
    stores = [each.pictures for each in copies if each.pictures is not None]
    same = all(each.told == first.told for each in others)
    return Trace(
        first.episode,
        partial(_account, tuple(copies)),
        _Stores(tuple(stores)) if stores else None,
        first.told if same else None,
    )


def _account(copies: Sequence[Trace]) -> Sequence[Record]:
    first, *others = (_comparable(each) for each in copies)
    for other in others:
        try:
            first = merged(first, other)
        except InputError as error:
            raise InputError(
                f"the run {copies[0].episode} is found {len(copies)} times, and two of these contradict each other ({error}): "
                "take away the wrong one"
            ) from None
    return first


def _comparable(trace: Trace) -> list[Record]:
    try:
        return comparable(trace.records)
    except ValueError as error:
        raise InputError(f"its token arrays are damaged: {error}") from None


@dataclass(frozen=True)
class _Stores:
    """Several places of pictures: what one lacks, another may have."""

    stores: Sequence[ArtifactReader]

    def read(self, digest: str) -> bytes:
        """As the first that has it. Raises what the last one does."""
        return self._first(lambda store: store.read(digest))

    def path(self, digest: str) -> Path:
        """As `read`."""
        return self._first(lambda store: store.path(digest))

    def _first(self, ask: Callable[[ArtifactReader], T]) -> T:
        *first, last = self.stores
        for each in first:
            with suppress(KeyError, OSError, InputError):
                return ask(each)
        return ask(last)


class Copies:
    """The copies of episodes, until all are there: those of files on disk, in a file of SQLite's own."""

    def __init__(self) -> None:
        self._tables = sqlite3.connect("")
        self._tables.execute("CREATE TABLE copies (number INTEGER PRIMARY KEY, kept BLOB)")
        self._found: dict[str, list[Trace | int]] = defaultdict(list)
        self._pictures: dict[int, ArtifactReader | None] = {}

    def take(self, trace: Trace, source: Source) -> None:
        """One more of an episode."""
        if isinstance(source, InJournal):
            self._found[trace.episode].append(trace)
            return
        kept: Sequence[Record] | str
        try:
            kept = trace.records
        except InputError as error:
            kept = str(error)
        row = (pickle.dumps((kept, trace.told)),)
        number = self._tables.execute("INSERT INTO copies (kept) VALUES (?)", row).lastrowid
        assert number is not None
        self._pictures[number] = trace.pictures
        self._found[trace.episode].append(number)

    def traces(self) -> Iterator[Trace]:
        """One of each episode."""
        for episode, copies in self._found.items():
            yield whole([self._trace(episode, each) for each in copies])

    def _trace(self, episode: str, copy: Trace | int) -> Trace:
        if isinstance(copy, Trace):
            return replace(copy)  # what it has read is kept by nobody else
        query = "SELECT kept FROM copies WHERE number = ?"
        kept, told = pickle.loads(self._tables.execute(query, (copy,)).fetchone()[0])
        return Trace(episode, partial(_given, kept), self._pictures[copy], told)


def _given(kept: Sequence[Record] | str) -> Sequence[Record]:
    if isinstance(kept, str):
        raise InputError(kept)
    return kept
