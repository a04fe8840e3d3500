"""`llmi-train prompts`: what is printed where, and how it ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from llmi_train.cli import main
from llmi_train.prompts.reading import read

BERGEN = {"prompt": "Describe the harbour of Bergen in two photographs.", "pictures": 2}
BEES = {"prompt": "Explain how bees find their way home, without pictures.", "pictures": -1}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Run(Protocol):
    def __call__(self, *arguments: str) -> Ended: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def prompts(*arguments: str) -> Ended:
        code = main(["prompts", *arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return prompts


def file(*rows: Any, name: str = "p.jsonl", end: str = "") -> str:
    Path(name).write_text("".join(json.dumps(each) + "\n" for each in rows) + end)
    return name


def test_a_file_that_is_whole(run: Run) -> None:
    ended = run("check", file(BERGEN, BEES))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "p.jsonl: 2 prompts",
        "  splits: not said: 2",
        "  languages: en: 2",
        "  pictures: 2: 1, none: 1",
        "  kinds: none",
        "no fault was found",
    ]


def test_faults_are_named_and_the_exit_code_is_1(run: Run) -> None:
    ended = run("check", file(BERGEN, {**BEES, "pictures": 4}, end="oops\n"))
    assert ended.code == 1
    assert "fault: bad line, 1: it cannot be used" in ended.out
    assert "    line 3: it is not JSON: Expecting value at column 1" in ended.out
    assert "fault: contradiction, 1" in ended.out
    assert "    line 2: 4 demanded" in ended.out
    assert ended.out.endswith("2 faults\n")


def test_many_of_one_sort_are_counted(run: Run) -> None:
    ended = run("check", file(BERGEN, end="oops\n" * 1500))
    assert "fault: bad line, 1,500" in ended.out
    assert "and 1,490 more" in ended.out
    assert len(ended.out.splitlines()) < 25


def test_json_says_the_same(run: Run) -> None:
    given = file(BERGEN, {**BERGEN, "split": "test"}, "Bees.")
    ended = run("check", given, file(BEES, name="o.jsonl", end="oops\n"), "--json")
    assert ended.code == 1
    assert ended.json["faults"] == 2
    assert ended.json["findings"]["leak"]["examples"][0]["line"] == 2
    assert ended.json["pictures"] == {"2": 2, "": 1}
    assert "o.jsonl: 1 line could not be used" in ended.err


def test_convert_and_back(run: Run) -> None:
    given = file(BERGEN, BEES)
    there = run("convert", given, "p.parquet")
    assert (there.code, there.out, there.err) == (0, "p.parquet\n", "")
    assert run("convert", "p.parquet", "q.jsonl.gz").code == 0
    assert read("q.jsonl.gz").prompts == read(given).prompts


def test_convert_says_what_it_leaves_out(run: Run) -> None:
    ended = run("convert", file({**BERGEN, "topic": "sea"}, "Bees.", end="{}\n"), "p.parquet")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        'llmi-train: p.jsonl, line 3: it has no "prompt"; it has nothing',
        "llmi-train: p.jsonl: left out of 1 prompt: the column 'topic'",
        "llmi-train: 1 of them say nothing of what they demand: image_num is 0 for these, which demands nothing",
    ]
    assert len(read("p.parquet").prompts) == 2
    told = run("convert", "p.jsonl", "q.parquet", "--json").json
    assert (told["prompts"], told["bad_lines"], len(told["lost"])) == (2, 1, 1)


def test_split(run: Run) -> None:
    rows = [{"prompt": f"Report number {n} on the {n}th harbour"} for n in range(40)]
    ended = run(
        "split",
        file(*rows, {"prompt": "Kept for later on", "split": "dev"}),
        "q.jsonl",
        "--threshold",
        "1",
    )
    assert (ended.code, ended.out) == (0, "q.jsonl\n")
    splits = [each.split for each in read("q.jsonl").prompts]
    assert {*splits} == {"train", "test", "dev"}
    assert "1 had one already" in ended.err
    assert "dev: prompts that have one of these splits keep it" in ended.err
    again = run("split", "q.jsonl", "r.jsonl", "--shares", "a=1,b=3", "--again", "--json").json
    assert {*again["splits"]} <= {"a", "b"}
    assert sum(again["splits"].values()) == 41
    assert run("check", "r.jsonl").code == 0


def test_what_is_torn_already_is_a_fault(run: Run) -> None:
    given = file({**BERGEN, "split": "train"}, {**BERGEN, "split": "test"})
    ended = run("split", given, "q.jsonl")
    assert ended.code == 1
    assert "lines 1 and 2 of p.jsonl are nearly the same and in two splits" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "gone.jsonl"], "does not exist"),
        (["check", "."], "is a folder that `datasets` did not save"),
        (["convert", "p.jsonl", "q.csv"], "ends with one of"),
        (["split", "p.jsonl", "q.jsonl", "--shares", "train"], "not of the form name=share"),
        (["split", "p.jsonl", "q.jsonl", "--shares", "a=1,a=2"], "names a split twice"),
        (["split", "p.jsonl", "q.jsonl", "--shares", "a=0"], "must be above 0"),
        (["split", "empty.jsonl", "q.jsonl"], "no prompt that can be used"),
        (["convert", "empty.jsonl", "q.jsonl"], "no prompt that can be used"),
    ],
)
def test_wrong_usage_is_one_sentence(run: Run, arguments: list[str], words: str) -> None:
    file(BERGEN)
    file(name="empty.jsonl")
    ended = run(*arguments)
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert not Path("q.jsonl").exists()
