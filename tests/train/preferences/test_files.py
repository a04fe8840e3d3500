"""Examples as files: what is written can be read again, and stands in TRL's columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer, Ids, Labelled, Pair
from llmi_train.preferences.files import RETOKENISED, write
from llmi_train.preferences.reading import examples_in, labelled_in, pairs_in

ENDINGS = ("jsonl", "jsonl.gz", "parquet")


def answer(text: str, **more: Any) -> Answer:
    own: dict[str, Any] = {
        "where": "the run e1",
        "prompt": ({"role": "user", "content": "Foxes?"},),
        "completion": {"role": "assistant", "content": text},
        "episode": "e1",
        "group": "g",
        "model": "vllm/fox",
        "reward": 0.5,
    }
    return Answer(**{**own, **more})


def said(found: Answer) -> tuple[Any, ...]:
    return found.prompt, found.completion, found.template, found.group, found.reward, found.episode


@pytest.mark.parametrize("ending", ENDINGS)
def test_messages_come_back(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"x.{ending}"
    assert write([answer("Red\u2028."), answer("Sly.", reward=None)], out) == ""
    read = examples_in(out)
    assert [said(each) for each in read.taken] == [
        said(answer("Red\u2028.")),
        said(answer("Sly.", reward=None)),
    ]
    assert not read.notes


@pytest.mark.parametrize("ending", ENDINGS)
def test_ids_come_back(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"x.{ending}"
    write([answer("Red.", ids=Ids.of([1, 2], [3, 4]))], out)
    (found,) = examples_in(out).taken
    assert found.ids
    assert ([*found.ids.prompt], [*found.ids.completion]) == ([1, 2], [3, 4])


@pytest.mark.parametrize("ending", ENDINGS)
def test_pairs_and_labels_come_back_as_messages(tmp_path: Path, ending: str) -> None:
    good, bad = answer("Red.", ids=Ids.of([1], [2])), answer("Blue.", ids=Ids.of([1], [3]))
    out = tmp_path / f"x.{ending}"
    assert write([Pair(good, bad)], out) == RETOKENISED
    (pair,) = pairs_in(out).taken
    assert (pair.chosen.completion, pair.rejected.completion) == (good.completion, bad.completion)
    write([Labelled(good, True), Labelled(bad, False)], out)
    assert [each.label for each in labelled_in(out).taken] == [True, False]


def test_the_columns_are_trls(tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    write([Pair(answer("Red."), answer("Blue."))], out)
    assert pq.read_schema(out).names[:3] == ["prompt", "chosen", "rejected"]
    write([Labelled(answer("Red."), True)], out)
    assert pq.read_schema(out).names[:3] == ["prompt", "completion", "label"]


def test_what_a_template_is_told_goes_along_in_lines(tmp_path: Path) -> None:
    told = {"enable_thinking": False, "tools": [{"name": "search"}]}
    write([answer("Red.", template=told)], tmp_path / "x.jsonl")
    row = json.loads((tmp_path / "x.jsonl").read_text())
    assert row["tools"] == [{"name": "search"}]
    assert row["chat_template_kwargs"] == {"enable_thinking": False}
    (found,) = examples_in(tmp_path / "x.jsonl").taken
    assert found.template == told
    with pytest.raises(InputError, match=r"name a \.jsonl file"):
        write([answer("Red.", template=told)], tmp_path / "x.parquet")


def test_ids_and_messages_are_not_mixed_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the ids of 1 of 2 answers.*--text"):
        write([answer("Red.", ids=Ids.of([1], [2])), answer("Blue.")], tmp_path / "x.jsonl")
    assert not [*tmp_path.iterdir()]


def test_a_file_of_another_sort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.jsonl"):
        write([answer("Red.")], tmp_path / "x.csv")
    alone = Answer(where="line 1", ids=Ids.of([1], [2]))
    with pytest.raises(InputError, match="line 1 has ids alone"):
        write([Labelled(alone, True)], tmp_path / "x.jsonl")
