"""JSON lines, plain or compressed: written and read a line at a time."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard
from pydantic_core import PydanticSerializationError, to_json

from llmi_agent.base.errors import InputError

MOST_LINE = 2**28
"""Bytes of one line."""
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
_AS_JSON = {"Infinity": "1e999", "-Infinity": "-1e999", "NaN": "null"}
"""What JSON has no word for: what is too large for any reader is infinite, and what is no number is not there."""


_ENDS_OF_LINE = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What some readers take for the end of a line, and how JSON may write it."""


class TooLongError(InputError):
    """A line that no reader would take."""


def line_of(row: Mapping[str, Any]) -> bytes:
    """A value as a line of JSON. Raises TooLongError."""
    text = text_of(row)
    for character, escaped in _ENDS_OF_LINE.items():
        text = text.replace(character, escaped)
    line = text.encode() + b"\n"
    if len(line) > MOST_LINE:
        raise TooLongError(f"it would be a line of more than {MOST_LINE:,} bytes")
    return line


def text_of(value: Any) -> str:
    """A value as JSON, of which every reader makes the same again."""
    try:
        text = to_json(value, inf_nan_mode="constants").decode()
    except (PydanticSerializationError, UnicodeEncodeError):  # half a surrogate pair is no text
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text = text.encode("utf-8", "replace").decode()
    if "NaN" in text or "Infinity" in text:
        text = _NO_NUMBER.sub(lambda found: _AS_JSON.get(found[0], found[0]), text)
    return text


@contextmanager
def lines_to(path: Path, ending: str) -> Iterator[Callable[[bytes], object]]:
    """Writes lines to a new file, compressed as its final ending says."""
    with path.open("xb") as file:
        if ending.endswith(".gz"):
            # Without a name and a time, so that the same lines are the same file.
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                yield packed.write
        elif ending.endswith(".zst"):
            with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as writer:
                yield writer.write
        else:
            yield file.write


def rows_in(path: Path) -> Iterator[tuple[int, dict[str, Any] | InputError]]:
    """Each line's number, from 1, and its object, or why it has none. Blank lines are none.

    Raises InputError where the file itself can be read no further.
    """
    for number, line in _lines_in(path):
        yield number, _object(line)


def named_in(path: Path, column: str) -> Iterator[str]:
    """What each row says in its second column, if that is this one, which is quick; else wherever it says it, as text.

    Raises InputError as `rows_in`.
    """
    start = re.compile(rb'\{"schema": ?"[^"\\]*", ?"%s": ?"([ -!#-\[\]-~]+)",' % column.encode())
    for _, line in _lines_in(path):
        if found := start.match(line):
            yield found[1].decode()
        elif isinstance(row := _object(line), dict) and isinstance(name := row.get(column), str):
            yield name


def _lines_in(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as raw:
        stream = unpacked(raw)
        number = 0
        try:
            while line := stream.readline(MOST_LINE + 1):
                number += 1
                if len(line) > MOST_LINE:
                    raise InputError(
                        f"line {number} of {path} has more than {MOST_LINE:,} bytes, so the rest was not read"
                    )
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise InputError(
                f"{path} cannot be read beyond line {number}: {error or type(error).__name__}"
            ) from None


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """The file's content: of gzip or Zstandard, by its first bytes, or as it is."""
    head = raw.read(4)
    raw.seek(0)
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
    if kind == "gzip":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if kind == "zstd":
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
            raw, read_across_frames=True
        )
        return io.BufferedReader(reader)
    return raw


def _object(line: bytes) -> dict[str, Any] | InputError:
    try:
        value = json.loads(line)
    except RecursionError:
        return InputError("it is nested too deeply")
    except ValueError as error:  # also bytes that are no text, and numbers of too many digits
        return InputError(f"it is no JSON ({str(error)[:100]})")
    return value if isinstance(value, dict) else InputError("it is no JSON object")
