"""Previews: what a policy is told of a table or a text, at any size, without holding up the event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmi_agent.contract import Attachment, Preview
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import check_light_import
from llmi_offline import preview as previews
from llmi_offline.plugin import llmi_preview

GERMAN = "tag;wert\n01.02.2020;1,5\n13.02.2020;1.002,25\n"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


async def preview(
    store: ArtifactStore, data: bytes | str, name: str = "t.csv", media_type: str = "text/csv"
) -> Preview | None:
    raw = data if isinstance(data, bytes) else data.encode()
    attachment = Attachment(name, media_type, store.put(raw), len(raw))
    return await llmi_preview(attachment, store)


async def test_a_table_is_told_with_its_doubts_and_a_normalised_copy(store: ArtifactStore) -> None:
    told = await preview(store, GERMAN.encode("utf-16"), "messung.v2.csv")
    assert told is not None
    assert "2 rows x 2 columns" in told.text
    assert "- tag: date, 2020-02-01 to 2020-02-13" in told.text
    assert told.table is not None
    assert told.table.name == "messung.v2.clean.csv"
    assert told.table.data == b"tag,wert\n2020-02-01,1.5\n2020-02-13,1002.25\n"
    guessed = await preview(store, "1,2\n3,4\n")
    assert guessed is not None
    assert any("no names" in doubt for doubt in guessed.doubts)


async def test_a_plain_table_has_no_copy(store: ArtifactStore) -> None:
    told = await preview(store, "a,b\n1,x\n")
    assert told is not None
    assert (told.doubts, told.table) == ((), None)


async def test_a_table_that_cannot_be_read_is_said_to_be_so(store: ArtifactStore) -> None:
    told = await preview(store, b"[1, 2]", "t.json", "application/json")
    assert told == Preview(
        "t.json cannot be read as a table: its JSON list holds no records; use a list of objects."
    )


async def test_a_text_is_told_from_its_start(store: ArtifactStore) -> None:
    told = await preview(store, "é" * 100_000, "a.txt", "text/plain")
    assert told == Preview("é" * 4_000, ("Only its first 4,000 characters are shown.",))
    cut = b"x" + "é".encode() * 40_000  # a character lies across the end of what is read
    assert (await preview(store, cut, "a.md", "text/markdown")) == Preview(
        "x" + "é" * 3_999, ("Only its first 4,000 characters are shown.",)
    )
    assert await preview(store, "short", "a.txt", "text/plain") == Preview("short")


async def test_the_encoding_of_a_text_is_said_where_it_is_a_guess(store: ArtifactStore) -> None:
    told = await preview(store, "Köln".encode("cp1252"), "a.txt", "text/plain")
    assert told is not None
    assert told.text == "Köln"
    assert "Windows-1252" in told.doubts[0]


async def test_another_kind_of_file_is_left_to_others(store: ArtifactStore) -> None:
    assert await preview(store, b"%PDF", "a.pdf", "application/pdf") is None
    assert await preview(store, b"\x89PNG", "a.png", "image/png") is None


async def test_a_large_table_is_read_apart_and_the_same(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await preview(store, GERMAN)
    monkeypatch.setattr(previews, "_SMALL", 0)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    heart = asyncio.create_task(beat())
    assert await preview(store, GERMAN) == here
    heart.cancel()
    assert beats > 10


async def test_what_takes_too_long_or_too_much_is_said_and_leaves_no_process(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "_SMALL", 0)
    monkeypatch.setattr(previews, "_SECONDS", 0.01)
    begun = time.monotonic()
    told = await preview(store, GERMAN)
    assert told == Preview("The table was not read: that takes more than 0.01 s.")
    assert time.monotonic() - begun < 30
    monkeypatch.setattr(previews, "_SECONDS", 60.0)
    monkeypatch.setattr(
        previews, "_MODULE", "llmi_offline.errors"
    )  # prints nothing, as a killed one
    told = await preview(store, GERMAN)
    assert told == Preview(previews.ENDED)


async def test_a_cancelled_preview_ends_its_process(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "_SMALL", 0)
    made: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
    begin = asyncio.create_subprocess_exec

    async def remember(*command: str, **options: object) -> asyncio.subprocess.Process:
        child = await begin(*command, **options)  # type: ignore[arg-type]
        made.put_nowait(child)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    task = asyncio.create_task(preview(store, GERMAN))
    child = await made.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert child.returncode is not None


def test_the_process_apart_has_limits(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GERMAN)
    script = (
        "import resource, sys; sys.argv[1:] = ['t.csv', 't.csv']\n"
        "from llmi_offline import apart; apart.main()\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True
    )
    assert previews.Reading.load(done.stdout).copy is not None
    assert 0 < int(done.stderr) <= 4 * 1024**3


def test_the_door_is_light() -> None:
    check_light_import("llmi_offline.plugin")
