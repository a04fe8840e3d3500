"""The normalised copy: plain where the file was not, to the letter where it was; what is doubtful is said."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from llmi_offline.normalised import normalised
from llmi_offline.tables import load


def copy_of(text: str | bytes, name: str = "t.csv") -> str | None:
    """The copy of a file, as text; None if the file needs none."""
    copy = normalised(load(name, text if isinstance(text, bytes) else text.encode()))
    return None if copy is None else copy.decode()


def doubts_of(text: str | bytes, name: str = "t.csv") -> str:
    loading = load(name, text if isinstance(text, bytes) else text.encode())
    normalised(loading)
    return " ".join([*loading.notes, *loading.doubts])


COUNTED = "".join(f"{n},a\n" for n in range(10))
MADE_PLAIN = {
    "german": ("tag;wert\n01.02.2020;1,5\n13.02.2020;1.002,25\n", "tag,wert\n2020-02-01,1.5\n2020-02-13,1002.25\n"),
    "encoding": ("stadt,n\nKöln,1\n".encode("utf-16"), "stadt,n\nKöln,1\n"),
    "money": ("p\n$1.50\n$20.25\n", "p\n1.5\n20.25\n"),
    "thousands": ('n;m\n1,234,567;a\n2,000,000;b\n', "n,m\n1234567,a\n2000000,b\n"),
    "losses": ("v\tw\n(12)\t1.5k\n3\t2k\n", "v,w\n-12,1500\n3,2000\n"),
    "compact days": ("date,v\n20200131,1\n20200201,2\n", "date,v\n2020-01-31,1\n2020-02-01,2\n"),
    "months": ("when,v\nJan 2020,1\nFeb 2020,2\n", "when,v\n2020-01,1\n2020-02,2\n"),
    "epoch": ("time,v\n1600000000,1\n1600003600,2\n", "time,v\n2020-09-13T12:26:40,1\n2020-09-13T13:26:40,2\n"),
    "preamble": ("# by hand\nyear,v\n2019,1\n2020,2\n", "year,v\n2019,1\n2020,2\n"),
    "names": ("2019,2019,,b \nx,1,2,3\n", "2019,2019 (2),column 3,b\nx,1,2,3\n"),
    "no header": ("1,2\n3,4\n", "column 1,column 2\n1,2\n3,4\n"),
    "lost": (f"v;w\n{COUNTED}oops;b\n".replace(",", ";"), f"v,w\n{COUNTED},b\n"),
    "infinite": ("v,w\n1,2\ninf,3\n", "v,w\n1,2\n,3\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE_PLAIN)
def test_a_file_is_made_plain(case: str) -> None:
    given, copy = MADE_PLAIN[case]
    assert copy_of(given) == copy


KEPT = {
    "leading zeros": "zip;v\n01234;1\n99501;2\n",
    "long numbers": "id;v\n18446744073709551617;1\n18446744073709551618;2\n",
    "every digit": "v;w\n0.12345678901234567;1.10\n2.50;007\n",
    "years": "year;v\n2019;1\n2020;2\n",
    "quarters": "q;v\n2020-Q1;1\n2020-Q2;2\n",
    "year, month and day apart": "year;month;day;v\n2020;1;3;1\n2020;1;4;2\n",
    "zones": "t;v\n2020-01-01T00:00:00+02:00;1\n2020-01-02T00:00:00+01:00;2\n",
    "dates that can be read either way": "d;v\n03/04/19;1\n03/05/18;2\n02/02/20;2\n",
    "words for nothing": "effect;n\nNone;1\nNA;2\nMinor;3\n",
    "yes and no": "a;b\nTrue;yes\nFalse;no\n",
    "letters": "a;b\n x  y ;é\nz;w\n",
    "mixed": "v;w\n12 kg;1\n3 lb;2\n",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_was_right_or_is_in_doubt_stays_as_it_is_written(case: str) -> None:
    assert copy_of(KEPT[case]) == KEPT[case].replace(";", ",")


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,x\n2,y\n", "d,v\n2020-01-01,1.50\n2020-01-02,\n", 'a,b\r\n"x, y",1\r\nw,2\r\n'],
)
def test_a_plain_file_needs_no_copy(text: str) -> None:
    assert copy_of(text) is None


def test_json_becomes_rows_and_whole_numbers_stay_whole() -> None:
    records = '[{"a": 1, "b": {"c": [1, 2]}, "d": null}, {"a": 2, "b": {"c": [3]}, "d": 3}]'
    assert copy_of(records, "t.json") == 'a,d,b.c\n1,,"[1, 2]"\n2,3,[3]\n'


def test_a_parquet_file_keeps_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    times = pd.to_datetime(["2020-01-01 05:00", "2020-01-02 00:00"])
    frame = pd.DataFrame(
        {"t": times, "z": times.tz_localize("Europe/Berlin"), 2019: [0.1 + 0.2, 3]}
    )
    monkeypatch.setattr(pd, "read_parquet", lambda *_: frame.copy())
    assert copy_of("PAR1", "t.parquet") == (
        "t,z,2019\n2020-01-01T05:00:00,2020-01-01T05:00:00+01:00,0.30000000000000004\n"
        "2020-01-02T00:00:00,2020-01-02T00:00:00+01:00,3.0\n"
    )


@pytest.mark.parametrize("case", [case for case in MADE_PLAIN if case not in ("months", "epoch")])
def test_the_copy_read_plainly_is_the_table(case: str) -> None:
    given, copy = MADE_PLAIN[case]
    table = load("t.csv", given if isinstance(given, bytes) else given.encode()).frame
    again = pd.read_csv(io.StringIO(copy))
    for column in table:
        if pd.api.types.is_datetime64_any_dtype(table[column]):
            again[column] = pd.to_datetime(again[column].astype("str"))
    pd.testing.assert_frame_equal(again, table, check_dtype=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stadt;n\nKöln;1\n".encode("cp1252"), "read as Windows-1252"),
        ("1,2\n3,4\n", "taken for data"),
        ("2019,2020\n3,4\n", "years alone"),
        ("# x\na,b\n1,2\n", "1 line above the header is left out"),
        ("a;b\n1,234;x\n2,345;y\n", r"*a* is read as a decimal mark; it could be a thousands mark"),
        ('a,b\n"1,234",x\n"2,345",y\n', r"*a* is read as a thousands mark; it could be a decimal"),
        ("zip,v\n01234,1\n", "begin with a zero"),
        ("d;v\n01.02.19;1\n13.02.19;2\n", "two digits"),
        ("d,v\n01/02/2019,1\n02/03/2019,2\n05/01/2019,3\n", "are read month first"),
        ("time,v\n1600000000,1\n1600003600,2\n", "seconds since 1970"),
        (f"v,w\n{COUNTED}oops,b\n", "1 entry is not a number"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_said(text: str | bytes, said: str) -> None:
    assert said in doubts_of(text)


@pytest.mark.parametrize("text", ["a,b\n1,x\n2,y\n", "d,v\n2020-01-01,1.5\n2020-01-02,2\n"])
def test_nothing_is_doubtful_of_a_plain_file(text: str) -> None:
    assert not doubts_of(text)
