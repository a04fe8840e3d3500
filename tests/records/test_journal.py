"""The journal: what is told is on disk when it says so, whoever else holds the file, and with few handles."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, InputError, ResourceError
from llmi_agent.records import locks, writer
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Composed, ModelText, Opened
from llmi_agent.records.journal import Journal
from llmi_agent.records.record import Entry
from llmi_agent.store.artifacts import ArtifactStore

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "held_database.py"
HOLD = (
    "import sys\n"
    "from llmi_agent.records.journal import Journal\n"
    "with Journal(sys.argv[1]).hold(sys.argv[2]):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.readline()\n"
)


@pytest.fixture
def journal(store: ArtifactStore) -> Iterator[Journal]:
    own = Journal(store.root / "journal.db")
    own.write("first", Entry("opened", data="{}"))
    yield own
    own.close()


@contextmanager
def kept(journal: Journal, statement: str = "BEGIN EXCLUSIVE") -> Iterator[sqlite3.Connection]:
    """Another program keeps the database to itself. (SQLite's locks exclude connections, not processes.)"""
    other = sqlite3.connect(journal.path, isolation_level=None)
    try:
        other.execute(statement)
        yield other
    finally:
        other.close()


@contextmanager
def elsewhere(journal: Journal, episode: str) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the episode."""
    command = [sys.executable, "-c", HOLD, str(journal.path), episode]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counts only


async def test_a_kept_database_keeps_no_event_loop_and_is_waited_for(
    store: ArtifactStore, journal: Journal
) -> None:
    own = EpisodeJournal(journal, store, "e")
    own.say(Opened(prompt="x"))
    await own.committed()
    with kept(journal):
        own.say(ModelText(call="m", start=0, text="# T"))
        began = time.monotonic()
        waiting = asyncio.create_task(own.committed())
        await asyncio.sleep(0.3)
        assert time.monotonic() - began < 5
        assert not waiting.done()
        assert [each.kind for each in journal.read("e")] == ["opened"]
    await asyncio.wait_for(waiting, 30)
    assert [each.kind for each in journal.read("e")] == ["opened", "model_text"]


async def test_patience_ends_in_a_clear_sentence_and_nothing_is_written_after_it(
    store: ArtifactStore, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    own = EpisodeJournal(journal, store, "e")
    with kept(journal):
        own.say(Opened(prompt="x"))
        with pytest.raises(ResourceError, match="another program keeps them to itself"):
            await own.committed()
    own.say(Composed(title="T"))
    with pytest.raises(ResourceError):
        await own.committed()
    assert journal.read("e") == [], "no record may be there without those before it"
    other = EpisodeJournal(journal, store, "another")
    other.say(Opened(prompt="y"))
    await other.committed()


async def test_who_stops_waiting_stops_no_write(store: ArtifactStore, journal: Journal) -> None:
    own = EpisodeJournal(journal, store, "e")
    with kept(journal):
        own.say(Opened(prompt="x"))
        waiting = asyncio.create_task(own.committed())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await own.committed()
    assert [each.kind for each in journal.read("e")] == ["opened"]


def test_many_episodes_share_a_transaction_in_their_order(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    insert = writer.insert

    def counted(connection: Any, rows: Any) -> None:
        insert(connection, rows)
        batches.append(len(rows))

    monkeypatch.setattr(writer, "insert", counted)
    with kept(journal):
        written = [journal.append(f"e{n % 10}", Entry("text", data=str(n))) for n in range(200)]
    for each in written:
        each.result(60)
    assert len(batches) <= 3, "what waited is written at once"
    assert [each.data for each in journal.read("e3")] == [str(n) for n in range(3, 200, 10)]


def test_a_full_disk_says_so(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = writer.insert

    def full(connection: Any, rows: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1")
        insert(connection, rows)

    monkeypatch.setattr(writer, "insert", full)
    with pytest.raises(ResourceError, match="the disk is full; free some space"):
        journal.write("e", Entry("text", data=random.Random(5).randbytes(100_000).hex()))
    monkeypatch.undo()
    journal.close()
    journal.write("e", Entry("text", data="y"))
    assert [each.data for each in journal.read("e")] == ["y"]


def test_readers_wait_for_no_writer(journal: Journal) -> None:
    for statement in ("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"):
        with kept(journal, statement) as other:
            other.execute("DELETE FROM records")
            assert journal.episodes() == ["first"]
            assert Journal(journal.path).episodes() == ["first"]
            other.execute("ROLLBACK")


def test_a_file_that_cannot_be_used_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(ConfigError, match="set LLMI_HOME"):
        Journal(tmp_path / "folder" / "journal.db").write("e", Entry("opened"))


@pytest.mark.skipif(sys.platform != "linux", reason="counts handles in /proc")
def test_held_episodes_cost_no_handle_each(journal: Journal) -> None:
    before = handles()
    with ExitStack() as stack:
        for number in range(500):
            stack.enter_context(journal.hold(f"e{number}"))
        assert handles() <= before + 1
        with pytest.raises(InputError, match="e499 is still going on"):
            stack.enter_context(journal.hold("e499"))
        stack.enter_context(journal.hold("e500"))
    assert handles() <= before
    with journal.hold("e499"):
        pass


def test_a_lock_excludes_other_processes_and_falls_with_its_own(journal: Journal) -> None:
    with elsewhere(journal, "e") as process:
        with pytest.raises(InputError, match="still going on elsewhere"), journal.hold("e"):
            pass
        with journal.hold("another"):
            pass
        process.kill()
        process.wait()
        with journal.hold("e"):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, a lock is of the process")
def test_whoever_reads_the_lock_file_ends_no_lock(journal: Journal) -> None:
    with journal.hold("e"):
        (
            journal.path.parent / "running.lock"
        ).read_bytes()  # closes a handle of it, as a backup does
        command = [sys.executable, "-c", HOLD, str(journal.path), "e"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "still going on" in done.stderr


def test_a_lock_is_kept_when_the_file_is_deleted(journal: Journal) -> None:
    with journal.hold("e"):
        (journal.path.parent / "running.lock").unlink()
        with journal.hold("another"):
            command = [sys.executable, "-c", HOLD, str(journal.path), "e"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert "still going on" in done.stderr


def test_two_episodes_of_one_byte_do_not_exclude_each_other(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_byte", lambda name: 7)
    with journal.hold("a"):
        with journal.hold("b"), pytest.raises(InputError), journal.hold("a"):
            pass
        command = [sys.executable, "-c", HOLD.replace("with", _SEVEN + "with", 1)]
        done = subprocess.run(
            [*command, str(journal.path), "c"], capture_output=True, text=True, check=False
        )
        assert "still going on" in done.stderr, "the byte is locked while one of them is held"


_SEVEN = "from llmi_agent.records import locks; locks._byte = lambda name: 7\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_keeps_no_lock_alive(journal: Journal) -> None:
    script = (
        "import os, sys, time\n"
        "from llmi_agent.records.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "hold = journal.hold('e')\n"
        "hold.__enter__()\n"
        "if os.fork() == 0:\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
        "os.wait()\n"
    )
    command = [sys.executable, "-c", script, str(journal.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            with pytest.raises(InputError), journal.hold("e"):
                pass
            process.kill()  # the child lives on
            _until(lambda: _free(journal, "e"))
        finally:
            os.killpg(process.pid, 9)


def test_where_a_file_system_has_no_locks_they_hold_within_the_process(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_set", without)
    with journal.hold("e"), pytest.raises(InputError), journal.hold("e"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="limits handles")
def test_a_crowd_with_few_handles_outlasts_a_kept_database() -> None:
    """Sixty of three hundred; `python benchmarks/held_database.py` has them all."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "60", "6", "60"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "documents: 60 of 60" in done.stdout, done.stdout + done.stderr


def _free(journal: Journal, episode: str) -> bool:
    try:
        with journal.hold(episode):
            return True
    except InputError:
        return False


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
