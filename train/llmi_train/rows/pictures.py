"""The pictures that calls were shown: looked for when rows are made, and kept on disk, as they were shown, until they are trained on."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.document.messages import reference, with_pictures
from llmi_agent.run.conversation import SEEN_SIDE
from llmi_agent.store.intake import IntakeError, admit
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import Trace
from llmi_train.rows.faults import BadTrace

_LEAVE = "leave out such runs with --leave-out-bad"


@dataclass(frozen=True)
class Picture:
    """One that a call was shown."""

    digest: str
    gallery: Gallery = field(compare=False, repr=False)

    def read(self) -> bytes:
        """It as models are shown it: no larger than they see."""
        return self.gallery.read(self.digest)


class Gallery:
    """Pictures by their digests, each once, in a file of SQLite's own, which goes with the process."""

    def __init__(self) -> None:
        self._tables = sqlite3.connect("", check_same_thread=False)
        self._tables.execute(
            "CREATE TABLE pictures (digest TEXT PRIMARY KEY, data BLOB, shown INT)"
        )

    def hang(self, trace: Trace, call: ModelCall) -> tuple[Picture, ...]:
        """What a call was shown, in its order; the bytes are kept. Raises BadTrace if one is gone."""
        found = [*pictures_in(plain(each) for each in call.messages)]
        return tuple(Picture(d, self) for d, kind in found if self._is_shown(trace, d, kind))

    def take(self, data: bytes) -> Picture:
        """One of anybody's, as a run takes it in. Raises IntakeError if it is none."""
        whole = admit(data).data
        digest = hashlib.sha256(whole).hexdigest()
        if not self._keep(digest, whole, "image/png"):
            raise IntakeError("it cannot be made as small as models are shown pictures")
        return Picture(digest, self)

    def read(self, digest: str) -> bytes:
        """As `Picture.read`. Raises KeyError if it is not here."""
        query = "SELECT data FROM pictures WHERE digest = ?"
        found = self._tables.execute(query, (digest,)).fetchone()
        if found is None:
            raise KeyError(digest)
        return bytes(found[0])

    def path(self, digest: str) -> Path:
        """None has a file of its own: raises KeyError."""
        raise KeyError(digest)

    def _is_shown(self, trace: Trace, digest: str, media_type: str) -> bool:
        """Whether models are: of one that cannot be made smaller, they are told in words."""
        query = "SELECT shown FROM pictures WHERE digest = ?"
        known = self._tables.execute(query, (digest,)).fetchone()
        if known is not None:
            return bool(known[0])
        return self._keep(digest, _read(trace, digest), media_type)

    def _keep(self, digest: str, whole: bytes, media_type: str) -> bool:
        """Whether models are shown it."""
        message = HumanMessage([reference(digest, media_type)])
        block = with_pictures(message, _One(whole), SEEN_SIDE).content[0]
        data = block.get("base64") if isinstance(block, dict) else None
        kept = whole if data is None else base64.b64decode(data)
        row = digest, kept, data is not None
        self._tables.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?, ?)", row)
        return data is not None


class _One:
    """A store with one picture."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, digest: str) -> bytes:
        return self._data

    def path(self, digest: str) -> Path:
        raise KeyError(digest)


def _read(trace: Trace, digest: str) -> bytes:
    """Raises BadTrace."""
    about = f"the picture {digest[:12]}…, which its policy was shown,"
    try:
        data = trace.pictures.read(digest) if trace.pictures else None
    except KeyError:
        data = None
    except (InputError, OSError) as error:
        said = f"{about} cannot be read ({error})"
        raise BadTrace(trace.episode, "a picture that cannot be read", said, _LEAVE) from None
    if data is None:
        way = f"read it from a home that has it, or export it with --pictures beside or inside, or {_LEAVE}"
        raise BadTrace(trace.episode, "a picture that is gone", f"{about} is not there", way)
    if hashlib.sha256(data).hexdigest() != digest:
        said = f"{about} is not the one that it was"
        raise BadTrace(trace.episode, "a picture that was changed", said, _LEAVE)
    return data
