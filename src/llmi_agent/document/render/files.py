"""Documents as files: written whole or not at all, and read back with their pictures checked."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.document.model import read_document
from llmi_agent.document.render.pictures import Folder, Pictures, file_name, find

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from llmi_agent.document.model import Document, Figure

FORMATS = ("html", "md", "json")
REPORTS = {"html": "report.html", "md": "report.md", "json": "document.json"}
_IMAGES = "images"
_MOST_BYTES = 64 * 1024 * 1024


def write_document(
    document: Document, pictures: Pictures, out: Path, formats: Collection[str]
) -> list[Path]:
    """Write `document` into the folder `out`; returns the main files in the order of `FORMATS`.

    Markdown and JSON come with their pictures in `images`. Each file appears whole or not at all.
    Raises InputError for an unknown format and LlmiError if a file cannot be written.
    """
    check_formats(formats)
    chosen = [name for name in FORMATS if name in formats]
    absent: set[int] = set()
    if "md" in chosen or "json" in chosen:
        absent = _write_pictures(document, pictures, out / _IMAGES)
    for name in chosen:
        _write_whole(out / REPORTS[name], _text(name, document, pictures, absent).encode())
    return [out / REPORTS[name] for name in chosen]


def check_formats(formats: Collection[str]) -> None:
    """Raises InputError for one that there is not: to be asked before anything is paid for."""
    if isinstance(formats, str):
        raise InputError(f"formats must be a list, not {formats!r}; put it in a list")
    if unknown := [each for each in formats if each not in FORMATS]:
        raise InputError(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")


def load_document(path: Path) -> tuple[Document, Pictures]:
    """Read a `document.json`, or the folder that holds one, and the pictures in `images` beside it.

    A picture that is missing or altered raises KeyError when it is read, and renders as a note.
    Raises InputError if the file cannot be read or is not a document.
    """
    path = path / REPORTS["json"] if path.is_dir() else path
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {_cause(error)}") from None
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} has more than {_MOST_BYTES:,} bytes, so llmi did not write it")
    document = read_document(data.decode("utf-8", "replace"))
    if [figure.number for figure in document.figures] != [*range(1, len(document.figures) + 1)]:
        raise InputError(f"{path} was changed: its figures are not numbered from 1 in order")
    return document, Folder(path.parent / _IMAGES, document.figures)


def _text(name: str, document: Document, pictures: Pictures, absent: Collection[int]) -> str:
    if name == "html":
        from llmi_agent.document.render.page import page

        return page(document, pictures)
    if name == "md":
        from llmi_agent.document.render.markdown import markdown

        return markdown(document, absent)
    return _json(document)


def _json(document: Document) -> str:
    try:
        return document.model_dump_json(indent=2) + "\n"
    except ValueError:  # half a surrogate pair, which no file can hold
        from llmi_agent.document.render.wording import clean_data

        return (
            type(document)
            .model_validate(clean_data(document.model_dump()))
            .model_dump_json(indent=2)
            + "\n"
        )


def _write_pictures(document: Document, pictures: Pictures, folder: Path) -> set[int]:
    """Write what there is; returns the numbers of the figures whose picture is gone."""
    absent: set[int] = set()
    for figure, data in _found(document, pictures):
        if data is None:
            absent.add(figure.number)
        else:
            _write_whole(folder / file_name(figure), data)
    return absent


def _found(document: Document, pictures: Pictures) -> Iterator[tuple[Figure, bytes | None]]:
    for figure in document.figures:
        yield figure, find(pictures, figure.digest)


def _write_whole(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise LlmiError(f"cannot write {path}: {_cause(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
