"""Folders of an LLMI that was killed: the next one removes them, and never those of one that lives."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmi_sandbox import folder
from llmi_sandbox.job import Job, Places
from llmi_sandbox.tool import _NoArtifacts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="code is run on Linux")

_LLMI = """
import asyncio, sys
from contextlib import AsyncExitStack
from pathlib import Path
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import attach, make_call, make_context
from llmi_sandbox.plugin import SPEC
from llmi_sandbox.tool import Sandbox

async def main(here):
    table = here / "sales.csv"
    table.write_text("private")
    store = ArtifactStore(here / "store")
    async with AsyncExitStack() as scope:
        context = make_context(store, scope, attachments=(attach(store, table, "text/csv"),))
        await Sandbox().run(make_call(SPEC, code="open('runs', 'w'); import time; time.sleep(60)"), context)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder, in this process and in those that it starts."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    return place


@pytest.fixture
def llmi(top: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another LLMI, in the middle of a run."""
    with subprocess.Popen([sys.executable, "-c", _LLMI, str(tmp_path)]) as other:
        try:
            _wait_for(lambda: list(top.glob("*/work/runs")))
            yield other
        finally:
            other.kill()


def _wait_for(happened: object) -> None:
    assert callable(happened)
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def _new() -> Places:
    return folder.make(Job(code=None), (), _NoArtifacts())


def test_what_a_killed_process_left_is_removed_by_the_next_run(
    llmi: subprocess.Popen[bytes], top: Path
) -> None:
    (left,) = top.iterdir()
    assert (left / "work" / "sales.csv").read_text() == "private"
    llmi.kill()
    llmi.wait()
    assert left.exists()
    places = _new()
    assert list(top.iterdir()) == [places.root]
    folder.remove(places)


def test_the_folder_of_a_process_that_lives_stays(llmi: subprocess.Popen[bytes], top: Path) -> None:
    (theirs,) = top.iterdir()
    mine = _new()
    folder.sweep.cache_clear()
    other = _new()
    assert llmi.poll() is None
    assert sorted(top.iterdir()) == sorted((theirs, mine.root, other.root))
    assert (theirs / "work" / "sales.csv").exists()
    folder.remove(mine)
    folder.remove(other)


def test_it_is_looked_for_once_only(top: Path) -> None:
    folder.remove(_new())
    late = top / "llmi-sandbox-late"
    late.mkdir()
    folder.remove(_new())
    assert late.exists()


def test_links_files_and_folders_of_others_stay(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    (top / "llmi-sandbox-link").symlink_to(target)
    (top / "llmi-sandbox-file").write_text("")
    (top / "other").mkdir()
    folder.remove(_new())
    assert len(list(top.iterdir())) == 3
    assert target.exists()
    (top / "llmi-sandbox-foreign").mkdir()
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    folder.sweep.cache_clear()
    folder.sweep(top)
    assert (top / "llmi-sandbox-foreign").exists()


def test_runs_that_start_while_others_sweep_keep_their_folders(top: Path) -> None:
    over = threading.Event()

    def sweep() -> None:
        while not over.is_set():
            folder.sweep.__wrapped__(top)

    sweepers = [threading.Thread(target=sweep) for _ in range(3)]
    for thread in sweepers:
        thread.start()
    try:
        for _ in range(300):
            made = [_new(), _new()]
            assert all(places.job.exists() and places.work.exists() for places in made)
            for places in made:
                folder.remove(places)
    finally:
        over.set()
        for thread in sweepers:
            thread.join()
    folder.sweep.__wrapped__(top)
    assert list(top.iterdir()) == []
