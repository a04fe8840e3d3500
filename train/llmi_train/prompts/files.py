"""Files that go with prompts: beside the file that names them, or in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.runner.prompt_line import WrongLineError
from llmi_agent.store.attachments import MAX_BYTES
from llmi_agent.traces.exchange.whole import write_whole

_MAGIC = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\x00": ".tif",
    b"MM\x00*": ".tif",
}


def picture_ending(head: bytes) -> str:
    """The ending of a picture's name, by its first bytes; empty if they are no picture's."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    return next((ending for magic, ending in _MAGIC.items() if head.startswith(magic)), "")


def is_picture(path: Path) -> bool:
    """By its first bytes. Raises InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return bool(picture_ending(file.read(12)))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


class Files:
    """Finds the files that rows name. What is in a row itself is written to a folder."""

    def __init__(self, folder: Path, keep: Path | None) -> None:
        """folder: that of the file with the rows. keep: where bytes go; None: a row that has some cannot be used."""
        self._folder = folder
        self._keep = keep

    def take(self, given: Any) -> Path:
        """The path of a file that is given by its path, as bytes, or as a struct of both. Raises WrongLineError."""
        if isinstance(given, Mapping):
            data, path = given.get("bytes"), given.get("path")
            name = path if isinstance(path, str) else ""
            if data is not None:  # also if there are none of them: the file is empty then
                return self._kept(data if isinstance(data, bytes) else _decoded(data), name)
            given = path
        if isinstance(given, bytes | bytearray) and given:
            return self._kept(bytes(given), "")
        if not isinstance(given, str) or not given:
            raise WrongLineError(f"a file of it is neither bytes nor a path: {given!r:.80}")
        if given.startswith("data:"):
            return self._kept(_decoded(given.partition(",")[2]), "")
        if "://" in given[:20]:
            raise WrongLineError(f"{given:.80} is an address; files must be beside, or in the file")
        return self._beside(given)

    def _beside(self, name: str) -> Path:
        """Within the folder, wherever links lead: a file of a stranger's must not name what is on this machine."""
        path = self._folder / name
        try:
            inside = path.resolve().is_relative_to(self._folder.resolve())
            there = inside and path.is_file()
            size = path.stat().st_size if there else 0
        except (OSError, ValueError, RuntimeError):
            raise WrongLineError(f"its file {name!r:.80} cannot be read") from None
        if not inside:
            raise WrongLineError(
                f"its file {name!r:.80} is out of the folder of the prompts; put it beside them"
            )
        if not there:
            raise WrongLineError(f"its file {name!r:.80} is not there")
        if size > MAX_BYTES:
            raise WrongLineError(f"its file {name!r:.80} has more than {MAX_BYTES:,} bytes")
        return path

    def _kept(self, data: bytes, name: str) -> Path:
        if self._keep is None:
            raise InputError("the prompts have files in them; say where these are to be kept")
        if len(data) > MAX_BYTES:
            raise WrongLineError(f"a file of it has more than {MAX_BYTES:,} bytes")
        return keep(data, name, self._keep)


def keep(data: bytes, name: str, folder: Path) -> Path:
    """Write bytes to a folder where they are found by their digest, under their own name if it is a usual one."""
    digest = hashlib.sha256(data).hexdigest()
    own = PurePosixPath(name.replace("\\", "/")).name
    usual = own.isprintable() and 0 < len(own.encode("utf-8", "replace")) <= 150 and own[0] != "."
    path = folder / digest[:16] / (own if usual else f"{digest[:16]}{picture_ending(data[:12])}")
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        write_whole(path, data)
    return path


def _decoded(given: Any) -> bytes:
    """base64, as JSON has bytes."""
    if isinstance(given, list):  # as some writers of JSON have them
        try:
            return bytes(given)
        except (TypeError, ValueError):
            raise WrongLineError("the bytes of a file of it are none") from None
    try:
        return base64.b64decode(given, validate=True)
    except (TypeError, binascii.Error, ValueError):
        raise WrongLineError("the bytes of a file of it are not base64") from None
