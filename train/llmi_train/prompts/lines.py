"""Lines of a file of anybody's: bounded, and one that is too long stops no other."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import zstandard

from llmi_agent.base.errors import InputError
from llmi_agent.traces.exchange.lines import unpacked

MOST_LINE = 2**26
"""Bytes of one line, with the files in it."""
MOST_ALL = 2**36
"""Bytes of all lines, unpacked."""
_HEAD = 4096


def lines_in(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Each line's number, from 1, and the line; None if it is too long. Blank ones are left out.

    Raises InputError if the file is no text in lines, or can be read no further.
    """
    number = size = 0
    try:
        with path.open("rb") as raw:
            stream = unpacked(raw)
            head = stream.read(_HEAD)
            _check(head, path)
            for line, whole in _lines(_Rejoined(head, stream)):
                number += 1
                size += len(line)
                if size > MOST_ALL:
                    raise InputError(f"{path} unpacks to more than {MOST_ALL:,} bytes")
                if not whole or line.strip():
                    yield number, line if whole else None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        words = getattr(error, "strerror", None) or error or type(error).__name__
        where = f" beyond line {number}" if number else ""
        raise InputError(f"{path} cannot be read{where}: {words}") from None


class _Rejoined:
    """A stream whose first bytes have been read already."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head = head
        self._stream = stream

    def readline(self, most: int) -> bytes:
        if not self._head:
            return self._stream.readline(most)
        end = self._head.find(b"\n") + 1 or len(self._head)
        line, self._head = self._head[:end], self._head[end:]
        return line if line.endswith(b"\n") else line + self._stream.readline(most - len(line))


def _lines(stream: _Rejoined) -> Iterator[tuple[bytes, bool]]:
    """Pieces of at most `MOST_LINE`, and whether each is a line; what is left of one that is not is passed over."""
    while line := stream.readline(MOST_LINE + 1):
        whole = len(line) <= MOST_LINE
        size = len(line)
        while not whole and not line.endswith(b"\n"):
            line = stream.readline(MOST_LINE + 1)
            size += len(line)
            if not line or size > MOST_ALL:
                break
        yield line, whole


def _check(head: bytes, path: Path) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise InputError(f"{path} is no UTF-8 text: save it as UTF-8, one JSON object a line")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        raise InputError(
            f"{path} begins with a JSON array; write its objects one a line, as `jq -c '.[]'` does"
        )
