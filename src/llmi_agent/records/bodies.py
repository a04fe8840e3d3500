"""The bodies of records, as a file has them: JSON, or that JSON compressed with zstd and a dictionary of such records.

The dictionary ships with LLMI (`benchmarks/records_dictionary.py` makes it), and each file has those that it was written
with, so that every later LLMI can read it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import zstandard

from llmi_agent.base.errors import InputError
from llmi_agent.records.record import damaged

LEVEL = 3
SMALL = 60
"""Bytes up to which nothing is gained."""
LARGEST = 2**25
"""Bytes of a body; what is larger stays as it is, and nothing is decompressed to more."""
LARGEST_DICTIONARY = 2**20
Dictionaries = Callable[[int], bytes | None]
_SHIPPED = Path(__file__).with_name("records.zdict")


@cache
def shipped() -> zstandard.ZstdCompressionDict:
    """The dictionary that bodies are written with."""
    own = zstandard.ZstdCompressionDict(_SHIPPED.read_bytes())
    own.precompute_compress(level=LEVEL)
    return own


class _Compressor(threading.local):
    """Each thread needs its own."""

    def __init__(self) -> None:
        self.made: zstandard.ZstdCompressor | None = None


class _Decompressors(threading.local):
    def __init__(self) -> None:
        self.by_dictionary: dict[int, zstandard.ZstdDecompressor] = {}


_compressor = _Compressor()


def packed(body: str) -> str | bytes:
    """As the file is to have it: compressed, where that is shorter."""
    plain = body.encode()
    if not SMALL < len(plain) <= LARGEST:
        return body
    if _compressor.made is None:
        _compressor.made = zstandard.ZstdCompressor(
            level=LEVEL, dict_data=shipped(), write_checksum=True, write_content_size=True
        )
    frame = _compressor.made.compress(plain)
    return frame if len(frame) < len(plain) else body


class Bodies:
    """Reads those of one file, which are not to be trusted."""

    def __init__(self) -> None:
        self._own = _Decompressors()

    def text(self, kind: str, body: Any, dictionary: Dictionaries) -> str:
        """The JSON of a record of this kind. Raises InputError if it is damaged.

        dictionary: the file's, by its id.
        """
        if isinstance(body, str):
            return body
        try:
            return self._unpacked(body, dictionary)
        except (zstandard.ZstdError, MemoryError, ValueError, TypeError) as error:
            raise InputError(damaged(kind, error)) from None

    def _unpacked(self, frame: bytes, dictionary: Dictionaries) -> str:
        if not isinstance(frame, bytes):
            raise TypeError(f"a body is {type(frame).__name__}, neither text nor bytes")
        about = zstandard.get_frame_parameters(frame)
        if about.content_size > LARGEST:  # as is one that does not say
            raise ValueError("it does not say its size, or is too large")
        known = self._own.by_dictionary
        if about.dict_id not in known:
            own = _found(about.dict_id, dictionary)
            known[about.dict_id] = zstandard.ZstdDecompressor(dict_data=own)
        return known[about.dict_id].decompress(frame, max_output_size=LARGEST).decode()


def _found(number: int, dictionary: Dictionaries) -> zstandard.ZstdCompressionDict | None:
    if not number:
        return None
    if number == shipped().dict_id():
        return shipped()
    body = dictionary(number)
    if body is None:
        raise ValueError(f"the file lacks the dictionary {number}")
    return zstandard.ZstdCompressionDict(body)
