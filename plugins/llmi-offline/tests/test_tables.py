"""Reading: encodings, delimiters, numbers as people write them, dates, JSON; loader equals frame."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from llmi_offline.facts.clock import clock_of
from llmi_offline.roles import roles_of
from llmi_offline.tables import Table, describe_table, read_table


def read(text: str | bytes, name: str = "t.csv") -> Table:
    return read_table(name, text if isinstance(text, bytes) else text.encode())


def loaded(
    table: Table, data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> pd.DataFrame:
    """What the loader gives in a fresh working folder, as in the sandbox."""
    (folder / table.name).write_bytes(data)
    monkeypatch.chdir(folder)
    names = {"pd": pd, "np": np}
    exec(table.loader, names)
    return names["df"]


AWKWARD = {
    "plain": "a,b\n1,x\n2,y\n",
    "german": "datum;wert;ort\n01.02.2020;1,5;Köln\n02.02.2020;2,25;Bonn\n",
    "tabs": "a\tb\n1\t2\n3\t4\n",
    "pipes": "a|b\n1|2\n3|4\n",
    "thousands": 'n,name\n"1,234",x\n"2,345,678",y\n',
    "money": "price\n$1.50\n$20.25\n$3.00\n",
    "preamble": "# made by hand\n# in 2020\na,b,c\n1,2,3\n4,5,6\n",
    "titled": "Population of towns,,\n\ntown,year,people\nA,2001,5\nB,2002,6\n",
    "headless": "1,2\n3,4\n5,6\n",
    "names": "a,a,,b \n1,2,3,4\n5,6,7,8\n",
    "trailing": "a,b,\n1,2,\n3,4,\n",
    "ragged": "a,b\n1,2\n3,4,5\n6,7\n",
    "quoted": 'a,b\n"x, ""y""\nz",1\nw,2\n',
    "none": "effect,n\nNone,1\nMinor,2\nNone,3\n",
    "unread": "v\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\noops\n",
    "infinite": "v,w\n1,2\ninf,3\n2,4\n",
    "zoned": "t,v\n2020-01-01T00:00:00+02:00,1\n2020-01-02T00:00:00+01:00,2\n",
    "one zone": "t,v\n2020-01-01T00:00:00+09:00,1\n2020-01-02T00:00:00+0900,2\n",
    "quarters": "q,v\n2020-Q1,1\n2020-Q2,2\n2020-Q3,4\n",
    "losses": 'v,w\n(123),1\n"1,200",2\n1.5k,3\n',
    "long": "id,v\n18446744073709551617,1\n18446744073709551618,2\n",
    "row names": '"a","b"\n"1",5,6\n"2",7,8\n',
    "unbalanced": 'a,b\n"x,1\ny,2\nz,3\n',
}


@pytest.mark.parametrize("case", AWKWARD)
def test_the_loader_gives_the_same_frame_in_a_folder(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = AWKWARD[case].encode()
    table = read(data)
    pd.testing.assert_frame_equal(loaded(table, data, tmp_path, monkeypatch), table.frame)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_told_apart(encoding: str) -> None:
    table = read("stadt,wert\nKöln,1\nZürich,2\n".encode(encoding))
    assert list(table.frame["stadt"]) == ["Köln", "Zürich"]


def test_utf_16_without_a_mark_is_read() -> None:
    assert list(read("a,b\n1,2\n3,4\n".encode("utf-16-le")).frame.columns) == ["a", "b"]


def test_decimal_commas_and_day_first_dates() -> None:
    frame = read(AWKWARD["german"]).frame
    assert list(frame["wert"]) == [1.5, 2.25]
    assert frame["datum"][1] == pd.Timestamp(2020, 2, 2)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,234", "2,345,678"], [1234, 2345678]),
        (["1.234,5", "2.000,25"], [1234.5, 2000.25]),
        (["1 234", "22 345"], [1234, 22345]),
        (["$1,200.50", "$3.00"], [1200.5, 3]),
        (["12%", "7.5%"], [12, 7.5]),
    ],
)
def test_numbers_as_people_write_them(texts: list[str], numbers: list[float]) -> None:
    rows = "".join(f'"{text}"\tx\n' for text in texts)
    assert list(read("n\tname\n" + rows).frame["n"]) == numbers


@pytest.mark.parametrize(
    ("texts", "second"),
    [
        (["2020-01-31", "2020-02-01"], "2020-02-01"),
        (["2020/01/31", "2020/02/01"], "2020-02-01"),
        (["31.01.2020", "01.02.2020"], "2020-02-01"),
        (["31/01/2020", "01/02/2020"], "2020-02-01"),
        (["01/31/2020", "02/01/2020"], "2020-02-01"),
        (["Jan 31 2020", "Feb 1 2020"], "2020-02-01"),
        (["31 Jan 2020", "1 Feb 2020"], "2020-02-01"),
        (["2020-01", "2020-02"], "2020-02-01"),
        (["Jan 2020", "Feb 2020"], "2020-02-01"),
        (["2020-01-31T10:00:00", "2020-02-01T12:30:00"], "2020-02-01 12:30"),
    ],
)
def test_dates_as_people_write_them(texts: list[str], second: str) -> None:
    frame = read("when;v\n" + "".join(f"{text};1\n" for text in texts)).frame
    assert frame["when"][1] == pd.Timestamp(second)


def test_an_ambiguous_date_is_decided_by_the_order_of_rows() -> None:
    frame = read("d,v\n01/02/2020,1\n01/03/2020,2\n01/04/2020,3\n02/01/2020,4\n").frame
    assert frame["d"][3] == pd.Timestamp(2020, 2, 1)


def test_a_date_that_stays_ambiguous_is_left_alone_and_said() -> None:
    table = read("d,v\n05/02/2020,1\n01/03/2020,2\n03/01/2020,3\n")
    assert table.frame["d"][0] == "05/02/2020"
    assert "day first or month first" in table.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "year,month,v\n2020,1,5\n2020,2,6\n2020,12,7\n",
        "year,month,v\n2020,Jan,5\n2020,Feb,6\n2020,Dec,7\n",
    ],
)
def test_year_and_month_columns_become_dates(text: str) -> None:
    assert list(read(text).frame["month"].dt.month) == [1, 2, 12]


def test_a_year_column_is_a_date_and_other_whole_numbers_are_not() -> None:
    roles = roles_of(read("Year,stock\n1990,1990\n1991,2005\n1993,1999\n").frame)
    assert roles.dates == ["Year"]
    assert roles.measures == ["stock"]


def test_none_is_a_word_and_not_a_gap() -> None:
    assert list(read(AWKWARD["none"]).frame["effect"]) == ["None", "Minor", "None"]


def test_what_is_not_a_number_is_counted() -> None:
    table = read(AWKWARD["unread"])
    assert table.frame["v"].isna().sum() == 1
    assert table.notes == ("In *v*, 1 entry is not a number and counts as missing.",)


def test_what_is_too_large_for_a_number_is_counted() -> None:
    table = read('v\n"1,000"\n1e999\n"2,000"\n')
    assert table.frame["v"].isna().sum() == 1
    assert table.notes == ("In *v*, 1 entry is infinite and counts as missing.",)


def test_lines_that_are_too_long_are_counted() -> None:
    table = read(AWKWARD["ragged"])
    assert len(table.frame) == 2
    assert table.notes == ("1 line has more fields than the header and could not be read.",)


def test_codes_with_leading_zeros_stay_text() -> None:
    table = read(json.dumps([{"zip": "00501"}, {"zip": "10001"}]).encode(), "t.json")
    assert list(table.frame["zip"]) == ["00501", "10001"]


@pytest.mark.parametrize(
    "content",
    [
        '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
        '{"a": [1, 2], "b": ["x", "y"]}',
        '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
        '{"meta": {"n": 2}, "rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}',
        '{"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}}',
    ],
)
def test_shapes_of_json(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = read(content, "t.json")
    assert table.frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    again = loaded(table, content.encode(), tmp_path, monkeypatch)
    pd.testing.assert_frame_equal(again, table.frame)


def test_nested_json_values_do_not_break_the_reading() -> None:
    frame = read('[{"a": [1, 2], "b": {"c": 1}}, {"a": null, "b": {"c": 2}}]', "t.json").frame
    assert list(frame["b.c"]) == [1, 2]
    assert frame["a"].isna().sum() == 1


def test_parquet_is_read_or_asks_for_pyarrow(tmp_path: Path) -> None:
    from llmi_offline import UnreadableTable

    try:
        pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "t.parquet")
    except ImportError:
        with pytest.raises(UnreadableTable, match="pyarrow"):
            read(b"PAR1....PAR1", "t.parquet")
    else:
        assert list(read((tmp_path / "t.parquet").read_bytes(), "t.parquet").frame["a"]) == [1, 2]


def test_roles_are_told_apart() -> None:
    rows = "".join(
        f"{i},2020-01-{i + 1:02d},{i * 1.5},{i % 2},{'ab'[i % 2]},{'xyz'[i % 3]} {i},"
        f"{'long words ' * 6}{i},,same,{40 + i / 10}\n"
        for i in range(12)
    )
    head = "id,date,value,flag,kind,name,story,nothing,still,lat\n"
    roles = roles_of(read(head + rows).frame)
    assert roles.identifiers == ["id"]
    assert roles.dates == ["date"]
    assert roles.measures == ["value"]
    assert roles.flags == ["flag"]
    assert roles.categories == ["kind"]
    assert roles.labels == ["name"]
    assert roles.texts == ["story"]
    assert roles.empties == ["nothing"]
    assert roles.constants == ["still"]
    assert roles.places == ["lat"]


@pytest.mark.parametrize(
    ("dates", "grain", "gaps"),
    [
        (pd.date_range("2020-01-01", periods=50), "day", 0),
        (pd.date_range("2020-01-01", periods=50).delete([3, 4]), "day", 2),
        (pd.bdate_range("2020-01-01", periods=50), "day", 0),
        (pd.date_range("2020-01-01", periods=30, freq="MS"), "month", 0),
        (pd.date_range("2000-01-01", periods=9, freq="YS"), "year", 0),
        (pd.date_range("1900-01-01", periods=9, freq="5YS"), "year", 0),
        (pd.date_range("2020-01-01", periods=40, freq="h").delete([7]), "hour", 1),
    ],
)
def test_the_clock_tells_grain_and_gaps(dates: pd.DatetimeIndex, grain: str, gaps: int) -> None:
    frame = pd.DataFrame({"date": dates, "v": range(len(dates))})
    clock = clock_of(frame, roles_of(frame))
    assert clock
    assert (clock.grain, clock.gaps, clock.single) == (grain, gaps, True)


def test_the_preview_says_types_ranges_and_gaps() -> None:
    shown = describe_table(read("day,v,kind\n2020-01-01,1.5,a\n2020-01-02,,b\n2020-01-03,4,a\n"), 2)
    assert "3 rows x 3 columns" in shown
    assert "day: date, 2020-01-01 to 2020-01-03" in shown
    assert "v: number, 1.5 to 4, 1 missing" in shown
    assert "kind: text, 2 different: a (2); b (1)" in shown


def test_a_byte_order_mark_does_not_reach_the_first_name() -> None:
    assert next(iter(read(codecs.BOM_UTF8 + b"a,b\n1,2\n").frame.columns)) == "a"


def test_reading_leaves_the_working_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    read(AWKWARD["plain"])
    assert list(tmp_path.iterdir()) == []
