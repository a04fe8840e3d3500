"""Every shape in which a chat message brings a file is read, and what cannot be used is said."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.document import blocks
from llmi_agent.document.blocks import files_of

CSV = b"x,y\n1,2\n"
B64 = base64.b64encode(CSV).decode()
URL = f"data:text/csv;base64,{B64}"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file", "base64": B64, "mime_type": "text/csv", "extras": {"filename": "a.csv"}},
        {"type": "file", "base64": B64, "mime_type": "text/csv", "filename": "a.csv"},
        {"type": "file", "source_type": "base64", "data": B64, "mime_type": "text/csv",
         "metadata": {"filename": "a.csv"}},
        {"type": "file", "source_type": "text", "text": CSV.decode(), "filename": "a.csv"},
        {"type": "file", "mimeType": "text/csv", "data": B64, "metadata": {"filename": "a.csv"}},
        {"type": "file", "file": {"file_data": URL, "filename": "a.csv"}},
        {"type": "input_file", "file_data": URL, "filename": "a.csv"},
        {"type": "input_file", "file_data": B64, "filename": "a.csv"},
        {"type": "text-plain", "text": CSV.decode(), "title": "a.csv"},
        {"type": "text-plain", "base64": B64, "mime_type": "text/csv", "title": "a"},
        {"type": "document", "title": "a.csv",
         "source": {"type": "base64", "media_type": "text/csv", "data": B64}},
        {"type": "document", "title": "a.csv",
         "source": {"type": "text", "media_type": "text/plain", "data": CSV.decode()}},
        {"type": "media", "mime_type": "text/csv", "data": CSV, "name": "a.csv"},
        {"type": "file", "url": "data:text/csv,x,y%0A1,2%0A", "filename": "a.csv"},
    ],
)  # fmt: skip
def test_a_table_in_every_shape(block: dict[str, Any]) -> None:
    (file,) = files_of([{"type": "text", "text": "words"}, block])
    assert (file.name, file.data) == ("a.csv", CSV)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "url": "https://x.example/a"},
        {"type": "image", "source_type": "url", "url": "https://x.example/a"},
        {"type": "image_url", "image_url": "https://x.example/a"},
        {"type": "image_url", "image_url": {"url": "https://x.example/a", "detail": "low"}},
        {"type": "input_image", "image_url": "https://x.example/a"},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a"}},
        {"type": "file", "mime_type": "image/png", "url": "https://x.example/a"},
    ],
)
def test_a_pictures_address_in_every_shape(block: dict[str, Any]) -> None:
    (file,) = files_of([block], start=3)
    assert (file.name, file.url, file.data) == ("picture-3.png", "https://x.example/a", None)
    assert file.media_type.startswith("image/")


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "audio", "base64": B64}, "sound"),
        ({"type": "video", "url": "https://x.example/a"}, "a video"),
        ({"type": "file", "file_id": "file-1", "filename": "a.csv"}, r"a\.csv is named by an id"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "by an id"),
        ({"type": "image", "source_type": "id", "id": "1"}, "by an id"),
        ({"type": "image", "base64": "###"}, "not valid base64"),
        ({"type": "file", "filename": "a.csv"}, r"a\.csv has no content"),
        ({"type": "image", "base64": None, "url": 7}, "has no content"),
    ],
)
def test_what_cannot_be_used_is_said(block: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        files_of([block])


def test_too_many_and_too_large_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = {"type": "text-plain", "text": "x" * 100}
    assert len(files_of([block] * blocks.MOST_FILES)) == blocks.MOST_FILES
    with pytest.raises(InputError, match="more than 64 files"):
        files_of([block] * 65)
    monkeypatch.setattr(blocks, "MOST_BYTES", 150)
    with pytest.raises(InputError, match="more than 150 characters"):
        files_of([block] * 2)
