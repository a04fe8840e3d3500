"""Clearing: what is kept, how much room is made, and that it is a query."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmi_agent.records.cache import GRACE_SECONDS, Cache
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import Composed, Opened, Rewarded
from llmi_agent.records.journal import Journal
from llmi_agent.records.record import Entry
from llmi_agent.store.artifacts import ArtifactStore


@pytest.fixture
def journal(store: ArtifactStore) -> Iterator[Journal]:
    own = Journal(store.root / "journal.db")
    yield own
    own.close()


def run(journal: Journal, store: ArtifactStore, episode: str, at: float, split: str = "") -> str:
    """A run with a picture of 100 kB of its own; the picture's digest."""
    digest = store.put(os.urandom(100_000))
    then = time.time() - 2 * GRACE_SECONDS
    os.utime(store.path(digest), (then, then))
    opened = entry_of(Opened(prompt=f"{digest} of {episode}", split=split))
    journal.write(
        episode,
        Entry(opened.kind, "", opened.data, at=at),
        Entry("composed", data='{"title": "T"}', at=at),
    )
    return digest


def reward(journal: Journal, episode: str) -> None:
    journal.write(episode, entry_of(Rewarded(scope="episode", component="total", value=1.0)))


def kept(journal: Journal) -> set[str]:
    return set(journal.episodes())


def test_what_may_be_trained_on_is_kept_unless_told(journal: Journal, store: ArtifactStore) -> None:
    digests = {
        each: run(journal, store, each, 1.0, "train" if each == "b" else "") for each in "abc"
    }
    reward(journal, "c")
    cleared = Cache(journal, store).clear(runs=True)
    assert (cleared.runs, cleared.spared, cleared.files.files) == (1, 2, 1)
    assert kept(journal) == {"b", "c"}
    assert digests["b"] in store
    assert digests["a"] not in store
    cleared = Cache(journal, store).clear(runs=True, everything=True)
    assert (cleared.runs, cleared.spared, kept(journal)) == (2, 0, set())
    assert journal.digests() == set()


def test_a_reward_makes_no_run_younger(journal: Journal, store: ArtifactStore) -> None:
    run(journal, store, "a", 1.0)
    reward(journal, "a")
    assert journal.forget_runs(time.time() - 60, everything=True).runs == 1


def test_room_is_made_of_the_oldest_and_of_no_more(journal: Journal, store: ArtifactStore) -> None:
    for number in range(20):
        run(journal, store, f"e{number:02}", 100.0 - number)  # the last one is the oldest
    reward(journal, "e19")
    cache = Cache(journal, store)
    with journal.hold("e18"):
        cleared = cache.clear(runs=True, down_to=1_000_000)
    assert cleared.left is not None
    assert 850_000 < cleared.left <= 1_000_000
    assert (cleared.running, cleared.spared) == (1, 0)
    gone = 20 - len(kept(journal))
    assert kept(journal) == {f"e{number:02}" for number in range(18 - gone)} | {"e18", "e19"}
    assert cleared.left == journal.size() + store.size().bytes
    before = kept(journal)
    assert cache.clear(runs=True, down_to=1_000_000).runs == 0
    assert kept(journal) == before
    cleared = cache.clear(runs=True, down_to=0)
    assert (kept(journal), cleared.spared) == ({"e19"}, 1)
    assert cleared.left is not None
    assert cleared.left > 100_000


def test_pictures_that_are_too_young_to_be_deleted_cost_no_run(
    journal: Journal, store: ArtifactStore
) -> None:
    for number in range(6):
        os.utime(store.path(run(journal, store, f"e{number}", number)))
    cleared = Cache(journal, store).clear(runs=True, down_to=450_000)
    assert (len(kept(journal)), cleared.runs) == (6, 0)
    assert (cleared.blocked.files, cleared.blocked.bytes) == (6, 600_000)
    assert cleared.left is not None
    assert cleared.left > 600_000
    assert Cache(journal, store).clear(runs=True, down_to=10**9).blocked.files == 0


