"""The records' file: one that an older LLMI made goes on, and what is looked for is found without reading it all."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from llmi_agent.records import database, tables
from llmi_agent.records.journal import Journal
from llmi_agent.records.record import SCHEMA, Entry

VERSION_1 = Path(__file__).parent / "data" / "journal_version_1.sql"
"""Three runs: done, done without pictures, cut."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(VERSION_1.read_text())
    connection.close()
    return path


def plan(path: Path, query: str, *values: object) -> str:
    with sqlite3.connect(path) as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
    connection.close()
    return "; ".join(step[-1] for step in steps)


def queries(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, tuple[object, ...]]]:
    """What the journal asks the database from now on."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    rows = journal._tables.rows

    def noted(query: str, *values: object) -> list[object]:
        asked.append((query, values))
        return rows(query, *values)

    monkeypatch.setattr(journal._tables, "rows", noted)
    return asked


def test_a_file_of_version_1_is_read_as_it_was_written(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        there = connection.execute("SELECT kind, key, data, at FROM records ORDER BY id").fetchall()
    connection.close()
    journal = Journal(old)
    runs = journal.episodes()
    records = [each for run in reversed(runs) for each in journal.read(run)]
    assert [(each.kind, each.key, each.data, each.at) for each in records] == there
    assert {each.schema for each in records} == {1}
    assert [json.loads(journal.read(run)[0].data)["prompt"] for run in runs] == [
        "Cut.",
        "Failed.",
        "Done.",
    ]
    assert journal.group("") == []


def test_a_file_of_version_1_goes_on_with_records_of_today(old: Path) -> None:
    journal = Journal(old)
    newest = journal.episodes()[0]
    before = journal.read(newest)
    journal.write(newest, Entry("composed", data='"T"', at=12.5))
    journal.write("new", Entry("opened", "a group", "{}"))
    assert journal.read(newest)[: len(before)] == before
    last = journal.read(newest)[-1]
    assert (last.kind, last.data, last.at, last.schema) == ("composed", '"T"', 12.5, SCHEMA)
    assert journal.episodes(limit=2) == ["new", newest]
    assert journal.group("a group") == ["new"]
    journal.close()


def test_an_older_llmi_may_go_on_with_the_file(old: Path) -> None:
    """As it writes, without what it does not know of."""
    Journal(old).write("new", Entry("opened"))
    with sqlite3.connect(old) as connection:
        connection.execute(
            "INSERT INTO records (episode, kind, key, data, at, reuse) VALUES (?, ?, ?, ?, ?, ?)",
            ("older", "opened", "", "{}", 1.0, None),
        )
    connection.close()
    assert [each.schema for each in Journal(old).read("older")] == [1]


def test_several_processes_may_bring_a_file_up_to_date_at_once(old: Path) -> None:
    script = (
        "import sys\n"
        "from llmi_agent.records.journal import Journal\n"
        "from llmi_agent.records.record import Entry\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "journal = Journal(sys.argv[1])\n"
        "assert len(journal.episodes()) >= 3\n"
        "journal.write(sys.argv[2], Entry('opened', 'g', '{}'))\n"
    )
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(old), f"run-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for each in crowd:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in crowd:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in crowd:
        each.communicate(timeout=60)
    assert [each.returncode for each in crowd] == [0] * 4
    assert sorted(Journal(old).group("g")) == [f"run-{number}" for number in range(4)]


def test_to_bring_a_file_up_to_date_rewrites_no_record(old: Path) -> None:
    """A file may have gigabytes: only the tables' description and the new indexes are written."""
    with sqlite3.connect(old) as connection:
        connection.execute(
            "INSERT INTO records SELECT 1000 + id, 'many', 'text', '', hex(zeroblob(50000)), at, NULL FROM records"
        )
    connection.close()
    size = old.stat().st_size
    connection = database.connect(old)
    written = old.with_name("journal.db-wal").stat().st_size
    connection.close()
    assert written < 100_000 < size


def test_episodes_and_groups_are_found_by_their_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.write("a", Entry("opened"))
    asked = queries(journal, monkeypatch)
    journal.episodes()
    journal.episodes("a", limit=3)
    journal.group("g")
    assert len(asked) == 3
    for query, values in asked:
        steps = plan(journal.path, query, *values)
        assert "USING COVERING INDEX records_o" in steps, steps
        assert "SCAN records" not in steps.replace("SCAN records USING COVERING INDEX", ""), steps
    assert "records_of_group (kind=? AND key=?)" in plan(
        journal.path, *asked[-1][:1], *asked[-1][1]
    )
    journal.close()


def test_the_members_of_a_group_come_oldest_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    for episode in ("c", "a", "b"):
        journal.write(episode, Entry("opened", "g"), Entry("drafted", "g"))
    journal.write("other", Entry("opened", "another"), Entry("finished", "g"))
    assert journal.group("g") == ["c", "a", "b"]
    assert journal.group("another") == ["other"]
    assert journal.group("none") == []
    journal.close()


def test_a_record_is_stamped_when_it_is_made(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    began = time.time()
    entry = Entry("text")
    ended = time.time()
    time.sleep(0.05)
    journal.write("e", entry)
    (record,) = journal.read("e")
    assert began <= record.at <= ended
    journal.close()


@pytest.mark.parametrize("statement", range(4))
def test_another_process_may_make_the_file_between_any_two_statements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int
) -> None:
    path = tmp_path / "journal.db"
    seen: list[str] = []
    refuse = tables.refuse_others

    def make_it_meanwhile(told: str) -> None:
        seen.append(told)
        if len(seen) == statement + 1:
            with closing(sqlite3.connect(path)) as other:
                tables.bring_up_to_date(other)

    def watched(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(make_it_meanwhile)
        try:
            refuse(connection)
        finally:
            connection.set_trace_callback(None)
        if len(seen) <= statement:
            make_it_meanwhile("after the last")

    monkeypatch.setattr(database, "refuse_others", watched)
    database.connect(path).close()
    assert seen
    Journal(path).write("e", Entry("opened"))
    assert Journal(path).episodes() == ["e"]
