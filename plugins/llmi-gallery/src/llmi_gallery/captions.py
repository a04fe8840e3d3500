"""Captions: what sidecar files say about pictures.

    captions.json   {"file.jpg": "caption" or {...}}, or [{"file": "file.jpg", ...}]
    captions.csv    columns file (or filename) and any of the fields
    name.jpg.json, name.json, name.txt beside one picture

The fields: title, caption, tags, creator, licence, licence_url, source_url, page_url, attribution.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

MOST_BYTES = 16 * 1024 * 1024
"""Of one sidecar."""
_FIELD = 4000
_ALIASES = {
    "caption": ("caption", "description"),
    "creator": ("creator", "author", "photographer"),
    "licence": ("licence", "license"),
    "licence_url": ("licence_url", "license_url"),
}


class SidecarError(ValueError):
    """A sidecar that cannot be read. The message says why."""


@dataclass(frozen=True)
class Caption:
    """What is known about one picture; what is not stays empty."""

    title: str = ""
    caption: str = ""
    tags: str = ""
    """Separated by commas."""
    creator: str = ""
    licence: str = ""
    licence_url: str = ""
    source_url: str = ""
    page_url: str = ""
    attribution: str = ""

    def completed(self, other: Caption) -> Caption:
        """This caption, its empty fields filled from `other`."""
        mine, theirs = asdict(self), asdict(other)
        return Caption(**{name: mine[name] or theirs[name] for name in mine})


def from_value(value: object) -> Caption:
    """A caption from a JSON value: a string, or an object with the fields. Raises SidecarError."""
    if isinstance(value, str):
        return Caption(caption=_clean(value))
    if not isinstance(value, Mapping):
        raise SidecarError("neither a caption nor an object with fields")
    return Caption(**{field.name: _field(value, field.name) for field in fields(Caption)})


def read_one(path: Path) -> Caption:
    """The sidecar of one picture, `.json` or `.txt`. Raises SidecarError."""
    text = _text(path)
    return Caption(caption=_clean(text)) if path.suffix == ".txt" else from_value(_json(text))


def read_many(path: Path) -> dict[str, Caption]:
    """A folder's `captions.json` or `captions.csv`: captions by file name. Raises SidecarError."""
    text = _text(path)
    rows = _csv_rows(text) if path.suffix == ".csv" else _json_rows(_json(text))
    return {name.removeprefix("./"): caption for name, caption in rows}


def _csv_rows(text: str) -> list[tuple[str, Caption]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise SidecarError(str(error)) from None
    return _named_rows(rows, "there is no column 'file'")


def _json_rows(value: object) -> list[tuple[str, Caption]]:
    if isinstance(value, dict):
        return [(name, from_value(entry)) for name, entry in value.items()]
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return _named_rows(value, "an entry has no 'file'")
    raise SidecarError("neither an object nor a list of objects")


def _named_rows(rows: Iterable[Mapping[str, Any]], complaint: str) -> list[tuple[str, Caption]]:
    named = [(row.get("file") or row.get("filename"), row) for row in rows]
    if any(not isinstance(name, str) for name, _ in named):
        raise SidecarError(complaint)
    return [(str(name), from_value(row)) for name, row in named]


def _field(value: Mapping[str, Any], name: str) -> str:
    for alias in _ALIASES.get(name, (name,)):
        if text := _clean(value.get(alias)):
            is_link = name.endswith("_url")
            return text if not is_link or text.startswith(("https://", "http://")) else ""
    return ""


def _clean(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_clean, value)))[:_FIELD]
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).encode("utf-8", "replace").decode()
        return " ".join(text.split())[:_FIELD]
    return ""


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SidecarError(f"larger than {MOST_BYTES >> 20} MB")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise SidecarError("not UTF-8") from None
    except OSError as error:
        raise SidecarError(error.strerror or str(error)) from None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SidecarError(f"not JSON: {error}") from None
