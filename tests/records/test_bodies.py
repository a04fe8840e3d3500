"""Compressed records: small, readable by every later LLMI, and not to be trusted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.records import bodies, tables
from llmi_agent.records.journal import Journal
from llmi_agent.records.record import Entry
from llmi_agent.records.rows import digests_in

TEXT = '{"call":"model-0","charge":{"call":"model","name":"x","purpose":"draft","slot":null,"attempt":0,"usd":null}}'


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    own = Journal(tmp_path / "journal.db")
    yield own
    own.close()


def spoil(journal: Journal, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        connection.execute(statement, values)


def read(journal: Journal) -> list[str]:
    return [each.data for each in journal.read("e")]


@pytest.mark.parametrize("text", ["", "null", TEXT, "é" * 500, '"\\u0000"' * 50, "x" * 3_000_000])
def test_what_is_written_is_read(journal: Journal, text: str) -> None:
    journal.write("e", Entry("x", data=text))
    assert read(journal) == [text]


def test_records_of_ours_are_much_smaller(journal: Journal) -> None:
    packed = bodies.packed(TEXT)
    assert isinstance(packed, bytes)
    assert len(packed) < len(TEXT) / 2 < len(zstandard.compress(TEXT.encode())) < len(TEXT) * 1.2
    assert bodies.packed("[1, 2]") == "[1, 2]", "where nothing is gained, it stays as it is"


def test_a_file_has_the_dictionary_that_it_was_written_with(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write("e", Entry("x", data=TEXT))
    journal.close()
    other = zstandard.ZstdCompressionDict(zstandard.train_dictionary(2048, [f"{n} other {n * n}".encode() * 9 for n in range(400)]).as_bytes())  # fmt: skip
    for module in (bodies, tables):
        monkeypatch.setattr(module, "shipped", lambda: other)
    later = Journal(journal.path)
    assert read(later) == [TEXT]
    later.close()
    with closing(sqlite3.connect(journal.path)) as connection:
        assert connection.execute("SELECT count(*) FROM dictionaries").fetchone() == (2,)
    spoil(journal, "DELETE FROM dictionaries")
    with pytest.raises(InputError, match="lacks the dictionary"):
        read(Journal(journal.path))


def bomb() -> bytes:
    return zstandard.ZstdCompressor().compress(b"x" * (bodies.LARGEST + 1))


def silent() -> bytes:
    """It does not say its size."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 1000)


def flipped() -> bytes:
    frame = bytearray(bodies.packed(TEXT))  # type: ignore[arg-type]
    frame[len(frame) // 2] ^= 1
    return bytes(frame)


@pytest.mark.parametrize(
    "body", [b"", b"\0" * 9, b"no frame", bomb(), silent(), flipped(), bodies.packed(TEXT)[:-3], 7, 1.5],
    ids=range(9),
)  # fmt: skip
def test_what_is_damaged_or_too_large_is_said(journal: Journal, body: object) -> None:
    journal.write("e", Entry("x", data=TEXT))
    spoil(journal, "UPDATE records SET data = ?", body)
    if isinstance(body, int | float):  # the column makes text of it
        assert read(journal) == [str(body)]
        return
    with pytest.raises(
        InputError, match=r"a record of the type x is damaged \(.*\); start the run anew"
    ):
        read(journal)


def test_the_dictionary_says_nothing_of_where_it_was_made() -> None:
    own = bodies.shipped().as_bytes()
    for word in (
        b"/home/",
        b"/root",
        b"/tmp/",
        b"/work/",
        b"/usr/",
        b"/Users/",
        b"site-packages",
        b"@",
    ):
        assert word not in own.replace(b"@ ", b""), word
    assert 16_000 < len(own) < 112_640


def test_another_programs_file_is_left_as_it_is(tmp_path: Path) -> None:
    for number, table in enumerate(("records (a, b)", "things (id)")):
        path = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE {table}")
        before = path.read_bytes()
        for use in (lambda own: own.episodes(), lambda own: own.write("e", Entry("opened"))):
            with pytest.raises(ConfigError, match="another program's database"):
                use(Journal(path))
        assert path.read_bytes() == before


def test_a_truncated_file_is_said_to_be_damaged(journal: Journal) -> None:
    for number in range(300):
        written = journal.append(f"e{number}", Entry("opened", data=TEXT))
    written.result(60)
    journal.close()
    journal.path.write_bytes(journal.path.read_bytes()[:30_000])
    with pytest.raises(ConfigError, match="are damaged"):
        list(Journal(journal.path).overviews())


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        ("ab" * 32, {"ab" * 32}),
        (f'"\\b{"cd" * 32}"', {"b" + "cd" * 31 + "c", "cd" * 32}),
        ("a" * 63, set()),
        ("AB" * 32, set()),
        (f"é{'0' * 64}é", {"0" * 64}),
    ],
)
def test_digests_are_found(text: str, digests: set[str]) -> None:
    assert set(digests_in(text)) == digests


def test_a_long_run_of_letters_is_no_crowd_of_digests() -> None:
    assert len(list(digests_in("a" * 1_000_000))) < 100
