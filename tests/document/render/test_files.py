"""Documents written to a folder, and read back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.document.render import FORMATS, load_document, render_html, write_document
from llmi_agent.testing import random_png

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmi_agent.document.model import Document, Figure
    from llmi_agent.store.artifacts import ArtifactStore


def test_all_formats_are_written_in_order(
    sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "out"
    written = write_document(sample, store, out, {"json", "html", "md"})
    assert [path.name for path in written] == ["report.html", "report.md", "document.json"]
    pictures = sorted(path.name for path in (out / "images").iterdir())
    assert pictures == [f"figure-{number}.png" for number in (1, 2, 3, 4)]
    assert sorted(path.name for path in out.iterdir()) == [
        "document.json",
        "images",
        "report.html",
        "report.md",
    ]


def test_a_page_alone_needs_no_pictures_beside_it(
    sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    write_document(sample, store, tmp_path, ["html"])
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_an_unknown_format_is_refused(
    sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="'pdf'; there are html, md, json"):
        write_document(sample, store, tmp_path, ["html", "pdf"])
    assert list(tmp_path.iterdir()) == []


def test_a_document_reads_back_equal_and_renders_the_same(
    sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    write_document(sample, store, tmp_path, FORMATS)
    for path in (tmp_path, tmp_path / "document.json"):
        again, pictures = load_document(path)
        assert again == sample
        assert render_html(again, pictures) == render_html(sample, store)


@pytest.mark.parametrize("data", [None, random_png(seed=99), b"", b"<svg/>"])
def test_a_missing_or_altered_picture_is_a_note(
    data: bytes | None, sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    write_document(sample, store, tmp_path, FORMATS)
    victim = tmp_path / "images" / "figure-2.png"
    victim.unlink()
    if data is not None:
        victim.write_bytes(data)
    again, pictures = load_document(tmp_path)
    with pytest.raises(KeyError):
        pictures.read(sample.figures[1].digest)
    assert render_html(again, pictures).count("The picture is missing") == 1
    write_document(again, pictures, tmp_path / "copy", FORMATS)
    assert "The picture is missing" in (tmp_path / "copy" / "report.md").read_text("utf-8")


def test_a_file_that_matches_its_digest_but_is_no_picture_is_refused(
    document: Callable[..., Document], figure: Callable[..., Figure], tmp_path: Path
) -> None:
    from llmi_agent.store.artifacts import ArtifactStore

    bomb = b"\x89PNG\r\n\x1a\n" + b"broken"
    digest = ArtifactStore(tmp_path / "store").put(bomb)
    made = document(figure(1, digest=digest))
    write_document(made, ArtifactStore(tmp_path / "store"), tmp_path / "out", ["json"])
    _, pictures = load_document(tmp_path / "out")
    with pytest.raises(KeyError):
        pictures.read(digest)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 1}', "\x00", "{" * 5000])
def test_what_is_no_document_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "document.json").write_text(text, "utf-8")
    with pytest.raises(InputError):
        load_document(tmp_path)


def test_figures_out_of_order_are_refused(
    document: Callable[..., Document],
    figure: Callable[..., Figure],
    store: ArtifactStore,
    tmp_path: Path,
) -> None:
    write_document(document(figure(1), figure(1)), store, tmp_path, ["json"])
    with pytest.raises(InputError, match="not numbered from 1 in order"):
        load_document(tmp_path)


def test_a_document_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*document\.json: No such file"):
        load_document(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "document.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        load_document(tmp_path)


def test_a_file_is_replaced_whole_or_kept(
    sample: Document, store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("the old one", "utf-8")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LlmiError, match=r"cannot write .*report\.html: No space left"):
        write_document(sample, store, tmp_path, ["html"])
    assert (tmp_path / "report.html").read_text("utf-8") == "the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_cannot_be_made_is_said(
    sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file", "utf-8")
    with pytest.raises(LlmiError, match="cannot write"):
        write_document(sample, store, tmp_path / "out", ["html"])


def test_half_a_character_does_not_stop_a_document_from_being_kept(
    document: Callable[..., Document],
    figure: Callable[..., Figure],
    store: ArtifactStore,
    tmp_path: Path,
) -> None:
    made = document("broken \ud83d here", figure(1, params={"\ud83d": ["\ud83d"]}))
    write_document(made, store, tmp_path, FORMATS)
    again, _ = load_document(tmp_path)
    assert again.blocks[0].model_dump()["markdown"] == "broken \ufffd here"


def test_json_is_the_model_s_own(sample: Document, store: ArtifactStore, tmp_path: Path) -> None:
    (path,) = write_document(sample, store, tmp_path, ["json"])
    assert json.loads(path.read_text("utf-8")) == json.loads(sample.model_dump_json())


def test_importing_the_renderers_is_light() -> None:
    heavy = ["jinja2", "markdown_it", "nh3", "pygments", "PIL", "numpy"]
    program = (
        f"import sys, llmi_agent.document.render; print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_written_files_can_be_read_by_others(
    sample: Document, store: ArtifactStore, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    (page,) = write_document(sample, store, tmp_path, ["html"])
    assert page.stat().st_mode == plain.stat().st_mode
