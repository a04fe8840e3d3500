"""Names of columns: as the file has them, digits too, in the text, in charts and in the loader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from offline_ledger import code, write_report

from llmi_offline import Attached
from llmi_offline.tables import Table, read_table

WIDE = """country,indicator,2018,2019,2020,2021
Atland,Electricity use (kWh),3100,3150,2990,3200
Borland,Electricity use (kWh),2100,2190,2050,2260
Corland,Electricity use (kWh),900,940,930,1010
Dorland,Electricity use (kWh),4100,4050,3800,3900
"""
DIGITS = {
    "wide.csv": (WIDE, ["country", "indicator", "2018", "2019", "2020", "2021"]),
    "wide.tsv": ("town\t2019\t2020\nA\t1\t2\nB\t3\t4\n", ["town", "2019", "2020"]),
    "comma.csv": ("town;2019;2020\nA;1,5;2\nB;3;4,5\n", ["town", "2019", "2020"]),
    "floats.csv": ("town,2019.0,2020.0\nA,1,2\nB,3,4\n", ["town", "2019.0", "2020.0"]),
    "small.csv": ("town,0,1,2\nA,1,2,3\nB,4,5,6\n", ["town", "0", "1", "2"]),
    "twice.csv": ("town,2019,2019,2019.1\nA,1,2,3\nB,4,5,6\n", ["town", "2019", "2019 (3)", "2019.1"]),
    "bare.csv": (",2019,2020\nA,1,2\nB,3,4\n", ["column 1", "2019", "2020"]),
    "years.csv": ("2018,2019,2020\n31,32,33\n21,22,23\n", ["2018", "2019", "2020"]),
    "back.csv": ("2020,2015,2010\n31,32,33\n21,22,23\n", ["2020", "2015", "2010"]),
    "records.json": ('[{"town": "A", "2019": 1}, {"town": "B", "2019": 3}]', ["town", "2019"]),
    "lists.json": ('{"2019": [1, 2], "2020": [3, 4]}', ["2019", "2020"]),
    "unnamed.csv": ("Unnamed: 0,b\n1,2\n3,4\n", ["Unnamed: 0", "b"]),
}  # fmt: skip


def read(name: str, text: str) -> Table:
    return read_table(name, text.encode())


@pytest.mark.parametrize("name", DIGITS)
def test_columns_named_by_digits_keep_their_names(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, names = DIGITS[name]
    table = read(name, text)
    assert list(table.frame.columns) == names
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    loaded = {"pd": pd, "np": np, "json": json}
    exec(table.loader, loaded)
    pd.testing.assert_frame_equal(loaded["df"], table.frame)


@pytest.mark.parametrize("names", [[2019, 2020], [2019.0, 2020.0], [0, 1]])
def test_a_parquet_file_whose_names_are_numbers(
    names: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=names)
    monkeypatch.setattr(pd, "read_parquet", lambda *_: frame.copy())
    assert list(read("t.parquet", "PAR1").frame.columns) == list(map(str, names))


@pytest.mark.parametrize("text", ["1,2\n3,4\n5,6\n", "2018,2019\n2019,2020\n2020,2021\n"])
def test_rows_of_numbers_alone_have_no_header(text: str) -> None:
    frame = read("t.csv", text).frame
    assert list(frame.columns) == ["column 1", "column 2"]
    assert len(frame) == 3


def test_text_and_charts_call_the_columns_by_their_digits() -> None:
    draft = write_report("Report", [Attached("wide.csv", "text/csv", WIDE.encode())], {"code"})
    assert "| *2018* | 4 | 900 |" in draft
    assert "column 3" not in draft
    assert any("'2018'" in each for each in code(draft))
