"""The recorded calls behind rows, kept on disk: a check of a tokenizer or a template looks at some of them, once."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from llmi_agent.traces.parts import ModelCall
from llmi_train.rows.pictures import Gallery


@dataclass(frozen=True)
class Recorded:
    """A call of the policy as it is on record, and where it stands in its row."""

    call: ModelCall
    """What it was sent, what it wrote (`raw`, `reasoning`), its weights; without its tokens."""
    start: int
    """Its first token in the row's completion: it read the prompt and all tokens before that."""
    end: int
    """The one after its last token."""


class Shelf:
    """Calls by their episodes, in a file of SQLite's own, which goes with the process."""

    def __init__(self) -> None:
        self.gallery = Gallery()
        """The pictures that they were shown."""
        self._tables = sqlite3.connect("", check_same_thread=False)
        self._tables.execute("CREATE TABLE calls (episode TEXT PRIMARY KEY, kept BLOB)")

    def put(self, episode: str, recorded: Iterable[Recorded]) -> None:
        """All those of an episode."""
        row = episode, pickle.dumps({each.call.call: each for each in recorded})
        self._tables.execute("INSERT OR REPLACE INTO calls VALUES (?, ?)", row)

    def of(self, episode: str) -> dict[str, Recorded]:
        """Those of an episode, by their ids in it."""
        query = "SELECT kept FROM calls WHERE episode = ?"
        found = self._tables.execute(query, (episode,)).fetchone()
        kept: dict[str, Recorded] = pickle.loads(found[0]) if found else {}
        return kept
