"""The pictures of a file of examples: in its rows, or beside it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llmi_agent.runner.prompt_line import WrongLineError
from llmi_agent.store.intake import Caps, IntakeError
from llmi_train.preferences.places import IMAGES, own_pictures
from llmi_train.prompts.published import plain
from llmi_train.rows.pictures import Gallery, Picture

_TAKEN = 'a picture is a path below the folder of the file, {"bytes": BASE64}, or data:image/png;base64,…'
_DATA = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|data:)", re.IGNORECASE)
_LONGEST = 1024
"""Letters of a path."""


class Images:
    """Takes them in as a run does."""

    def __init__(self, file: Path) -> None:
        """file: with the rows; paths in it are below its folder."""
        self._folder = file.parent
        self._gallery = Gallery()

    def of(self, row: Any) -> tuple[Picture, ...]:
        """Those of a row, in their order. Raises WrongLineError for what is none."""
        if not isinstance(row, Mapping):
            return ()
        found = [plain(row.get(each)) for each in IMAGES]
        given: Any = next((each for each in found if each is not None), [])
        several = given if isinstance(given, list) else [given]
        own = own_pictures(row)
        if several and own and several != own:
            raise WrongLineError(
                f"its messages hold other pictures than its column {IMAGES[0]!r}: leave them in one of the two"
            )
        several = several or own
        return tuple(self._one(each, number) for number, each in enumerate(several, 1))

    def _one(self, given: Any, number: int) -> Picture:
        try:
            return self._gallery.take(self._bytes(given))
        except (IntakeError, ValueError, OSError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise WrongLineError(f"its picture {number} cannot be used: {said}") from None

    def _bytes(self, given: Any) -> bytes:
        """Of bytes (base64 in JSON), of a path, or of an object with one of them. Raises ValueError or OSError."""
        data, path = given, given
        if isinstance(given, Mapping):
            data, path = given.get("bytes"), given.get("path")
        if isinstance(data, bytes):
            return data
        if isinstance(given, Mapping) and isinstance(data, str):
            return _decoded(data)
        if not isinstance(path, str):
            raise ValueError(f"it is neither bytes nor a path; {_TAKEN}")
        if found := _DATA.match(path):
            return _decoded(path[found.end() :])
        if _ADDRESS.match(path):
            raise ValueError(
                f"{path[:80]!r} is an address, and addresses are never fetched; {_TAKEN}"
            )
        if len(path) > _LONGEST:
            raise ValueError(f"{path[:40]!r}… is too long for a path; {_TAKEN}")
        return self._beside(path)

    def _beside(self, path: str) -> bytes:
        own, named = self._folder.resolve(), PurePosixPath(path)
        place = (own / named).resolve()
        if named.is_absolute() or not place.is_relative_to(own):
            raise ValueError(f"{path[:80]!r} leads out of the folder of the file")
        if not place.is_file():
            raise ValueError(f"there is no file {path[:80]!r} beside the file of examples")
        with place.open("rb") as file:
            return file.read(Caps().bytes + 1)


def _decoded(data: str) -> bytes:
    """Raises ValueError."""
    if len(data) > Caps().bytes * 4 // 3 + 4:
        raise ValueError(f"it has more than {Caps().bytes:,} bytes")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise ValueError("its bytes are not base64") from None
