"""What a policy is told of an attached table or text.

A large table is read in a process of its own, which has limits and whose work does not hold up this one.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from weakref import WeakKeyDictionary

from llmi_agent.contract import ArtifactReader, Attachment, Preview, TableCopy
from llmi_offline.attached import is_table
from llmi_offline.sniff import doubtful_encoding, encoding_of

MOST_TEXT = 4_000
"""Characters that are shown of a text."""
_HEAD = 64 * 1024
_TEXTS = ("text/plain", "text/markdown")
_SMALL = 1024 * 1024
"""Bytes of a table that is read in a thread: a process takes a second to begin."""
_COPIED = 16 * 1024 * 1024
"""Bytes of a table up to which there is a normalised copy."""
_SECONDS = 60.0
_AT_ONCE = 2
ENDED = "The table was not read: the process that reads large tables ended early, most likely for want of memory."
_MODULE = "llmi_offline.apart"
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True)
class Reading:
    """What became known of a table, in a form that passes from one process to another."""

    text: str
    doubts: Sequence[str] = ()
    copy: bytes | None = None

    def dump(self) -> bytes:
        """As one line of JSON, and the copy behind it."""
        told = {"text": self.text, "doubts": list(self.doubts), "copy": self.copy is not None}
        return json.dumps(told).encode() + b"\n" + (self.copy or b"")

    @classmethod
    def load(cls, dumped: bytes) -> Reading:
        """What `dump` wrote. Raises ValueError for anything else."""
        line, _, copy = dumped.partition(b"\n")
        told = json.loads(line)
        return cls(told["text"], told["doubts"], copy if told["copy"] else None)


async def preview(attachment: Attachment, artifacts: ArtifactReader) -> Preview | None:
    """None for what is neither a table nor a text."""
    path = artifacts.path(attachment.digest)
    if attachment.media_type in _TEXTS:
        return await asyncio.to_thread(_of_text, path)
    if not is_table(attachment.name, attachment.media_type):
        return None
    if attachment.size <= _SMALL:
        reading = await asyncio.to_thread(_read_here, attachment.name, path)
    else:
        reading = await _read_apart(attachment.name, path)
    return _told(attachment.name, reading)


@lru_cache(maxsize=16)
def _read_here(name: str, path: Path) -> Reading:
    return read(name, path)


def read(name: str, path: Path) -> Reading:
    """The table in the file. One that cannot be read is said to be so."""
    from llmi_offline.errors import UnreadableTable
    from llmi_offline.normalised import normalised
    from llmi_offline.tables import as_table, describe_table, load

    data = path.read_bytes()
    try:
        loading = load(name, data)
    except UnreadableTable as error:
        return Reading(str(error))
    large = len(data) > _COPIED
    copy = None if large else normalised(loading)
    doubts = [*loading.notes, *loading.doubts]
    return Reading(describe_table(as_table(loading)), doubts, copy)


def _told(name: str, reading: Reading) -> Preview:
    table = None
    if reading.copy is not None:
        table = TableCopy(f"{PurePath(name).stem}.clean.csv", "text/csv", reading.copy)
    return Preview(reading.text, tuple(reading.doubts), table)


async def _read_apart(name: str, path: Path) -> Reading:
    """As `read`, by a child; what it cannot do in its limits is said."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Semaphore(_AT_ONCE)):
        command = (sys.executable, "-P", "-m", _MODULE, name, str(path))
        child = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            dumped, _ = await asyncio.wait_for(child.communicate(), _SECONDS)
            return Reading.load(dumped)
        except TimeoutError:
            return Reading(f"The table was not read: that takes more than {_SECONDS:g} s.")
        except (ValueError, KeyError):
            return Reading(ENDED)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


def _of_text(path: Path) -> Preview:
    """The start of a text."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    cut = len(head) == _HEAD
    encoding = encoding_of(head[: _whole(head)] if cut else head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    doubts = [*doubtful_encoding(encoding)]
    if cut or len(text) > MOST_TEXT:
        doubts.append(f"Only its first {MOST_TEXT:,} characters are shown.")
    return Preview(text[:MOST_TEXT], tuple(doubts))


def _whole(head: bytes) -> int:
    """How many of the bytes end in no torn character of UTF-8."""
    torn = next((n for n in range(1, 5) if head[-n] & 0xC0 != 0x80), 0)
    return len(head) - torn
