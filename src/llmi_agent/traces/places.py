"""Where traces are: journals, homes, exported files, and folders of them, all read alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import ArtifactReader
from llmi_agent.records.journal import Journal
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.traces.trace import Trace

Place: TypeAlias = "str | Path | Journal | Source | Iterable[str | Path | Journal | Source]"
"""A journal, or its file; a home of LLMI; an exported file; a folder that holds any of these; or several of all that."""

JOURNAL = "journal.db"
_WITHIN = ("", "artifacts")
"""Where a journal lies in a folder: in the artifact store's, or in a home's."""


class Source(Protocol):
    """One place whose traces can be read."""

    @property
    def name(self) -> str:
        """What people call it: a path."""

    @property
    def pictures(self) -> ArtifactReader | None:
        """The bytes of pictures and attachments that its traces name; None if they are not there."""

    def traces(self) -> Iterator[Trace]:
        """Its traces, the oldest first."""


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
            yield Trace(episode, partial(self.journal.read, episode))


def traces(place: Place) -> Iterator[Trace]:
    """Every trace there, the oldest of each file first; an episode that is found twice is given once.

    Each is read when something is asked of it. Raises InputError for a place where there is nothing to read.
    """
    seen: set[str] = set()
    for source in sources(place):
        for trace in source.traces():
            if trace.episode not in seen:
                seen.add(trace.episode)
                yield trace


def sources(place: Place) -> list[Source]:
    """What there is to read at a place, by itself. Raises InputError if that is nothing."""
    if isinstance(place, Journal):
        return [InJournal(place)]
    if isinstance(place, str | Path):
        found = list(_at(Path(place).expanduser()))
        if not found:
            raise InputError(
                f"there are no traces in {place}: name a home of LLMI, a journal ({JOURNAL}), or a file that "
                "`llmi traces export` wrote"
            )
        return found
    if isinstance(place, Iterable):
        return list(chain.from_iterable(map(sources, place)))
    return [place]


def _at(path: Path) -> Iterator[Source]:
    if path.is_file():
        yield InJournal(Journal(path), ArtifactStore(path.parent))
    for within in _WITHIN:
        if (path / within / JOURNAL).is_file():
            folder = path / within
            yield InJournal(Journal(folder / JOURNAL), ArtifactStore(folder))
            return
    if path.is_dir():
        for each in sorted(path.iterdir()):
            yield from _at(each)
