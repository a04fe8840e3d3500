"""How a delimited text file is written: its encoding, delimiter, preamble and header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_SIGNATURES = {
    b"\x89PNG": "it is a PNG picture",
    b"\xff\xd8\xff": "it is a JPEG picture",
    b"GIF8": "it is a GIF picture",
    b"%PDF": "it is a PDF document",
    b"PK\x03\x04": "it is a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "it is an old Excel workbook",
    b"\x1f\x8b": "it is compressed with gzip",
    b"SQLite format 3": "it is an SQLite database",
}
_SAMPLE = 64 * 1024
_SAMPLE_ROWS = 200
_DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"\s*[-+]?(\d[\d.,]*|[.,]\d+)(e[-+]?\d+)?\s*", re.IGNORECASE)
_YEAR = re.compile(r"\s*(1[5-9]|20|21)\d\d(\.0)?\s*")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_GUESSES = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
_TEXT_CONTROLS = b"\t\n\r\f\x0b\x1a\x1b"


@dataclass(frozen=True)
class Dialect:
    """The reading of a delimited text file."""

    encoding: str
    delimiter: str = ","
    decimal: str = "."
    skip: int = 0
    """Physical lines before the header: a title, comments."""
    header: bool = True
    names: tuple[str, ...] = ()
    """The header's cells as they are written; none without a header."""
    trailing: bool = False
    """Every data row ends in one more delimiter than the header has."""
    wider: int = 0
    """How many fields the first data row has beyond the header's, where they are not just empty."""


def foreign(data: bytes) -> str:
    """What the bytes are, in words, if they are no text at all; else an empty string."""
    for signature, words in _SIGNATURES.items():
        if data.startswith(signature):
            return words
    if encoding_of(data).startswith("utf-16"):
        return ""
    head = data[:_SAMPLE]
    controls = len(head) - len(head.translate(None, _controls()))
    return "it holds binary data" if b"\0" in head or controls > len(head) / 20 else ""


def encoding_of(data: bytes) -> str:
    """The first encoding, from strict to lax, that the whole file is valid in."""
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig" if _decodes(data, "utf-8-sig") else "latin-1"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16" if _decodes(data, "utf-16") else "latin-1"
    wide = _bare_utf16(data)
    for encoding in (wide, "utf-8", "cp1252"):
        if encoding and _decodes(data, encoding):
            return encoding
    return "latin-1"


def doubtful_encoding(encoding: str) -> Iterator[str]:
    """Says so if the encoding, as `encoding_of` found it, is a guess."""
    if guess := _GUESSES.get(encoding):
        yield (
            f"The file is not UTF-8 and does not say what else; it is read as {guess}, so letters beyond A to Z may be "
            "wrong."
        )
    elif encoding.startswith("utf-16-"):
        yield "The file does not say its encoding; it is read as UTF-16."


def sniff(data: bytes) -> Dialect:
    """The dialect of a text file. Never fails: what cannot be told is taken as plain CSV."""
    encoding = encoding_of(data)
    lines = _sample(data, encoding)
    delimiter = _delimiter(lines)
    rows = _rows(lines, delimiter)
    width = _usual_width(rows)
    skip = _preamble(rows, width)
    body = [row for _, row in rows if row][_before(rows, skip) :]
    head, data_rows = (body[0], body[1:]) if body else ([], [])
    header = _is_header(head, data_rows)
    trailing = bool(data_rows) and all(
        len(row) == len(head) + 1 and not row[-1].strip() for row in data_rows
    )
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        decimal="," if delimiter != "," and _has_decimal_commas(data_rows) else ".",
        skip=skip,
        header=header,
        names=tuple(head) if header else (),
        trailing=trailing,
        wider=max(0, len(data_rows[0]) - len(head)) if data_rows and header and not trailing else 0,
    )


def _controls() -> bytes:
    return bytes(code for code in range(32) if code not in _TEXT_CONTROLS)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeError:
        return False
    return True


def _bare_utf16(data: bytes) -> str:
    head = data[:400]
    if len(data) % 2 or len(head) < 4:
        return ""
    even, odd = head[::2].count(0), head[1::2].count(0)
    mostly = len(head) * 0.35
    return (
        "utf-16-le"
        if odd > mostly and not even
        else "utf-16-be"
        if even > mostly and not odd
        else ""
    )


def _sample(data: bytes, encoding: str) -> list[str]:
    text = data[:_SAMPLE].decode(encoding, errors="replace")
    lines = text.splitlines(keepends=True)
    whole = lines[:-1] if len(data) > _SAMPLE and len(lines) > 1 else lines
    return whole[:_SAMPLE_ROWS]


def _rows(lines: list[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Each parsed row with the number of physical lines before it."""
    reader = csv.reader(lines, delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for row in reader:
            rows.append((before, row))
            before = reader.line_num
    except csv.Error:
        return rows
    return rows


def _usual_width(rows: list[tuple[int, list[str]]]) -> int:
    widths = Counter(len(row) for _, row in rows if row)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _delimiter(lines: list[str]) -> str:
    def fit(delimiter: str) -> tuple[float, int]:
        rows = _rows(lines, delimiter)
        width = _usual_width(rows)
        if width < 2:
            return (0.0, 0)
        body = rows[next((i for i, (_, row) in enumerate(rows) if len(row) >= width - 1), 0) :]
        return (sum(len(row) == width for _, row in body) / len(rows), width)

    return max(_DELIMITERS, key=fit)


def _preamble(rows: list[tuple[int, list[str]]], width: int) -> int:
    """Lines before the header: comments, and titles of one cell above a table of three or more."""
    for before, row in rows:
        if not row or row[0].lstrip().startswith("#"):
            continue
        titled = width > 2 and sum(bool(cell.strip()) for cell in row) < 2
        if not titled:
            return before if any(line for line in rows if line[0] < before and line[1]) else 0
    return 0


def _before(rows: list[tuple[int, list[str]]], skip: int) -> int:
    return sum(1 for before, row in rows if row and before < skip)


def _is_header(head: list[str], data_rows: list[list[str]]) -> bool:
    """Names are not all numbers, but for years: one after the other, where the rows below go on otherwise."""
    if not data_rows or not all(_NUMBER.fullmatch(cell) for cell in head):
        return True
    return _are_years(head) and not any(map(_are_years, data_rows))


def _are_years(cells: list[str]) -> bool:
    """Whether the cells count years, forwards or backwards, in equal steps."""
    if len(cells) < 2 or not all(_YEAR.fullmatch(cell) for cell in cells):
        return False
    years = [int(float(cell)) for cell in cells]
    step = years[1] - years[0]
    return bool(step) and all(b - a == step for a, b in pairwise(years))


def _has_decimal_commas(rows: list[list[str]]) -> bool:
    return any(_DECIMAL_COMMA.fullmatch(cell) for row in rows for cell in row)
