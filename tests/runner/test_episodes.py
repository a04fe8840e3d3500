"""What is noted of an episode and known of it later, of older journals, too."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Composed, Event, Opened
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.runner.episodes import Episodes, Order
from llmi_agent.store.artifacts import ArtifactStore

VERSION_1 = Path(__file__).parents[1] / "records" / "data" / "journal_version_1.sql"
OPENED = Opened(
    prompt="Write.", model="a/model", bindings={"search": "a_search"}, options={"repairs": 5}
)
FORMER = {
    "prompt": "",
    "model": None,
    "fallback": ["b/model"],
    "api_base": "http://localhost:1",
    "budget": None,
    "cache": False,
    "attachments": ["t.csv"],
    "folders": [],
    "out": "/reports/one",
    "formats": ["html", "md"],
    "use": [["search", "a_search"]],
    "graph": "interleave",
    "resume": None,
}
"""As it was noted before there was a runner."""


@pytest.fixture
def journal(store: ArtifactStore) -> Iterator[Journal]:
    store.root.mkdir(parents=True)
    journal = journal_beside(store)
    yield journal
    journal.close()


def note(journal: Journal, episode: str, *events: Event) -> None:
    journal.write(episode, *map(entry_of, events))


def test_an_order_of_an_older_journal_is_recalled(store, journal) -> None:
    with sqlite3.connect(store.root / "journal.db") as connection:
        connection.executescript(VERSION_1.read_text())
        row = "4b35df9ecabf4ac98a039b9c11a0a407", "order", "", json.dumps(FORMER), 1.0
        connection.execute(
            "INSERT INTO records (episode, kind, key, data, at) VALUES (?, ?, ?, ?, ?)", row
        )
    connection.close()
    recalled = Episodes(store).recall("4b35")
    assert (recalled.episode[:4], recalled.prompt) == ("4b35", "Done.")
    out, formats = "/reports/one", ("html", "md")
    assert recalled.order == Order("interleave", ("b/model",), "http://localhost:1", out, formats)
    assert recalled.flags["fallback"] == ("b/model",)
    assert recalled.flags["api_base"] == "http://localhost:1"
    assert recalled.flags["use.search"] == "fake"
    assert recalled.flags["options.repairs"] == 0
    listed = Episodes(store).listed(10)
    assert {each.prompt: each.out for each in listed} == {
        "Done.": "/reports/one",
        "Failed.": None,
        "Cut.": None,
    }


def test_an_order_is_recalled_as_the_last_life_noted_it(store, journal) -> None:
    episodes = Episodes(store)
    note(journal, "feed01", OPENED)
    for out in ("/one", "/two"):
        episodes.remember("feed01", Order("mine", out=out, formats=("md",)))
    note(journal, "feed01", Composed(title="T"))  # waits for those before it
    recalled = episodes.recall("feed01")
    assert recalled.order == Order("mine", out="/two", formats=("md",))
    assert recalled.flags == {"model": "a/model", "use.search": "a_search", "options.repairs": 5}
    (listed,) = episodes.listed(10)
    assert (listed.out, listed.done, listed.prompt) == ("/two", True, "Write.")


def test_a_start_must_name_one_episode(store, journal) -> None:
    for episode in ("feed01", "feed02"):
        note(journal, episode, OPENED)
    with pytest.raises(InputError, match="2 runs begin with 'feed': feed02, feed01; write more"):
        Episodes(store).find("feed")
    with pytest.raises(InputError, match="there is no run 'beef' on record; `llmi runs` lists"):
        Episodes(store).find("beef")
    assert Episodes(store).find("feed02") == "feed02"
    assert Episodes(store).known("feed02") is not None
    assert Episodes(store).known("beef") is None
