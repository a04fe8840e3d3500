"""The `llmi_gallery` tool: a query in, the best pictures of the user's folders out."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from llmi_agent.contract import (
    BaseTool,
    Health,
    Image,
    Produced,
    Provenance,
    SearchParams,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolRetry,
)
from llmi_agent.contract.picture_header import picture_size
from llmi_gallery import index, samples
from llmi_gallery.scan import Found, Scan

CANDIDATES = 4
MOST_BYTES = 32 * 1024 * 1024
"""Of one picture."""
_SPARE = 12
"""Further hits to look at, should files be unreadable."""

_PLACE_TROUBLE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What a search found: readable pictures, or else words that would find some."""

    images: tuple[Image, ...]
    suggestions: list[str]


@dataclass
class Gallery(BaseTool):
    """Searches the folders of pictures; looks for changes in them once per episode."""

    _fresh: set[Path] = field(default_factory=set)
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, call: ToolCall, context: ToolContext) -> Produced:
        """Up to four candidates, best first. Raises ToolRetry where nothing matches."""
        assert isinstance(call.params, SearchParams)
        query = call.params.query
        folders = _folders(context)

        def warn(message: str) -> None:
            context.log.warning(message)

        async with self._refreshing:
            answer = await asyncio.to_thread(self._answer, folders, query, warn)
        if not answer.images:
            raise ToolRetry(_no_match(query, answer.suggestions))
        return Produced(answer.images, usd=0.0)

    async def check(self, context: ToolContext) -> Health:
        """Whether there is anything to search."""
        folders = _folders(context)
        if folders:
            return Health(ok=True, message=f"searches {', '.join(map(str, folders))}")
        count = len(list(samples.pictures()))
        return Health(
            ok=count > 0, message=f"no folder given (--images DIR): {count} sample photos"
        )

    def _answer(self, folders: tuple[Path, ...], query: str, warn: Warn) -> Answer:
        place = _place(folders) if folders else None
        try:
            return self._search(place, folders, query, warn)
        except (sqlite3.Error, OSError) as error:
            self._fresh.clear()
            if place is not None and _is_broken(error) and _discarded(place):
                warn(f"the gallery's index is built anew: {error}")
                return self._search(place, folders, query, warn)
            warn(f"the gallery's index cannot be kept in {place}: {error}")
            return self._search(None, folders, query, warn)

    def _search(
        self, place: Path | None, folders: tuple[Path, ...], query: str, warn: Warn
    ) -> Answer:
        with index.opened(place) as gallery:
            if place not in self._fresh:
                gallery.refresh(_pictures(folders, warn))
                self._fresh |= {place} if place else set()
            hits = gallery.search(query, CANDIDATES + _SPARE)
            images = _candidates(hits, warn)
            return Answer(images, [] if images else gallery.suggestions(query))


def _folders(context: ToolContext) -> tuple[Path, ...]:
    """The folders to search, from `--images` and from the settings. Raises ToolFailed."""
    setting = context.settings.get("folders", [])
    if not isinstance(setting, list | tuple) or not all(isinstance(item, str) for item in setting):
        raise ToolFailed("[tools.llmi_gallery] folders: must be a list of paths", "unavailable")
    named = [*context.folders, *(Path(item).expanduser() for item in setting)]
    found = tuple(sorted({path.resolve() for path in named if path.is_dir()}))
    if named and not found:
        missing = ", ".join(str(path) for path in named)
        raise ToolFailed(f"no such folder of pictures: {missing}", "unavailable")
    return found


def _pictures(folders: tuple[Path, ...], warn: Warn) -> Iterable[Found]:
    if not folders:
        yield from samples.pictures()
    for folder in folders:
        yield from Scan(folder, warn).pictures()


def _place(folders: tuple[Path, ...]) -> Path:
    """The index file of these folders: they may be read-only, so it lies in the user's cache."""
    home = os.environ.get("LLMI_HOME")
    root = Path(home).expanduser() / "cache" if home else Path(platformdirs.user_cache_dir("llmi"))
    name = hashlib.sha256(b"\0".join(map(os.fsencode, folders))).hexdigest()[:24]
    return root / "gallery" / f"{name}.sqlite3"


def _is_broken(error: Exception) -> bool:
    """Whether a new index would do, rather than the place being locked, full or read-only."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return isinstance(error, sqlite3.Error) and code not in _PLACE_TROUBLE


def _discarded(place: Path) -> bool:
    try:
        index.discard(place)
    except OSError:
        return False
    return True


def _candidates(hits: Iterable[index.Hit], warn: Warn) -> tuple[Image, ...]:
    images: list[Image] = []
    for hit in hits:
        try:
            images.append(Image(_read(hit.path), _provenance(hit)))
        except OSError as error:
            warn(f"{hit.path} is left out: {error.strerror or error}")
        if len(images) == CANDIDATES:
            break
    return tuple(images)


def _read(path: Path) -> bytes:
    """The picture's bytes. Raises OSError, also for what does not begin as a picture."""
    if not 0 < path.stat().st_size <= MOST_BYTES:
        raise OSError(f"empty, or larger than {MOST_BYTES >> 20} MB")
    data = path.read_bytes()
    if picture_size(data) is None:
        raise OSError("not a picture")
    return data


def _provenance(hit: index.Hit) -> Provenance:
    """What the captions say; only the file's name is told, never where it lies."""
    said = hit.caption
    return Provenance(
        provider="llmi-gallery",
        title=said.title or hit.path.name,
        creator=said.creator or None,
        licence=said.licence or None,
        licence_url=said.licence_url or None,
        attribution=said.attribution or None,
        source_url=said.source_url or None,
        page_url=said.page_url or None,
    )


def _no_match(query: str, suggestions: list[str]) -> str:
    known = ", ".join(suggestions)
    return f"no picture matches {query[:200]!r}; " + (
        f"this gallery knows words such as {known}" if known else "this gallery holds no pictures"
    )
