"""What a policy is told of files: the first plugin that reads one, and plain words where none does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from llmi_agent.contract import ArtifactReader, Attachment, Preview, TableCopy, hookimpl
from llmi_agent.host import registry as registries
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.registry import registry_of
from llmi_agent.run.previews import MOST_DOUBT, MOST_DOUBTS, MOST_TEXT, Described, describe
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import random_png


class Reader:
    """A plugin that answers as it is told to, and remembers in which thread it was asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.thread: threading.Thread | None = None

    @hookimpl
    def llmi_preview(self, attachment: Attachment, artifacts: ArtifactReader) -> Any:
        self.thread = threading.current_thread()
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class LateReader(Reader):
    @hookimpl
    async def llmi_preview(self, attachment: Attachment, artifacts: ArtifactReader) -> Any:
        return Preview(f"{len(artifacts.read(attachment.digest))} bytes were read")


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> PluginHost:
    host = PluginHost()
    monkeypatch.setattr(registries, "installed", lambda: host)
    return host


async def told(store: ArtifactStore, *readers: Reader, name: str = "a.csv") -> Described:
    file = attach_bytes(store, name, b"a,b\n1,2\n")
    return await describe([file], registry_of(hooks=readers), store)


async def test_the_first_real_answer_is_told_in_the_files_own_part(store: ArtifactStore) -> None:
    described = await told(store, Reader(Preview("later")), Reader(Preview("sooner")), Reader(None))
    assert described.texts == ("### a.csv\n\nsooner",)


async def test_a_plain_hook_runs_in_a_thread_and_a_late_one_is_awaited(
    store: ArtifactStore,
) -> None:
    reader = Reader(None)
    described = await told(store, LateReader(None), reader)
    assert "8 bytes were read" in described.texts[0]
    assert reader.thread not in (None, threading.main_thread())


@pytest.mark.parametrize("answer", [OSError("broken"), "no preview"])
async def test_a_hook_that_fails_is_logged_and_the_next_one_asked(
    answer: Any, store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    described = await told(store, Reader(Preview("read")), Reader(answer))
    assert described.texts == ("### a.csv\n\nread",)


async def test_a_file_that_nobody_reads_is_told_plainly(store: ArtifactStore) -> None:
    described = await told(store, Reader(ValueError("broken")))
    assert described.texts == (
        "### a.csv\n\nA file of the type text/csv, 8 bytes; it was not read.",
    )


async def test_what_is_installed_reads_where_the_tools_came_in_code(
    store: ArtifactStore, nothing_installed: PluginHost
) -> None:
    nothing_installed.add(Reader(Preview("installed")), "installed")
    assert (await told(store)).texts == ("### a.csv\n\ninstalled",)
    assert (await told(store, Reader(Preview("given")))).texts == ("### a.csv\n\ngiven",)


async def test_what_is_told_is_bounded_and_doubts_are_sentences_on_lines(
    store: ArtifactStore,
) -> None:
    doubts = ("one\nline", *(["x" * 9999] * 99))
    described = await told(store, Reader(Preview("y" * 99_999, doubts)))
    assert "\n- one line\n" in described.texts[0]
    assert len(described.texts[0]) < MOST_TEXT + MOST_DOUBTS * (MOST_DOUBT + 3) + 200


async def test_a_copy_is_kept_under_a_free_name_that_the_text_gives(store: ArtifactStore) -> None:
    files = [attach_bytes(store, name, b"a\n1\n") for name in ("a.csv", "a.clean.csv", "a.tsv")]
    reader = Reader(Preview("t", table=TableCopy("a.clean.csv", "text/csv", b"a\n2\n")))
    described = await describe(files, registry_of(hooks=[reader]), store)
    names = [copy.name for copy in described.copies]
    assert names == ["a.clean-2.csv", "a.clean-3.csv", "a.clean-4.csv"]
    assert all(f"`{name}`" in text for name, text in zip(names, described.texts, strict=True))
    assert store.read(described.copies[0].digest) == b"a\n2\n"


async def test_pictures_are_not_asked_for(store: ArtifactStore) -> None:
    picture = attach_bytes(store, "p.png", random_png())
    assert (
        await describe([picture], registry_of(hooks=[Reader(Preview("t"))]), store) == Described()
    )
