"""Files that others wrote: each is read as what it says, and what cannot be used is named."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from PIL import Image

from llmi_agent.base.errors import InputError
from llmi_agent.contract import Demand
from llmi_train.prompts import lines, reading
from llmi_train.prompts.reading import Read, from_dataset, from_rows, read

ASKED = "Write a guide to Bergen with two photographs"


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(file, "PNG")
    return file.getvalue()


def lines_file(folder: Path, content: bytes, name: str = "p.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def one(found: Read) -> Any:
    assert found.bad == []
    (prompt,) = found.prompts
    return prompt


def message(text: str = ASKED) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_line_of_a_batch(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    row = {"prompt": ASKED, "id": "b", "attach": ["t.csv"], "split": "train"}
    row |= {"pictures": 2, "kinds": ["search"], "language": "en"}
    prompt = one(read(lines_file(tmp_path, json.dumps(row).encode())))
    assert (prompt.text, prompt.demand) == (ASKED, Demand(2, ("search",)))
    assert (prompt.id, prompt.split, prompt.language) == ("b", "train", "en")
    assert [each.name for each in prompt.attach] == ["t.csv"]


def test_each_bad_line_is_named_and_stops_no_other(tmp_path: Path) -> None:
    bad = (
        b'{"prompt":"x","prompt":"y"}',
        b"not json",
        b'"\xff"',
        b"[1]",
        b'{"id": 3}',
        b'{"prompt": " "}',
        b'{"prompt": "x", "pictures": 100}',
        b'{"prompt": "x", "split": "a\\tb"}',
        b'{"prompt": "x", "kinds": 3}',
        b'{"prompt": "x", "attach": ["gone.csv"]}',
        b'{"prompt": "x", "attach": ["../p"]}',
        b'{"prompt": "x", "attach": ["/etc/hostname"]}',
        b'{"prompt": "x", "images": [{"bytes": "%%"}]}',
        b'{"prompt": "x", "images": ["https://example.org/a.png"]}',
        b'{"prompt": "\\ud800"}',
        b"[" * 100_000,
        b'{"prompt": {"role": 1}}',
    )
    content = b'"good"\r\n' + b"\n\n".join(bad) + b'\n{"prompt": "good"}'
    found = read(lines_file(tmp_path, content))
    assert [each.text for each in found.prompts] == ["good", "good"]
    assert found.bad_lines == len(bad)
    assert [line for line, _ in found.bad] == [2 + 2 * each for each in range(len(bad))]
    assert all(len(why) < 200 and "\n" not in why for _, why in found.bad)


def test_a_line_that_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lines, reading):
        monkeypatch.setattr(module, "MOST_LINE", 10_000)
    content = b'"a"\n"' + b"x" * 35_000 + b'"\n"b"\n"' + b"y" * 10_000
    found = read(lines_file(tmp_path, content))
    assert [each.text for each in found.prompts] == ["a", "b"]
    assert found.places == [1, 3]
    assert found.bad == [(2, "it has more than 10,000 bytes"), (4, "it has more than 10,000 bytes")]


def test_texts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_TEXT", 50)
    found = read(lines_file(tmp_path, b'"a"\n"' + b"x" * 51 + b'"\n"b"'))
    assert [each.text for each in found.prompts] == ["a", "b"]
    assert found.bad == [(2, "the prompt has more than 50 characters")]
    monkeypatch.setattr(reading, "MOST_TEXTS", 100)
    with pytest.raises(InputError, match="more than 100 characters"):
        read(lines_file(tmp_path, (b'"' + b"x" * 40 + b'"\n') * 3))
    monkeypatch.setattr(reading, "MOST_PROMPTS", 2)
    with pytest.raises(InputError, match="more than 2 prompts"):
        read(lines_file(tmp_path, b'"x"\n' * 3))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_marks_ends_of_lines_and_packing_make_no_difference(tmp_path: Path, pack: Any) -> None:
    content = '\ufeff{"prompt": "Über Bergen"}\r\n\r\n"zwei"\r\n'.encode()
    found = read(lines_file(tmp_path, pack(content)))
    assert [each.text for each in found.prompts] == ["Über Bergen", "zwei"]
    assert found.places == [1, 3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('"a"\n'.encode("utf-16"), "no UTF-8 text"),
        ('"a"\n'.encode("utf-32-le"), "no UTF-8 text"),
        (png(), "no UTF-8 text"),
        (b' [{"prompt": "a"}]', "begins with a JSON array"),
        (b"PAR1 and no more", "cannot be read"),
        (gzip.compress(b'"a"\n' * 9000, mtime=0)[:-20], "cannot be read"),
        (b"\x28\xb5\x2f\xfdxxxx", "cannot be read"),
    ],
    ids="utf-16 utf-32 png array parquet gzip zstd".split(),
)
def test_what_is_no_such_file_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(lines_file(tmp_path, content))


def test_no_file_and_another_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read(tmp_path / "gone.jsonl")
    with pytest.raises(InputError, match="is a folder that `datasets` did not save"):
        read(tmp_path)


def test_other_keys_are_left_out_and_counted(tmp_path: Path) -> None:
    row = {"prompt": "x", "topic": "sea", "checklist": None}
    found = read(lines_file(tmp_path, json.dumps(row).encode() + b"\n" + json.dumps(row).encode()))
    assert found.left_out == {"the column 'topic'": 2}


PROMPTS: list[Any] = [
    ASKED,
    message(),
    message()[0],
    {"role": ["user"], "content": [ASKED]},
    json.dumps(message()),
    [{"role": "system", "content": "Illustrate."}, *message()],
    [{"role": "user", "content": [{"type": "text", "text": ASKED}]}],
    np.array(message()),
    ASKED.encode(),
]


@pytest.mark.parametrize("given", PROMPTS, ids=str)
def test_the_forms_of_a_prompt(given: Any) -> None:
    assert one(from_rows([{"prompt": given}])).text == ASKED


def test_a_text_that_is_json_is_a_text() -> None:
    assert one(from_rows([{"prompt": '["a", 1]'}])).text == '["a", 1]'


def test_a_conversation_is_no_prompt_unless_its_question_is_said() -> None:
    turns = [*message("Hi"), {"role": "assistant", "content": "Hello"}, *message()]
    (bad,) = from_rows([{"prompt": turns}]).bad
    assert "2 messages of a user" in bad[1]
    found = from_rows([{"prompt": turns, "extra_info": {"question": ASKED}}])
    assert one(found).text == ASKED
    assert found.left_out == {"messages beside the question": 1}


NUMBERS: list[tuple[Any, Demand | None]] = [
    (-1, Demand(-1)),
    (0, Demand(0)),
    (3, Demand(3)),
    (99, Demand(99)),
    ("Inf", Demand(99)),
    (float("inf"), Demand(99)),
    ("inf", Demand(99)),
    (3.0, Demand(3)),
    ("3", Demand(3)),
    (np.int64(3), Demand(3)),
    (Decimal("3.0"), Demand(3)),
    (float("nan"), None),
    (np.nan, None),
    (None, None),
    ("", None),
    ("None", None),
]


@pytest.mark.parametrize(("given", "demand"), NUMBERS, ids=str)
def test_the_forms_of_a_number_of_pictures(given: Any, demand: Demand | None) -> None:
    assert one(from_rows([{"prompt": ASKED, "extra_info": {"image_num": given}}])).demand == demand


@pytest.mark.parametrize("given", [2.5, True, "three", 100, -2, [3]])
def test_what_is_no_number_of_pictures(given: Any) -> None:
    found = from_rows([{"prompt": ASKED, "extra_info": {"image_num": given}}])
    assert (found.bad_lines, found.prompts) == (1, [])


TOOLS: list[tuple[Any, tuple[str, ...]]] = [
    (["code", "search"], ("code", "search")),
    (np.array(["code", "search"], dtype=object), ("code", "search")),
    ("code", ("code",)),
    ("code, search", ("code", "search")),
    ("['code', 'search']", ("code", "search")),
    ('["code", "search"]', ("code", "search")),
    (
        ["Image Search", "Diffusion Model", "Code Interpreter", "image-editing"],
        ("search", "diffusion", "code", "edit"),
    ),
    ([{"type": "function", "function": {"name": "code"}}], ("code",)),
    (["code", "code", None], ("code",)),
    (["my_plot", "web_search"], ("my_plot", "web_search")),
    ([], ()),
    ("", ()),
    ("None", ()),
    (None, ()),
]


@pytest.mark.parametrize(("given", "kinds"), TOOLS, ids=str)
def test_the_forms_of_the_tools(given: Any, kinds: tuple[str, ...]) -> None:
    prompt = one(from_rows([{"prompt": ASKED, "extra_info": {"image_num": 5, "tools": given}}]))
    assert prompt.demand == Demand(5, kinds)


EXTRA = {"image_num": 2, "tools": ["code"], "question": ASKED, "split": "test"}


@pytest.mark.parametrize("given", [EXTRA, json.dumps(EXTRA), list(EXTRA.items())], ids=str)
def test_the_forms_of_the_rest(given: Any) -> None:
    prompt = one(from_rows([{"prompt": message("other words"), "extra_info": given}]))
    assert (prompt.text, prompt.split, prompt.demand) == (ASKED, "test", Demand(2, ("code",)))


def test_what_is_said_in_two_places_must_be_the_same() -> None:
    row = {"prompt": ASKED, "split": "train", "extra_info": {"split": "test"}}
    assert "two things for split" in from_rows([row]).bad[0][1]
    assert one(from_rows([{**row, "split": "test"}])).split == "test"


def images(tmp_path: Path) -> list[tuple[Any, list[str]]]:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(png())
    text = base64.b64encode(png()).decode()
    return [
        ([{"bytes": png(), "path": "b.png"}], ["b.png"]),
        ([{"bytes": png(), "path": "/somewhere/else/b.png"}], ["b.png"]),
        ([{"bytes": png(), "path": None}], [".png"]),
        ([{"bytes": None, "path": "a.png"}], ["a.png"]),
        ({"bytes": png(), "path": "b.png"}, ["b.png"]),
        ([png(), png("blue")], [".png", ".png"]),
        ([png(), None], [".png"]),
        (["a.png"], ["a.png"]),
        ("a.png", ["a.png"]),
        ([{"bytes": text, "path": "b.png"}], ["b.png"]),
        ([f"data:image/png;base64,{text}"], [".png"]),
        (None, []),
        ([], []),
    ]


def test_the_forms_of_pictures(tmp_path: Path) -> None:
    for place, (given, names) in enumerate(images(tmp_path)):
        row = {"prompt": message(f"<image>\n{ASKED}" if names else ASKED), "images": given}
        path = tmp_path / "in" / f"{place}.parquet"
        try:
            pq.write_table(pa.Table.from_pylist([row]), path)
        except pa.ArrowInvalid:
            continue
        prompt = one(read(path, tmp_path / "keep"))
        endings = zip(prompt.attach, names, strict=True)
        assert all(each.name.endswith(name) for each, name in endings)
        assert all(each.read_bytes() in (png(), png("blue")) for each in prompt.attach)
        assert prompt.text == ASKED


@pytest.mark.parametrize("given", [[b""], [3], [{"url": "x"}], ["../a.png"], ["a.png", "x/a.png"]])
def test_pictures_that_cannot_be_used(tmp_path: Path, given: Any) -> None:
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.png").write_bytes(png())
    found = Read("it")
    found.add([(1, {"prompt": ASKED, "images": given})], reading.Files(tmp_path, tmp_path / "k"))
    assert (found.bad_lines, found.prompts) == (1, [])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").symlink_to(tmp_path / "secret")
    found = read(lines_file(tmp_path / "in", b'{"prompt": "x", "attach": ["a.txt"]}'))
    assert "out of the folder" in found.bad[0][1]


def frame() -> pd.DataFrame:
    rows = [
        {"prompt": message(), "images": None, "extra_info": {**EXTRA, "index": 0}},
        {
            "prompt": message("<image>" + ASKED),
            "images": [{"bytes": png(), "path": None}],
            "extra_info": None,
        },
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"Prompt": "x"}, "it has no \"prompt\"; it has 'Prompt'"),
        ({"messages": message()}, "it has 'messages'"),
        ({"prompt": 3}, "neither a string nor chat messages"),
        ({"prompt": []}, "neither a string nor chat messages"),
        ({"prompt": ["x"]}, "neither a string nor chat messages"),
        ({"prompt": {"role": ["user"], "content": []}}, "not as many roles as contents"),
        ({"prompt": [{"role": "user", "content": 3}]}, "neither text nor parts of it"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "no messages of a user"),
        ({"prompt": b"\xff"}, "not UTF-8 text"),
        (
            {"prompt": [{"role": "user", "content": ["x", {"type": "image_url"}]}]},
            "more pictures (1) than came along in `images` (0)",
        ),
        ({"prompt": "x", "extra_info": "{'a': 1}"}, "its extra_info is text, but no JSON"),
        ({"prompt": "x", "extra_info": 3}, "its extra_info is no object"),
        ({"prompt": "x", "extra_info": {"tools": [3]}}, "its tools are no list of names"),
        ({"prompt": "x", "extra_info": {"tools": {"a": 1}}}, "its tools are no list of names"),
        ("x", "no row of columns"),
    ],
)
def test_rows_that_are_no_prompts(row: Any, words: str) -> None:
    (bad,) = from_rows([row]).bad
    assert words in bad[1]


def test_a_mark_without_its_picture_is_said() -> None:
    found = from_rows([{"prompt": "Look at <image>"}])
    assert one(found).text == "Look at <image>"
    assert found.left_out == {"the picture of a mark <image>, which did not come along": 1}


def test_the_index_of_a_frame_is_none_of_its_columns(tmp_path: Path) -> None:
    pd.DataFrame({"prompt": [ASKED]}, index=["a"]).to_parquet(tmp_path / "p.parquet")
    assert read(tmp_path / "p.parquet").left_out == {}


def test_a_table_by_pandas(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "p.parquet")
    found = read(tmp_path / "p.parquet", tmp_path)
    assert [each.demand for each in found.prompts] == [Demand(2, ("code",)), None]
    assert [each.text for each in found.prompts] == [ASKED, ASKED]
    assert found.left_out == {"extra_info's 'index'": 1}


def test_lines_by_pandas(tmp_path: Path) -> None:
    rows = [{"prompt": ASKED, "pictures": 2}, {"prompt": "Other", "pictures": None, "id": 7}]
    pd.DataFrame(rows).to_json(tmp_path / "p.jsonl", orient="records", lines=True)
    found = read(tmp_path / "p.jsonl")
    assert [(each.demand, each.id) for each in found.prompts] == [(Demand(2), ""), (None, "7")]


def features() -> Any:
    import datasets

    text = datasets.Value("string")
    return datasets.Features(
        {
            "prompt": [{"role": text, "content": text}],
            "images": datasets.List(datasets.Image()),
            "extra_info": {"image_num": datasets.Value("int64"), "tools": datasets.List(text)},
        }
    )


def data_set() -> Any:
    import datasets  # here, since every worker collects this file, and few run what is below

    row = {
        "prompt": message("<image>" + ASKED),
        "images": [{"bytes": png(), "path": None}],
        "extra_info": {"image_num": 2, "tools": ["code"]},
    }
    return datasets.Dataset.from_list([row], features=features())


def test_data_sets_are_read_as_they_are_stored(tmp_path: Path) -> None:
    import datasets

    data = data_set()
    data.save_to_disk(str(tmp_path / "saved"))
    data.to_parquet(str(tmp_path / "p.parquet"))
    several = datasets.DatasetDict({"train": data, "test": data})
    several.save_to_disk(str(tmp_path / "several"))
    found: Mapping[str, Read] = {
        "object": from_dataset(data, tmp_path / "k"),
        "stream": from_dataset(data.to_iterable_dataset(), tmp_path / "k"),
        "saved": read(tmp_path / "saved", tmp_path / "k"),
        "parquet": read(tmp_path / "p.parquet", tmp_path / "k"),
    }
    for each in found.values():
        prompt = one(each)
        assert (prompt.text, prompt.demand) == (ASKED, Demand(2, ("code",)))
        assert prompt.attach[0].read_bytes() == png()
    rows = [{"prompt": "a", "extra_info": {"split": "dev"}}, {"prompt": "b"}]
    named = datasets.DatasetDict({"train": datasets.Dataset.from_list(rows)})
    assert [each.split for each in from_dataset(named).prompts] == ["dev", "train"]
    parts = read(tmp_path / "several", tmp_path / "k")
    assert [each.split for each in parts.prompts] == ["train", "test"]
    assert parts.places == [1, 2]


def test_a_folder_that_is_broken_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path)


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["prompt", "prompt"])
    pq.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(InputError, match="two columns of the same name"):
        read(tmp_path / "p.parquet")


@pytest.mark.parametrize("ending", ["csv", "tsv", "xlsx"])
def test_a_spreadsheet_is_refused_with_the_way_out(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"p.{ending}").write_text("prompt,pictures\nBees,2\n")
    with pytest.raises(InputError, match="to_json"):
        read(tmp_path / f"p.{ending}")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read(tmp_path / "pipe")
