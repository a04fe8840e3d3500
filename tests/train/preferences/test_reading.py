"""Examples of anybody's files: what they mean, and what cannot be learnt from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer
from llmi_train.preferences.reading import examples_in, labelled_in, pairs_in

ASK = {"role": "user", "content": "Write on harbours."}
SAID = {"role": "assistant", "content": "Harbours."}
SYSTEM = {"role": "system", "content": "You illustrate."}


def lines(path: Path, *rows: Any, end: str = "\n", before: bytes = b"") -> Path:
    text = end.join(each if isinstance(each, str) else json.dumps(each) for each in rows)
    path.write_bytes(before + text.encode())
    return path


def one(tmp_path: Path, row: Any) -> Answer:
    (found,) = examples_in(lines(tmp_path / "x.jsonl", row)).taken
    return found


def test_messages_with_a_system_message(tmp_path: Path) -> None:
    found = one(tmp_path, {"prompt": [SYSTEM, ASK], "completion": [SAID]})
    assert found.prompt == (SYSTEM, ASK)
    assert found.completion == SAID
    assert not found.plain


@pytest.mark.parametrize(
    ("prompt", "completion", "plain"),
    [
        ("Write on harbours.", "Harbours.", True),
        ("Write on harbours.", [SAID], False),
        ([ASK], "Harbours.", False),
        (ASK, SAID, False),
        (
            [{"role": "user", "content": [{"type": "text", "text": "Write on harbours."}]}],
            [SAID],
            False,
        ),
    ],
)
def test_texts_messages_and_parts(
    tmp_path: Path, prompt: Any, completion: Any, plain: bool
) -> None:
    found = one(tmp_path, {"prompt": prompt, "completion": completion})
    assert (found.prompt, found.completion, found.plain) == ((ASK,), SAID, plain)


def test_of_a_conversation_each_answer_is_an_example(tmp_path: Path) -> None:
    again = [{"role": "user", "content": "Shorter."}, {"role": "assistant", "content": "Quays."}]
    read = examples_in(lines(tmp_path / "x.jsonl", {"messages": [ASK, SAID, *again]}))
    assert [(len(each.prompt), each.completion["content"]) for each in read.taken] == [
        (1, "Harbours."),
        (3, "Quays."),
    ]
    assert read.notes == {"a conversation, of which each answer is an example of its own": 1}


def test_conversations_as_sharegpt_has_them(tmp_path: Path) -> None:
    talk = [
        {"from": "system", "value": "You illustrate."},
        {"from": "human", "value": "Write on harbours."},
        {"from": "gpt", "value": "Harbours."},
    ]
    found = one(tmp_path, {"conversations": talk})
    assert (found.prompt, found.completion) == ((SYSTEM, ASK), SAID)


def test_windows_files_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    row = {"prompt": [ASK], "completion": [SAID]}
    path = lines(tmp_path / "x.jsonl", row, "", row, "   ", end="\r\n", before=b"\xef\xbb\xbf")
    assert len(examples_in(path).taken) == 2


def test_packed_files_and_parquet(tmp_path: Path) -> None:
    row = {"prompt": [ASK], "completion": [SAID], "note": None}
    packed = tmp_path / "x.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(row).encode()))
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    for path in (packed, tmp_path / "x.parquet"):
        (found,) = examples_in(path).taken
        assert (found.prompt, found.completion) == ((ASK,), SAID)


def test_other_columns_are_told_and_what_templates_read_is_kept(tmp_path: Path) -> None:
    row = {
        "prompt": [ASK],
        "completion": [SAID],
        "source": "web",
        "tools": '[{"name": "search"}]',
        "chat_template_kwargs": {"enable_thinking": False},
        "reward": 0.5,
    }
    read = examples_in(lines(tmp_path / "x.jsonl", row, row))
    assert read.notes == {"not read: the column 'source'": 2}
    assert read.taken[0].template == {"enable_thinking": False, "tools": [{"name": "search"}]}
    assert read.taken[0].reward == 0.5


def test_ids_with_labels(tmp_path: Path) -> None:
    found = one(tmp_path, {"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, 8]})
    assert found.ids
    assert [*found.ids.prompt] == [5, 6]
    assert [*found.ids.completion] == [7, 8]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"prompt": [ASK]}, "it has 'prompt'; what is needed is input_ids, labels"),
        ({"text": "Harbours."}, "it has 'text'; what is needed"),
        ({"prompt": [ASK], "completion": None}, "it has 'prompt'"),
        ({"prompt": "", "completion": "Harbours."}, "its prompt is empty"),
        ({"prompt": [ASK], "completion": ""}, "its answer is empty"),
        ({"prompt": [ASK], "completion": [{**SAID, "content": " "}]}, "its answer is empty"),
        ({"prompt": [ASK], "completion": [ASK]}, "no message of an assistant"),
        ({"messages": [SAID]}, "nothing that it answers"),
        ({"messages": []}, 'its "messages" is neither text nor chat messages'),
        ({"prompt": [ASK], "completion": [{"content": "x"}]}, "has no role"),
        (
            {
                "prompt": [{"role": "user", "content": [{"type": "image_url"}]}],
                "completion": [SAID],
            },
            "show 1 picture, by parts",
        ),
        ({"input_ids": [1, 2], "labels": [1, 2, 3]}, '"labels" must be -100'),
        ({"input_ids": [1, 2], "labels": [-100, -100]}, '"labels" must be -100'),
        ({"input_ids": [1, 2, 3], "labels": [-100, 2, 9]}, '"labels" must be -100'),
        ({"input_ids": [1.5], "labels": [1.5]}, "no list of whole numbers"),
        ({"prompt": [ASK], "completion": [SAID], "tools": "{"}, '"tools" is text that is no JSON'),
        ({"prompt": "Fox \ud83d", "completion": "x"}, "half a surrogate pair"),
        ({"prompt": [ASK], "completion": [{**SAID, "content": "\udc00"}]}, "half a surrogate"),
        ({"schema": "llmi-trace/1", "prompt": "Fox"}, "it is a trace: --traces takes such a file"),
        ("{", "it is not JSON"),
        ("[1]", "it begins as a JSON array does"),
    ],
)
def test_what_cannot_be_learnt_from_is_named_and_nothing_is_trained(
    tmp_path: Path, row: Any, why: str
) -> None:
    good = {"prompt": [ASK], "completion": [SAID]}
    path = lines(tmp_path / "x.jsonl", good, row, good)
    with pytest.raises(InputError, match="nothing was trained") as error:
        examples_in(path)
    assert "line 2: " in str(error.value)
    assert why in str(error.value)
    read = examples_in(path, leave_out_bad=True)
    assert len(read.taken) == 2
    assert sum(read.left_out.values()) == 1


def test_an_empty_file_a_missing_one_and_an_array(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to learn from"):
        examples_in(lines(tmp_path / "x.jsonl", ""))
    with pytest.raises(InputError, match="there is no file"):
        examples_in(tmp_path / "y.jsonl")
    with pytest.raises(InputError, match="begins with a JSON array"):
        examples_in(lines(tmp_path / "x.json", [{"prompt": [ASK], "completion": [SAID]}]))


def test_pairs_also_with_the_prompt_in_both(tmp_path: Path) -> None:
    other = {"role": "assistant", "content": "Ports."}
    said = {"prompt": [ASK], "chosen": [SAID], "rejected": [other]}
    within = {"chosen": [ASK, SAID], "rejected": [ASK, other]}
    read = pairs_in(lines(tmp_path / "x.jsonl", said, within))
    for pair in read.taken:
        assert (pair.chosen.prompt, pair.chosen.completion) == ((ASK,), SAID)
        assert (pair.rejected.prompt, pair.rejected.completion) == ((ASK,), other)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"prompt": [ASK], "chosen": [SAID], "rejected": [SAID]}, "are the same"),
        ({"chosen": [ASK, SAID], "rejected": [SYSTEM, SAID]}, "do not answer the same"),
        ({"prompt": [ASK], "chosen": [SAID, ASK, SAID], "rejected": [SAID]}, "several messages"),
        ({"prompt": [ASK], "chosen": [SAID]}, "what is needed is prompt, chosen, rejected"),
    ],
)
def test_pairs_that_are_none(tmp_path: Path, row: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        pairs_in(lines(tmp_path / "x.jsonl", row))


def test_labels(tmp_path: Path) -> None:
    row = {"prompt": [ASK], "completion": [SAID]}
    path = lines(tmp_path / "x.jsonl", {**row, "label": True}, {**row, "label": 0})
    assert [each.label for each in labelled_in(path).taken] == [True, False]
    with pytest.raises(InputError, match="neither true nor false"):
        labelled_in(lines(tmp_path / "x.jsonl", {**row, "label": "good"}))
