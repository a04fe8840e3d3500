"""A store in memory does what one in a folder does, and leaves nothing behind."""

from __future__ import annotations

import gc
import hashlib
import os
import tempfile
import threading
import time
from pathlib import Path

import pytest

from llmi_agent.store.artifacts import ArtifactStore, Size
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import random_png


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore.in_memory() if request.param == "memory" else ArtifactStore(tmp_path)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_bytes_are_kept_once_under_their_digest(store: ArtifactStore) -> None:
    digest = store.put(b"bytes")
    assert digest == hashlib.sha256(b"bytes").hexdigest() == store.put(bytearray(b"bytes"))
    assert store.read(digest) == store.path(digest).read_bytes() == b"bytes"
    assert digest in store
    assert store.renew(digest)
    assert store.size() == Size(1, 5)


def test_what_is_not_there_is_said(store: ArtifactStore) -> None:
    for missing in ("0" * 64, "../etc/passwd", "", "abc"):
        assert missing not in store
        for read in (store.read, store.path):
            with pytest.raises(KeyError):
                read(missing)
    assert not store.renew("0" * 64)
    assert store.size() == Size()


def test_what_is_kept_or_young_is_not_swept(store: ArtifactStore) -> None:
    kept, old = store.put(b"kept"), store.put(b"old!!")
    assert store.sweep([kept], time.time() - 60) == (Size(), Size(1, 5))
    assert store.path(old).is_file()
    gone = store.path(old)
    assert store.sweep({kept}, time.time() + 60) == (Size(1, 5), Size())
    assert old not in store
    assert not gone.exists()
    assert store.read(kept) == b"kept"


def test_pictures_and_attachments_pass_the_intake(store: ArtifactStore) -> None:
    artifact, picture = store.put_image(random_png(20, 10))
    assert (artifact.width, artifact.height) == (20, 10)
    assert store.read(artifact.digest) == picture.data
    table = attach_bytes(store, "a.csv", b"a,b\n1,2\n")
    assert store.path(table.digest).read_bytes() == b"a,b\n1,2\n"


def test_one_in_memory_says_so_and_has_no_folder() -> None:
    store = ArtifactStore.in_memory()
    assert store.place == "memory"
    with pytest.raises(AttributeError, match="no folder"):
        _ = store.root


def test_files_are_made_for_those_who_ask_only_and_go_with_the_store(temporary: Path) -> None:
    store = ArtifactStore.in_memory()
    digest = store.put(b"bytes")
    assert list(temporary.iterdir()) == []
    path = store.path(digest)
    assert store.path(digest) == path
    assert path.parent.stat().st_mode & 0o777 == 0o700
    del store
    gc.collect()
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_removes_no_file_of_its_parent(temporary: Path) -> None:
    store = ArtifactStore.in_memory()
    path = store.path(store.put(b"bytes"))
    if (child := os.fork()) == 0:
        del store
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert path.read_bytes() == b"bytes"


def test_many_threads_share_one() -> None:
    store = ArtifactStore.in_memory()

    def work(number: int) -> None:
        for each in range(200):
            digest = store.put(f"{number % 2} {each}".encode())
            assert store.read(digest)
            store.sweep([digest], 0.0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert store.size().files == 400
