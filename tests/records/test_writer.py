"""The writer of a file: one in each process, made once."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.records import writer


def test_a_file_has_one_writer_that_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    class Counted(writer.Writer):
        def __init__(self, path: Path, connect: Any) -> None:
            made.append(path)
            super().__init__(path, connect)

    monkeypatch.setattr(writer, "Writer", Counted)
    path = tmp_path / "episodes.sqlite"
    found = [writer.writer_of(path, partial(sqlite3.connect, path)) for _ in range(3)]
    assert found[0] is found[1] is found[2]
    assert made == [path]
