"""Attachments: the user's files, told apart by their content and kept in the artifact store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.intake import IntakeError

MAX_BYTES = 512 * 1024 * 1024

_TABLES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
}
_TEXTS = {".txt": "text/plain", ".md": "text/markdown"}
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an Office file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
}


def attach_files(store: ArtifactStore, paths: Iterable[Path | str]) -> tuple[Attachment, ...]:
    """Keep each file in `store`. Raises InputError, naming the file, if one cannot be taken."""
    attached: list[Attachment] = []
    for path in map(Path, paths):
        attachment = attach_bytes(store, path.name, _read(path))
        if any(attachment.name == other.name for other in attached):
            raise InputError(f"two attachments are named {attachment.name}; rename one of them")
        attached.append(attachment)
    return tuple(attached)


def attach_bytes(store: ArtifactStore, name: str, data: bytes) -> Attachment:
    """Keep bytes that go by `name`. Pictures pass the intake and are kept re-encoded.

    Raises InputError if the content is not what the name says, or nothing that a run can use.
    """
    name = _plain_name(name)
    media_type = _media_type(name, data)
    if media_type.startswith("image/"):
        return _attach_picture(store, name, data)
    return Attachment(name, media_type, store.put(data), len(data))


def _attach_picture(store: ArtifactStore, name: str, data: bytes) -> Attachment:
    try:
        artifact, picture = store.put_image(data)
    except IntakeError as error:
        raise InputError(f"{name}: {error}") from None
    return Attachment(name, artifact.media_type, artifact.digest, len(picture.data))


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; attach its files one by one with --attach")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a regular file; attach a file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{path.name} has {size:,} bytes; at most {MAX_BYTES:,} can be attached"
            )
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {os.strerror(error.errno or 0)}") from None


def _plain_name(name: str) -> str:
    """The last component, whatever system's separators it was written with."""
    plain = PureWindowsPath(PurePosixPath(name).name).name
    printable = "".join(c for c in plain if c.isprintable()).strip()
    if printable in ("", ".", ".."):
        raise InputError(f"{name!r} is not a file name")
    return printable[-200:]


def _media_type(name: str, data: bytes) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    content = _content(data)
    if not data:
        raise InputError(f"{name} is empty: 0 bytes; attach a file that holds something")
    if content and content.endswith("picture"):
        if suffix in _TABLES or suffix in _TEXTS:
            raise InputError(
                f"{name} is {content}, not what its name says; give it the right ending, "
                "or attach the table you meant"
            )
        return "image/*"
    if suffix in _PICTURES:
        return "image/*"
    if content and not (content == "a Parquet file" and suffix == ".parquet"):
        raise InputError(
            f"{name} is {content}, which cannot be used; attach a picture or a table "
            f"({', '.join(sorted(_TABLES))})"
        )
    return _TABLES.get(suffix) or _TEXTS.get(suffix) or _guess(name, data)


def _content(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP picture"
    return next((what for magic, what in _MAGIC.items() if data.startswith(magic)), None)


def _guess(name: str, data: bytes) -> str:
    if b"\x00" in data[:4096]:
        raise InputError(
            f"{name} is a binary file of no known kind; attach a picture or a table "
            f"({', '.join(sorted(_TABLES))})"
        )
    return "text/plain"
