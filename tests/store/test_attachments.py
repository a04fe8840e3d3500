"""Files are what their content says, and what cannot be used is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes, attach_files
from llmi_agent.testing import random_png


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("a.csv", b"x,y\n1,2\n", "text/csv"),
        ("a.TSV", b"x\ty\n", "text/tab-separated-values"),
        ("a.json", b"[]", "application/json"),
        ("a.jsonl", b"{}\n", "application/jsonl"),
        ("a.parquet", b"PAR1....PAR1", "application/vnd.apache.parquet"),
        ("notes.md", b"# Hi", "text/markdown"),
        ("README", b"plain words", "text/plain"),
        ("photo.png", random_png(), "image/png"),
        ("photo", random_png(), "image/png"),
        ("photo.jpg", random_png(), "image/png"),
    ],
)
def test_the_media_type(store: ArtifactStore, name: str, data: bytes, media_type: str) -> None:
    attachment = attach_bytes(store, name, data)
    assert attachment.media_type == media_type
    assert attachment.name == name
    assert len(store.read(attachment.digest)) == attachment.size


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", random_png(), "a.csv is a PNG picture, not what its name says"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.xlsx", b"PK\x03\x04rest", "Office file"),
        ("a.csv", b"%PDF-1.4", "a PDF"),
        ("a.png", b"not a picture", "a.png: this is not a picture"),
        ("a.svg", b"\x00\x01\x02", "binary file"),
        ("a.gz", b"\x1f\x8b\x08", "gzip"),
    ],
)
def test_what_cannot_be_used_is_named(
    store: ArtifactStore, name: str, data: bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        attach_bytes(store, name, data)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../etc/a.csv", "a.csv"),
        ("C:\\temp\\a.csv", "a.csv"),
        ("/abs/a.csv", "a.csv"),
        ("a\n\x1b[31m.csv", "a[31m.csv"),
    ],
)
def test_a_name_is_a_plain_file_name(store: ArtifactStore, name: str, plain: str) -> None:
    assert attach_bytes(store, name, b"x,y\n1,2\n").name == plain


@pytest.mark.parametrize("name", ["", "..", "/", "\x00"])
def test_a_name_that_is_none_is_refused(store: ArtifactStore, name: str) -> None:
    with pytest.raises(InputError, match="not a file name"):
        attach_bytes(store, name, b"x")


def test_files_that_cannot_be_read_are_named(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv cannot be read: No such file"):
        attach_files(store, [tmp_path / "nowhere.csv"])
    with pytest.raises(InputError, match="is a folder"):
        attach_files(store, [tmp_path])


def test_two_files_of_one_name_are_refused(store: ArtifactStore, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match=r"two attachments are named a\.csv"):
        attach_files(store, [tmp_path / "one" / "a.csv", tmp_path / "two" / "a.csv"])