def test_where_young_files_are_too_much_old_runs_go_and_young_ones_stay(
    journal: Journal, store: ArtifactStore
) -> None:
    for number in range(3):
        run(journal, store, f"old{number}", number)
        os.utime(store.path(run(journal, store, f"young{number}", time.time() - 1)))
    cleared = Cache(journal, store).clear(runs=True, down_to=1000)
    assert kept(journal) == {"young0", "young1", "young2"}
    assert (cleared.runs, cleared.files.files, cleared.blocked.files) == (3, 3, 3)


def test_what_is_young_and_what_nothing_mentions_counts_too(
    journal: Journal, store: ArtifactStore
) -> None:
    for number in range(20):
        run(journal, store, f"e{number:02}", number)
    for _ in range(5):
        store.put(os.urandom(100_000))
    cleared = Cache(journal, store).clear(runs=True, down_to=1_300_000)
    assert cleared.left is not None
    assert 1_150_000 < cleared.left <= 1_300_000
    assert (cleared.young.files, cleared.blocked.files) == (5, 0)
    assert kept(journal) == {f"e{number:02}" for number in range(cleared.runs, 20)}


@pytest.mark.parametrize("words", [0, 500, 9000])
def test_runs_without_pictures_go_until_records_are_small_enough(
    journal: Journal, store: ArtifactStore, words: int
) -> None:
    for number in range(300):
        text = os.urandom(words).hex()
        journal.write(f"e{number:03}", *map(entry_of, (Opened(prompt=text), Composed(title="T"))))
    much = journal.least() + (journal.used() - journal.least()) // 4
    cleared = Cache(journal, store).clear(runs=True, down_to=much, everything=True)
    assert cleared.left is not None
    assert cleared.left <= much or not kept(journal)
    assert cleared.left == journal.size() + store.size().bytes


def test_no_word_is_left(journal: Journal, store: ArtifactStore) -> None:
    for number in range(200):
        words = f"unmistakable {os.urandom(3000).hex()}"
        journal.write(f"e{number}", *map(entry_of, (Opened(prompt=words), Composed(title="T"))))
    reward(journal, "e100")
    size = journal.size()
    journal.forget_runs(time.time() + 1)
    assert journal.size() < size / 5
    words = [path.read_bytes().count(b"unmistakable") for path in store.root.glob("journal.db*")]
    assert sum(words) <= 2, "those of the one that stays: its record, and its overview"


def test_a_file_of_an_older_llmi_is_shrunk_too(store: ArtifactStore, journal: Journal) -> None:
    store.root.mkdir(parents=True)
    old = (Path(__file__).parent / "data" / "former_runs.sql").read_text()
    with sqlite3.connect(journal.path) as connection:
        connection.executescript(old)
    connection.close()
    assert journal.forget_runs(time.time() + 1e9).runs == 4
    assert journal.used() == journal.path.stat().st_size
    with sqlite3.connect(journal.path) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    connection.close()


def test_what_is_mentioned_is_asked_for_without_a_look_at_records(
    journal: Journal, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = run(journal, store, "a", 1.0)
    list(journal.overviews())
    asked: list[str] = []
    rows = journal._tables.rows
    monkeypatch.setattr(
        journal._tables, "rows", lambda query, *v: asked.append(query) or rows(query, *v)
    )
    assert digest in journal.digests()
    assert asked
    assert not [query for query in asked if "FROM records" in query]


def test_what_a_clock_that_went_backwards_left_is_cleared(
    journal: Journal, store: ArtifactStore
) -> None:
    journal.write(
        "a",
        Entry("opened", data='{"prompt": "x"}', at=500.0),
        Entry("composed", data='{"title": "T"}', at=5.0),
    )
    (one,) = journal.overviews()
    assert (one.began, one.last) == (500.0, 500.0)
    assert journal.forget_runs(400.0).runs == 0
    assert journal.forget_runs(501.0).runs == 1
