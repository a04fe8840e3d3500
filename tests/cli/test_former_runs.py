"""The command line with the records of a former LLMI."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from llmi_agent.store.home import default_store

FORMER = Path(__file__).parents[1] / "records" / "data" / "former_runs.sql"


def test_former_runs_are_listed_counted_and_cleared(cli: Any) -> None:
    folder = Path(default_store().place)
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "journal.db") as connection:
        connection.executescript(FORMER.read_text())
    connection.close()
    listed = [line.split("\t")[2:] for line in cli("runs").out.splitlines()]
    assert listed == [
        ["cut, 3 figures settled", "ScriptedModel", "Repaired."],
        ["cut, 2 figures settled", "ScriptedModel", "A job."],
        ["cut while writing", "ScriptedModel", "Writing."],
        ["done", "ScriptedModel", "Done."],
    ]
    info = json.loads(cli("cache", "info", "--json").out)
    assert info["runs"] == 4
    assert set(info["reusable"]) == {"former_search", "former_edit"}
    cleared = cli("cache", "clear", "--runs", "--json")
    assert cleared.code == 0, cleared.err
    assert json.loads(cleared.out)["runs"] == 4
    assert cli("runs").out == ""
