"""The index: an SQLite file that is brought up to date, searched, and thrown away when it is broken."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

from llmi_gallery import words
from llmi_gallery.captions import Caption
from llmi_gallery.scan import Described, Found

_VERSION = 1
_PATIENCE = 20.0
"""Seconds to wait while another process writes the same index."""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS picture (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, stamp TEXT NOT NULL, caption TEXT NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS text USING fts5(
    title, caption, tags, name, folder, tokenize = 'porter unicode61 remove_diacritics 2'
);
PRAGMA user_version = {_VERSION};
COMMIT;
"""
# title, caption, tags, name, folder
_WEIGHTS = "8.0, 6.0, 6.0, 3.0, 1.0"
# The LIMIT keeps SQLite from merging this query into the outer one, where there is no bm25.
_ONE_TERM = f"SELECT rowid, bm25(text, {_WEIGHTS}) AS score FROM text WHERE text MATCH ? LIMIT -1"


@dataclass(frozen=True)
class Hit:
    """One picture that matches."""

    path: Path
    caption: Caption


@dataclass(frozen=True)
class Index:
    """An open index. Made by `opened`."""

    _db: sqlite3.Connection

    def refresh(self, found: Iterable[Found]) -> int:
        """Make the index hold exactly `found`; returns how many pictures had to be described anew."""
        pictures = {os.fsencode(picture.path): picture for picture in found}
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            rows = self._db.execute("SELECT path, id, stamp FROM picture")
            known = {path: (number, stamp) for path, number, stamp in rows}
            stale = {
                path
                for path, (_, stamp) in known.items()
                if path not in pictures or pictures[path].stamp != stamp
            }
            self._forget(known[path][0] for path in stale)
            fresh = [path for path in pictures if path not in known or path in stale]
            for path in fresh:
                self._add(path, pictures[path].stamp, pictures[path].describe())
        return len(fresh)

    def search(self, query: str, most: int) -> list[Hit]:
        """The pictures that match: most distinct words first, then the best places for them."""
        terms = words.terms(query)
        if not terms:
            return []
        each = " UNION ALL ".join([f"SELECT * FROM ({_ONE_TERM})"] * len(terms))
        rows = self._db.execute(
            "SELECT picture.path, picture.caption FROM "
            f"(SELECT rowid, COUNT(*) AS words, SUM(score) AS score FROM ({each}) GROUP BY rowid) AS hit "
            "JOIN picture ON picture.id = hit.rowid "
            "ORDER BY hit.words DESC, hit.score, picture.path LIMIT ?",
            (*terms, most),
        )
        return [Hit(Path(os.fsdecode(path)), Caption(**json.loads(text))) for path, text in rows]

    def suggestions(self, query: str, most: int = 12) -> list[str]:
        """Words that this index knows: those that look like the query's first, then the usual ones."""
        rows = self._db.execute("SELECT title, tags, name FROM text LIMIT 2000")
        counted = Counter(
            word
            for row in rows
            for word in {*" ".join(row).lower().replace(",", " ").split()}
            if len(word) > 2 and word.isalpha() and word not in words.STOP_WORDS
        )
        common = [word for word, _ in counted.most_common(2000)]
        alike = [
            near for word in query.lower().split() for near in get_close_matches(word, common, 2)
        ]
        return list(dict.fromkeys([*alike, *common]))[:most]

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._db.execute("DELETE FROM picture WHERE id = ?", (number,))
            self._db.execute("DELETE FROM text WHERE rowid = ?", (number,))

    def _add(self, path: bytes, stamp: str, what: Described) -> None:
        caption = what.caption
        number = self._db.execute(
            "INSERT INTO picture (path, stamp, caption) VALUES (?, ?, ?)",
            (path, stamp, json.dumps(asdict(caption))),
        ).lastrowid
        texts = (caption.title, caption.caption, caption.tags, what.name, what.folder)
        self._db.execute(
            "INSERT INTO text (rowid, title, caption, tags, name, folder) VALUES (?, ?, ?, ?, ?, ?)",
            (number, *map(words.spaced, texts)),
        )


@contextmanager
def opened(place: Path | None) -> Iterator[Index]:
    """The index kept in the file `place`; None keeps it in memory. Raises sqlite3.Error, OSError.

    Processes may share a file: each waits while another one writes.
    """
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(place or ":memory:", timeout=_PATIENCE, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = OFF")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"made by another version of llmi-gallery ({version})")
        if version == 0:
            db.executescript(_SCHEMA)
        yield Index(db)
    finally:
        db.close()


def discard(place: Path) -> None:
    """Remove a broken index; the next `opened` makes a new one. Raises OSError."""
    for suffix in ("", "-journal"):
        Path(f"{place}{suffix}").unlink(missing_ok=True)
