"""Between the forms: what comes back is what was there, and what cannot is said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from llmi_agent.base.errors import InputError
from llmi_agent.contract import Demand
from llmi_agent.runner.prompt_file import read_prompts
from llmi_train.prompts.converting import convert
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.reading import read
from llmi_train.prompts.writing import write

PNG = b"\x89PNG\r\n\x1a\n and more"


def without_files(prompt: TrainingPrompt) -> tuple[Any, ...]:
    return (prompt.text, prompt.demand, prompt.split, prompt.language, prompt.id)


def test_lines_through_a_table_are_the_same_bytes(tmp_path: Path) -> None:
    lines = (
        {"prompt": "Zwei Bilder\u2028 “von” <image> Bergen\n", "id": "a", "split": "train"},
        {"prompt": "请介绍", "language": "zh", "pictures": 99, "kinds": ["search", "my_kind"]},
        {"prompt": "x", "pictures": -1},
        {"prompt": "y", "pictures": 0},
    )
    text = "".join(
        json.dumps(each, ensure_ascii=False, separators=(",", ":")) + "\n" for each in lines
    ).replace("\u2028", "\\u2028")
    order = ("prompt", "id", "split", "language", "pictures", "kinds")
    assert all([*each] == [key for key in order if key in each] for each in lines)
    first = tmp_path / "a.jsonl"
    first.write_text(text, encoding="utf-8")
    convert(first, tmp_path / "b.parquet")
    convert(tmp_path / "b.parquet", tmp_path / "c.jsonl")
    lines_again = (tmp_path / "c.jsonl").read_bytes().splitlines()
    for one, other, was in zip(lines_again, first.read_bytes().splitlines(), lines, strict=True):
        said = {"pictures": 0} if "pictures" not in was else {}
        assert json.loads(one) == json.loads(other) | said
        assert said or one == other


PROMPTS = st.builds(
    TrainingPrompt,
    st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip),
    st.builds(
        Demand,
        st.integers(-1, 99),
        st.lists(st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True), unique=True).map(tuple),
    ),
    split=st.sampled_from(["", "train", "a b"]),
    language=st.sampled_from(["", "en", "zh-Hans"]),
    id=st.sampled_from(["", "7", "an id"]),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PROMPTS, min_size=1, max_size=4))
def test_whatever_they_hold_comes_back(tmp_path: Path, prompts: list[TrainingPrompt]) -> None:
    for ending in (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"):
        path = tmp_path / f"p{ending}"
        write(prompts, path)
        assert [*map(without_files, read(path).prompts)] == [*map(without_files, prompts)]


def prompt_with_files(folder: Path) -> Path:
    (folder / "in").mkdir()
    for name, data in (("a.png", PNG), ("t.csv", b"x\r\n1\r\n"), ("b.png", PNG + b"2")):
        (folder / "in" / name).write_bytes(data)
    row = {"prompt": "x", "attach": ["a.png", "t.csv", "b.png"], "pictures": 1}
    path = folder / "in" / "p.jsonl"
    path.write_text(json.dumps(row) + '\n{"prompt": "y", "attach": ["a.png"], "pictures": 1}\n')
    return path


def test_files_go_along_and_back(tmp_path: Path) -> None:
    path = prompt_with_files(tmp_path)
    _, lost = convert(path, tmp_path / "mid" / "p.parquet")
    assert lost == [
        "1 of them have other files before pictures: pictures come first when they are read again"
    ]
    convert(tmp_path / "mid" / "p.parquet", tmp_path / "out" / "p.jsonl")
    back = read(tmp_path / "out" / "p.jsonl")
    files = [(each.name, each.read_bytes()) for each in back.prompts[0].attach]
    assert files == [("a.png", PNG), ("b.png", PNG + b"2"), ("t.csv", b"x\r\n1\r\n")]
    first = read(path)
    assert [each.digest for each in back.prompts] == [each.digest for each in first.prompts]


def test_what_is_written_is_what_a_batch_runs(tmp_path: Path) -> None:
    convert(prompt_with_files(tmp_path), tmp_path / "p.parquet")
    convert(tmp_path / "p.parquet", tmp_path / "out" / "p.jsonl")
    batch = read_prompts(str(tmp_path / "out" / "p.jsonl"))
    assert [each.demand for each in batch] == [Demand(1), Demand(1)]
    assert [[file.read_bytes() for file in each.attach][-1] for each in batch] == [
        b"x\r\n1\r\n",
        PNG,
    ]


def test_lines_elsewhere_take_their_files_along(tmp_path: Path) -> None:
    path = prompt_with_files(tmp_path)
    convert(path, tmp_path / "in" / "q.jsonl")
    assert json.loads((tmp_path / "in" / "q.jsonl").read_text().splitlines()[0])["attach"] == [
        "a.png",
        "t.csv",
        "b.png",
    ]
    convert(path, tmp_path / "other" / "q.jsonl")
    subprocess.run(["rm", "-r", str(tmp_path / "in")], check=True)
    (first, _) = read(tmp_path / "other" / "q.jsonl").prompts
    assert [each.read_bytes() for each in first.attach] == [PNG, b"x\r\n1\r\n", PNG + b"2"]


def test_the_tables_columns_are_those_of_the_published_data(tmp_path: Path) -> None:
    import datasets

    convert(prompt_with_files(tmp_path), tmp_path / "p.parquet")
    data = datasets.Dataset.from_parquet(str(tmp_path / "p.parquet"), cache_dir=str(tmp_path / "c"))
    row = data.with_format("arrow")[0].to_pylist()[0]
    assert row["prompt"] == [{"role": "user", "content": "<image>\n<image>\nx"}]
    assert (row["data_source"], row["modality"]) == ("interleaved_mm", "multimodal")
    assert isinstance(data.features["images"].feature, datasets.Image)
    assert row["extra_info"]["image_num"] == 1
    assert (row["extra_info"]["tools"], row["extra_info"]["question"]) == ([], "x")


def test_what_demands_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('"x"\n{"prompt": "y", "pictures": 0}\n')
    _, lost = convert(tmp_path / "p.jsonl", tmp_path / "p.parquet")
    assert lost == [
        "1 of them say nothing of what they demand: image_num is 0 for these, which demands nothing"
    ]


@pytest.mark.parametrize("name", ["p.csv", "p", "p.json"])
def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends with one of \.jsonl"):
        convert(tmp_path / "gone.jsonl", tmp_path / name)


def test_an_empty_file_comes_back_and_not_another_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "p.jsonl").write_text('{"prompt": "x", "attach": ["a.csv"], "pictures": 1}\n')
    convert(tmp_path / "p.jsonl", tmp_path / "out" / "p.parquet")
    (tmp_path / "out" / "a.csv").write_text("another")
    found, _ = convert(tmp_path / "out" / "p.parquet", tmp_path / "out" / "q.jsonl")
    assert found.bad == []
    (back,) = read(tmp_path / "out" / "q.jsonl").prompts
    assert [(each.name, each.read_bytes()) for each in back.attach] == [("a.csv", b"")]


@pytest.mark.parametrize("name", ["p.jsonl", "link.jsonl", "sub/../p.jsonl"])
def test_what_is_read_is_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    path = tmp_path / "p.jsonl"
    path.write_text('"x"\noops\n')
    (tmp_path / "link.jsonl").symlink_to(path)
    with pytest.raises(InputError, match="is what is read"):
        convert(path, tmp_path / name)
    assert path.read_text() == '"x"\noops\n'


def test_nothing_to_write_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("prompt,id\n")
    with pytest.raises(InputError, match="no prompt that can be used; line 1: it is not JSON"):
        convert(tmp_path / "p.jsonl", tmp_path / "q.jsonl")
    assert not (tmp_path / "q.jsonl").exists()
