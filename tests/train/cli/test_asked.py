"""Which prompts of a file the commands take that run a policy."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_train.cli import main
from llmi_train.cli.asked import asked_of, evaluated_on


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def written(*splits: str, **more: object) -> str:
    lines = [
        {"prompt": f"Foxes, {n}", **({"split": split} if split else {}), **more}
        for n, split in enumerate(splits)
    ]
    Path("p.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return "p.jsonl"


def test_prompts_of_the_split_are_taken_and_it_is_said_how_many_others_are_not() -> None:
    said: list[str] = []
    name = written("train", "test", "dev", "train", "")
    assert [each.split for each in asked_of(name, "train", said.append)] == ["train"] * 3
    assert said == ["3 prompts of p.jsonl taken, of train; left aside: 2, of dev, test"]
    assert [each.text for each in asked_of(name, "dev")] == ["Foxes, 2", "Foxes, 4"]
    said.clear()
    assert len(asked_of(written("", ""), "prose", said.append)) == 2
    assert not said


def test_a_file_without_any_of_the_split_names_those_that_it_has() -> None:
    with pytest.raises(InputError, match="is of the split train: they are of dev, test; name one"):
        asked_of(written("test", "dev"), "train")


def test_in_between_it_is_evaluated_on_what_is_held_out() -> None:
    assert [each.split for each in evaluated_on(written("train", "dev", ""))] == ["dev", "test"]
    assert [each.split for each in evaluated_on(written("train", "prose"))] == ["train", "prose"]


@pytest.mark.parametrize(
    "attached", ["../secret.txt", "{absolute}", "link.txt", "links/secret.txt"]
)
@pytest.mark.parametrize("command", ["collect", "eval"])
def test_a_file_out_of_the_folder_is_never_shown_to_a_model(
    command: str, attached: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = work.parent / "secret.txt"
    secret.write_text("what is on this machine")
    (work / "link.txt").symlink_to(secret)
    (work / "links").symlink_to(work.parent)
    name = written("", attach=[attached.format(absolute=secret)])
    code = main(
        [
            command,
            "--prompts",
            name,
            "--model",
            "vllm/fox",
            "--api-base",
            "http://127.0.0.1:9/v1",
            "--profile",
            "rules",
        ]
    )
    err = " ".join(capsys.readouterr().err.split())
    assert code == 2
    assert "p.jsonl, line 1: the attachment" in err
    assert "is out of the folder of the prompts" in err


MESSAGES = [{"role": "user", "content": "Foxes"}]


@pytest.mark.parametrize(
    ("row", "converts"),
    [
        ({"prompt": MESSAGES}, True),
        ({"prompt": MESSAGES, "completion": [{"role": "assistant", "content": "Yes."}]}, True),
        ({"prompt": "Foxes", "data_source": "interleaved"}, True),
        ({"extra_info": {"question": "Foxes", "image_num": 2}}, True),
        ({"prompt": [*MESSAGES, *MESSAGES]}, False),
        ({"messages": MESSAGES}, False),
        ({"conversations": [{"from": "human", "value": "Foxes"}]}, False),
        ({"prompt": "Foxes", "picture": 2}, False),
        ({"prompt": ""}, False),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_forms_of_others_are_sent_to_what_reads_them(
    row: dict[str, Any], converts: bool, packed: bool
) -> None:
    data = json.dumps(row).encode() + b"\n"
    Path("p.jsonl").write_bytes(gzip.compress(data) if packed else data)
    converts |= packed and "picture" in row
    with pytest.raises(InputError, match=r"p\.jsonl, line 1") as error:
        asked_of("p.jsonl", "train")
    assert ("llmi-train prompts convert p.jsonl OUT.jsonl" in str(error.value)) == converts
    assert (main(["prompts", "convert", "p.jsonl", "out.jsonl"]) == 0) >= converts


@pytest.mark.parametrize("text", ['[{"prompt": "Foxes"}]', '[\n{"prompt": "Foxes"}\n]'])
def test_of_an_array_it_is_said_that_lines_are_wanted(text: str) -> None:
    Path("p.json").write_text(text)
    with pytest.raises(
        InputError, match=r"line 1: it begins as a JSON array does; write .* one a line"
    ):
        asked_of("p.json", "train")


def test_what_lies_below_the_folder_is_taken(work: Path) -> None:
    (work / "data").mkdir()
    (work / "data" / "a.csv").write_text("a,b\n")
    (work / "same.csv").symlink_to(work / "data" / "a.csv")
    assert asked_of(written("train", attach=["data/a.csv", "same.csv"]), "train")
