"""The artifact store: bytes kept once, under the SHA-256 of their content.

State, journal, traces and documents hold digests; only the store holds bytes. Files are written beside
their place and renamed, so a reader never sees half of one and a crash leaves no torn file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from llmi_agent.intake import Limits, Picture, admit

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Artifact:
    """A picture in the store."""

    digest: str
    media_type: str
    width: int
    height: int


class ArtifactStore:
    """Bytes by digest, in a folder that is made when the first bytes come."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def put(self, data: bytes) -> str:
        """Keep `data`; returns its digest. The same bytes are kept once."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._place(digest)
        if not path.exists():
            _write_whole(path, data)
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes under `digest`. Raises KeyError if there are none."""
        return self.path(digest).read_bytes()

    def path(self, digest: str) -> Path:
        """The file that holds them. Raises KeyError if there is none."""
        path = self._place(digest)
        if not path.is_file():
            raise KeyError(digest)
        return path

    def __contains__(self, digest: str) -> bool:
        return self._place(digest).is_file()

    def put_image(self, data: bytes, limits: Limits | None = None) -> tuple[Artifact, Picture]:
        """Take a picture in (`intake.admit`) and keep it. Raises IntakeError."""
        picture = admit(data, limits)
        digest = self.put(picture.data)
        return Artifact(digest, picture.media_type, picture.width, picture.height), picture

    def _place(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise KeyError(digest)
        return self.root / digest[:2] / digest


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
