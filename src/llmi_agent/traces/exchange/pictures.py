"""The files of an episode, its pictures and attachments: out of a store into an export, and back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import ArtifactReader, Provenance
from llmi_agent.records.outcome import Kept
from llmi_agent.store.attachments import MAX_BYTES
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.exchange.whole import write_whole
from llmi_agent.traces.trace import Trace

Carriage: TypeAlias = Literal["none", "beside", "inside"]
"""How the files go with an export: not at all, in a folder beside it, or in it."""

FOLDER = "pictures"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}
UNKNOWN = Provenance("")


@dataclass(frozen=True)
class Found:
    """A picture that an episode names, and what it says of it."""

    digest: str
    media_type: str
    width: int | None = None
    height: int | None = None
    provenance: Provenance = UNKNOWN

    @property
    def name(self) -> str:
        """Of a file that holds it."""
        return self.digest + _ENDINGS.get(self.media_type, "")


def found_in(trace: Trace) -> list[Found]:
    """Every picture that the episode names: attached, shown to a model, or made; each once."""
    found: dict[str, Found] = {}
    for each in _found(trace):
        known = found.get(each.digest)
        if _DIGEST.fullmatch(each.digest) and (known is None or known.width is None):
            found[each.digest] = each if known is None or each.width is not None else known
    return list(found.values())


def _found(trace: Trace) -> Iterator[Found]:
    for one in trace.inputs:
        yield Found(one.digest, one.media_type, provenance=one.provenance)
    for attached in trace.attachments:
        if attached.is_image:
            yield Found(attached.digest, attached.media_type)
    for attempt in trace.attempts:
        for made in attempt.pictures:
            yield Found(made.digest, made.media_type, made.width, made.height, made.provenance)
    for settled in trace.known.settled.values():
        if isinstance(kept := settled.verdict, Kept):
            yield Found(kept.digest, kept.media_type, kept.width, kept.height, kept.provenance)
    bodies = (each.body for each in trace.known.messages.values())
    for digest, media_type in pictures_in(map(plain, bodies)):
        yield Found(digest, media_type)


def files_of(trace: Trace) -> dict[str, str]:
    """Name by digest of everything in a store that the episode's own records name."""
    others = {each.digest: each.digest for each in trace.attachments if not each.is_image}
    named = {each.digest: each.name for each in found_in(trace)}
    return named | {digest: name for digest, name in others.items() if _DIGEST.fullmatch(digest)}


@dataclass
class Carrier:
    """Takes the files of one export where they belong, and counts what cannot be taken."""

    how: Carriage
    beside: Path | None = None
    """The exported file; its pictures go into a folder of its own beside it."""
    as_text: bool = False
    """Bytes are base64: the file is of JSON."""
    carried: int = 0
    absent: int = 0
    """Files that are not there, or no longer what their digests say."""
    _done: set[str] = field(default_factory=set)

    @property
    def folder(self) -> str:
        """The name of the folder beside the file."""
        assert self.beside is not None
        return f"{self.beside.name.partition('.')[0] or 'traces'}-{FOLDER}"

    def image(self, source: ArtifactReader | None, digest: str, name: str) -> dict[str, Any] | None:
        """The value of a column that holds a file: its bytes or its path. None: it is not carried."""
        if self.how == "none":
            return None
        if self.how == "beside":
            return self._beside(source, digest, name)
        data = read(source, digest)
        if data is None:
            self.absent += 1
            return None
        self.carried += 1
        return {"bytes": base64.b64encode(data).decode() if self.as_text else data, "path": name}

    def _beside(
        self, source: ArtifactReader | None, digest: str, name: str
    ) -> dict[str, Any] | None:
        assert self.beside is not None
        path = f"{self.folder}/{digest[:2]}/{name}"
        if digest not in self._done:
            there = self.beside.parent / path
            data = read(source, digest)
            if data is None:
                self.absent += 1
                return None
            if not _same(there, digest):
                write_whole(there, data)
            self.carried += 1
            self._done.add(digest)
        return {"bytes": None, "path": path}


def read(source: ArtifactReader | None, digest: str) -> bytes | None:
    """The bytes, if they are there and are what their digest says."""
    try:
        data = None if source is None else source.read(digest)
    except (KeyError, OSError):
        return None
    return data if data is not None and hashlib.sha256(data).hexdigest() == digest else None


def _same(path: Path, digest: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False


class LyingDigestError(InputError):
    """Bytes that are not what their digest says."""


class Carried:
    """The files that came with an exported row: in it, or in a folder beside its file."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], file: Path) -> None:
        """rows: each with `digest` and `image` or `file`. file: the one that they stand in."""
        files = ((str(each.get("digest")), each.get("image") or each.get("file")) for each in rows)
        self._rows = {digest: file for digest, file in files if file}
        self._file = file

    def read(self, digest: str) -> bytes:
        """The bytes. Raises KeyError if they did not come along, InputError if they are not what the digest says."""
        image = self._rows.get(digest)
        if not image or not (image.get("bytes") or image.get("path")):
            raise KeyError(digest)
        data = _bytes(image["bytes"]) if image.get("bytes") else self._beside(digest, image["path"])
        if hashlib.sha256(data).hexdigest() != digest:
            raise LyingDigestError(
                f"the bytes that came as {digest[:12]}… are others than their digest says"
            )
        return data

    def path(self, digest: str) -> Path:
        """The file beside. Raises KeyError if there is none."""
        image = self._rows.get(digest)
        if not image or image.get("bytes") or not image.get("path"):
            raise KeyError(digest)
        return self._place(image["path"])

    def _beside(self, digest: str, path: str) -> bytes:
        place = self._place(path)
        try:
            with place.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError:
            raise KeyError(digest) from None
        if len(data) > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES:,} bytes")
        return data

    def _place(self, path: str) -> Path:
        """Within the folder of the file, wherever links lead."""
        own = self._file.parent.resolve()
        plain = PurePosixPath(path)
        place = (own / plain).resolve()
        if plain.is_absolute() or ".." in plain.parts or not place.is_relative_to(own):
            raise InputError(f"{path[:80]!r} leads out of the folder of {self._file.name}")
        return place


def _bytes(data: bytes | str) -> bytes:
    """As they stand in Parquet, or as base64 in JSON lines."""
    if isinstance(data, bytes):
        return data
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("the bytes of a file are not base64") from None
