"""A journal in memory has all that one in a file has, but for the file."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from contextlib import ExitStack
from pathlib import Path

import pytest

from llmi_agent.base.errors import InputError, ResourceError
from llmi_agent.records.cache import Cache
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.record import SCHEMA, Entry, Record
from llmi_agent.store.artifacts import ArtifactStore


@pytest.fixture(params=["memory", "file"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return Journal.in_memory() if request.param == "memory" else Journal(tmp_path / "journal.db")


def test_what_is_appended_is_read(journal: Journal) -> None:
    written = journal.append(
        "a", Entry("opened", "g", '{"x": 1}', at=1.5), Entry("text", data='"é"', at=2.5)
    )
    written.result(10)
    journal.write("b", Entry("opened", "g"))
    assert journal.read("a") == [
        Record("opened", "g", '{"x": 1}', 1.5, SCHEMA),
        Record("text", "", '"é"', 2.5, SCHEMA),
    ]
    assert journal.read("none") == []
    assert (journal.episodes(), journal.episodes("b")) == (["b", "a"], ["b"])
    assert journal.group("g") == ["a", "b"]
    journal.close()
    assert len(journal.read("a")) == 2, "to close is not to forget"


def test_results_are_found_again_until_they_are_forgotten(journal: Journal) -> None:
    journal.write("a", Entry("call_ended", "k", '{"call": "k"}', reuse="tool:x", at=1.0))
    assert journal.reusable("tool:x") == Record("call_ended", "k", '{"call": "k"}', 1.0)
    assert journal.reusables() == ["tool:x"]
    assert journal.forget_reusables(2.0) == 1
    assert journal.reusable("tool:x") is None


def test_an_episode_is_held_by_one(journal: Journal) -> None:
    with journal.hold("a"):
        with pytest.raises(InputError, match="still going on"), journal.hold("a"):
            pass
        with journal.hold("b"):
            pass
    with journal.hold("a"):
        pass


def test_a_finished_run_is_let_go_of_and_one_that_goes_on_is_not(journal: Journal) -> None:
    for episode in ("a", "b", "c", "d"):
        journal.write(episode, Entry("opened", at=time.time()))
    with journal.hold("b"):
        assert journal.forget(["a", "b", "none"]) == 1
    assert journal.episodes() == ["d", "c", "b"]
    assert journal.forget(["b"], before=time.time() - 60) == 0, "it has a younger record"
    assert journal.forget(iter(["b"])) == 1
    journal.write("c", Entry("text", at=time.time() + 100))
    assert journal.forget_runs(time.time() + 10) == (1, 0, 0)
    assert journal.episodes() == ["c"]


def test_many_runs_are_forgotten_in_a_few_transactions(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write("x", *(Entry("text") for _ in range(3)))
    for number in range(1200):
        written = journal.append(f"e{number}", Entry("opened"))
    written.result(60)
    changes = []
    tables = journal._tables
    change = tables.change
    monkeypatch.setattr(tables, "change", lambda work: changes.append(work) or change(work))
    with ExitStack() as stack:
        stack.enter_context(journal.hold("e7"))
        assert journal.forget_runs(time.time() + 1) == (1200, 1, 0)
    assert len(changes) == 3 + 25
    assert journal.episodes() == ["e7"]


def test_one_in_memory_is_done_at_once_without_a_thread_or_a_handle() -> None:
    threads = threading.active_count()
    handles = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    journals = [Journal.in_memory() for _ in range(20)]
    for each in journals:
        assert each.append("e", Entry("opened")).done()
    assert threading.active_count() <= threads
    if handles:
        assert len(os.listdir("/proc/self/fd")) <= handles  # noqa: PTH208
    assert not Path(":memory:").exists()


def test_one_in_memory_says_what_cannot_be_kept() -> None:
    journal = Journal.in_memory()
    journal._tables._open().execute("PRAGMA max_page_count = 1")
    written = journal.append("e", Entry("text", data="x" * 1_000_000))
    assert isinstance(written.exception(), ResourceError)
    journal._tables._open().execute("PRAGMA max_page_count = 1000000")
    journal.write("e", Entry("text"))
    assert len(journal.read("e")) == 1


def test_a_store_in_memory_has_its_journal_beside_it_as_long_as_it_lives() -> None:
    store, other = ArtifactStore.in_memory(), ArtifactStore.in_memory()
    journal_beside(store).write("e", Entry("opened"))
    assert journal_beside(store).episodes() == ["e"]
    assert journal_beside(other).episodes() == []
    gone = weakref.ref(journal_beside(store))
    del store
    gc.collect()
    assert gone() is None


def test_what_no_run_mentions_any_more_is_cleared_in_memory() -> None:
    store = ArtifactStore.in_memory()
    journal = journal_beside(store)
    digests = [store.put(data) for data in (b"a", b"b")]
    for episode, digest in zip("ab", digests, strict=True):
        journal.write(episode, Entry("opened", data=f'"{digest}"'))
    journal.forget(["a"])
    gone, _ = store.sweep(journal.digests(), time.time() + 1)
    assert (gone.files, digests[0] in store, digests[1] in store) == (1, False, True)
    assert Cache(journal, store).clear(runs=True).runs == 1
