"""Whatever is attached, the answer is a report or one clear sentence, never another exception."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from offline_ledger import write_report

from llmi_offline import Attached, NeedsAttachment, UnreadableTable
from llmi_offline.tables import read_table

DATA = Path(__file__).parents[3] / "examples" / "data"
SEEDS = [path.read_bytes()[:3000] for path in sorted(DATA.glob("*.csv"))] + [
    b'[{"a": 1, "b": "x", "d": "2020-01-01"}, {"a": null, "b": "y", "d": "2020-01-03"}]',
]
SPLINTERS = [
    b'"',
    b",",
    b";",
    b"\n",
    b"\0",
    b"<imgen>",
    b"```",
    b"1e999",
    b"-6",
    b"\xff\xfe",
    b"NaN",
]
SPLINTERS += [b"None", b"{", b"[", b"$a_{$", b"9" * 25, b"\r", b"#", b"inf", "\u202e".encode()]


def write(data: bytes, name: str = "t.csv") -> str:
    return write_report("", [Attached(name, "text/csv", data)], {"code"})


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "it is empty"),
        (b" \n\n ", "it is empty"),
        (b"a,b,c\n", "a header but no rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "it is a PNG picture"),
        (b"PK\x03\x04" + bytes(50), "ZIP archive or an Excel workbook"),
        (bytes(range(256)) * 4, "it holds binary data"),
        (b"a,b\n,\n,\n", "all its cells are empty"),
    ],
)
def test_what_is_no_table_is_said_in_one_sentence(data: bytes, fault: str) -> None:
    with pytest.raises(UnreadableTable) as caught:
        write(data, "mine.csv")
    message = str(caught.value)
    assert message.startswith("mine.csv cannot be read as a table: ")
    assert fault in message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize("data", [b"{", b"12", b'"x"', b"[1, 2]", b"{}", b"[" * 100_000])
def test_json_that_is_no_table(data: bytes) -> None:
    with pytest.raises(UnreadableTable):
        write(data, "t.json")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b'{"a": 1}\n{"a":\n', "its line 2 holds no JSON object"),
        (b'{"a": 1}\n\n5\n', "its line 3 holds no JSON object"),
        (b'5\n{"a": 1}\n', "it is not valid JSON"),
    ],
)
def test_a_broken_line_of_json_is_named(data: bytes, fault: str) -> None:
    with pytest.raises(UnreadableTable, match=fault):
        write(data, "t.jsonl")


@pytest.mark.parametrize(
    "data",
    [
        b"a\n1\n",
        b"a,b\n1,2\n",
        b"word\nx\ny\nz\n",
        "言葉,数\n春,1\n夏,2\n秋,3\n冬,4\n".encode(),
        b"a,b\n1\n2,3\n4\n",
        b"a,b\n1," + b"x" * 300_000 + b"\n2,y\n",
        b"a,b\n1,1\n1,1\n1,1\n",
        b"v\n1e308\n-1e308\n1e308\n5\n",
        b"v,w\n" + b"nan,1\n" * 5,
        b"year,month,v\n2000,1.5,1\n2001,2.5,2\n",
        b"year,month,v\n2000,1e300,1\n2001,1e300,2\n",
        b"t,v\n2020-01-01T00:00:00.000000001,1\n2020-01-01T00:00:00.000000002,2\n",
    ],
)
def test_small_and_odd_tables_get_a_report(data: bytes) -> None:
    assert write(data).startswith("# ")


def test_a_panel_whose_groups_never_meet_gets_a_report() -> None:
    spans = {"a": range(1, 7), "b": range(4, 10), "c": range(7, 13)}
    rows = "".join(f"2020-{m:02d}-01,{g},{m * m}\n" for g, months in spans.items() for m in months)
    draft = write(f"month,group,v\n{rows}".encode())
    assert "went from 49 to 144 for “c”, from 16 to 81 for “b” and from 1 to 36 for “a”" in draft


def test_a_category_without_a_single_date_gets_a_report() -> None:
    dated = "".join(f"{2000 + i // 12}-{i % 12 + 1:02d}-01,\n" for i in range(60))
    assert write(f"month,kind\n{dated},x\n,x\n,x\n,y\n".encode()).startswith("# ")


def test_without_a_table_or_picture_the_next_step_is_said() -> None:
    for attached in ([], [Attached("notes.txt", "text/plain", b"hello")]):
        with pytest.raises(NeedsAttachment, match=r"not a language model.*--attach FILE.*--model"):
            write_report("a report on rain", attached, {"code"})


def test_an_unreadable_table_beside_a_readable_one_is_named_in_the_report() -> None:
    good = Attached("good.csv", "text/csv", b"a,b\n1,2\n3,4\n")
    draft = write_report("", [Attached("bad.csv", "text/csv", b""), good], {"code"})
    assert "bad.csv cannot be read as a table: it is empty" in draft


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    data = data[: draw(st.integers(1, len(data)))]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 40))] = draw(st.sampled_from(SPLINTERS))
    return bytes(data)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated() | st.binary(max_size=300), st.sampled_from(["t.csv", "t.tsv", "t.json"]))
def test_no_bytes_raise_anything_else(data: bytes, name: str) -> None:
    try:
        assert write(data, name)
    except UnreadableTable as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_want_of_memory_is_said_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pd, "read_csv", full)
    with pytest.raises(UnreadableTable, match="needs more memory than there is; attach an extract"):
        read_table("t.csv", b"a,b\n1,2\n")
