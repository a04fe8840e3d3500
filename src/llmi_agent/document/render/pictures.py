"""Pictures on their way into a page or a folder, and back from a folder."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Protocol

from llmi_agent.base.errors import InputError
from llmi_agent.store.intake import Caps, IntakeError, admit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from llmi_agent.document.model import Figure

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


class Pictures(Protocol):
    """Where the bytes of a document's figures are. `ArtifactStore` is one."""

    def read(self, digest: str) -> bytes:
        """The bytes kept under `digest`. Raises KeyError if there are none."""


def file_name(figure: Figure) -> str:
    """The name of a figure's picture beside a document: `figure-1.png`."""
    suffix = "jpg" if figure.media_type == "image/jpeg" else "png"
    return f"figure-{figure.number}.{suffix}"


def find(pictures: Pictures, digest: str) -> bytes | None:
    """The bytes under `digest`, or None if they are gone, cannot be read, or are no PNG or JPEG."""
    try:
        data = pictures.read(digest)
    except (KeyError, OSError, InputError):
        return None
    return data if _media_type(data) else None


def data_uri(data: bytes) -> str:
    """A PNG or JPEG as an address that holds the picture itself."""
    return f"data:{_media_type(data)};base64,{base64.b64encode(data).decode('ascii')}"


def _media_type(data: bytes) -> str:
    """What the bytes are, whatever the document says they are; empty for anything else."""
    return next((name for magic, name in _SIGNATURES if data.startswith(magic)), "")


def gone(pictures: Pictures, figures: Iterable[Figure]) -> list[Figure]:
    """The figures that render as a note, since their picture is not to be had."""
    return [each for each in figures if find(pictures, each.digest) is None]


class AnyOf:
    """Several places. A picture counts only while it matches its digest."""

    def __init__(self, *places: Pictures) -> None:
        self._places = places

    def read(self, digest: str) -> bytes:
        """From the first place that has it. Raises KeyError if none does."""
        for place in self._places:
            data = find(place, digest)
            if data is not None and hashlib.sha256(data).hexdigest() == digest:
                return data
        raise KeyError(digest)


class Folder:
    """The `images` folder beside a document. A picture counts only while it matches its digest."""

    def __init__(self, root: Path, figures: Iterable[Figure], caps: Caps | None = None) -> None:
        self._caps = caps or Caps()
        self._paths: dict[str, list[Path]] = {}
        for figure in figures:
            self._paths.setdefault(figure.digest, []).append(root / file_name(figure))

    def read(self, digest: str) -> bytes:
        """The picture under `digest`. Raises KeyError if it is missing, altered or not a picture."""
        for path in self._paths.get(digest, ()):
            data = self._verified(path, digest)
            if data is not None:
                return data
        raise KeyError(digest)

    def _verified(self, path: Path, digest: str) -> bytes | None:
        try:
            with path.open("rb") as file:
                data = file.read(self._caps.bytes + 1)
            if hashlib.sha256(data).hexdigest() != digest:
                return None
            admit(data, self._caps)
        except (OSError, IntakeError):
            return None
        return data
