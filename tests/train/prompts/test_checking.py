"""What a check finds: each fault where it is, and nothing in what is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_train.prompts.checking import Report, check
from llmi_train.prompts.findings import FAULTS, NOTICES, Example
from llmi_train.prompts.reading import read

BERGEN = "Describe the old harbour of Bergen for visitors, with two photographs of it."
BEES = "Explain to beginners how bees find their way home, in plain text without pictures."
RAIN = "请分析卑尔根近四年的降雨量，并配一张图表。"


def report(folder: Path, *rows: Any, others: tuple[list[Any], ...] = (), **options: Any) -> Report:
    return check(
        read(written(folder / "p.jsonl", list(rows)), folder / "keep"),
        [read(written(folder / f"o{n}.jsonl", each)) for n, each in enumerate(others)],
        **options,
    )


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


GOOD = (
    {"prompt": BERGEN, "pictures": 2, "kinds": ["search"], "language": "en", "split": "train"},
    {"prompt": BEES, "pictures": -1, "split": "train"},
    {"prompt": RAIN, "pictures": 1, "kinds": ["code"], "language": "zh-Hans", "split": "test"},
    {"prompt": "Tell the story of the lighthouse in an illustrated essay.", "pictures": 99},
    {"prompt": "Tell me what there is to know about the herring and the sea.", "pictures": 0},
    "Write what you like about the fjords in the winter.",
)


def test_what_is_whole_has_no_fault_and_is_counted(tmp_path: Path) -> None:
    found = report(tmp_path, *GOOD)
    assert found.findings.counts.total() == 0
    assert found.splits == {"train": 2, "test": 1, "": 3}
    assert found.languages == {"en": 5, "zh": 1}
    assert found.kinds == {"search": 1, "code": 1}
    assert found.pictures == {"2": 1, "none": 1, "1": 1, "at least one": 1, "any": 1, "": 1}


BAD: list[tuple[str, list[Any]]] = [
    ("bad line", [GOOD[0], {"prompt": 3}]),
    ("same id", [{"prompt": BERGEN, "id": "a"}, {"prompt": BEES, "id": "A"}]),
    ("duplicate", [GOOD[0], {**GOOD[0], "prompt": BERGEN.upper() + "!"}]),
    ("other demand", [GOOD[3], {**GOOD[3], "pictures": 0}]),
    ("leak", [GOOD[0], {**GOOD[0], "split": "test"}]),
    ("near leak", [GOOD[0], {**GOOD[0], "prompt": f"{BERGEN} Thank you.", "split": "test"}]),
    ("contradiction", [GOOD[1], {**GOOD[0], "pictures": 3}]),
    ("contradiction", [GOOD[1], {**GOOD[2], "pictures": -1, "kinds": []}]),
    ("unsaid", [GOOD[1], {"prompt": "Describe the old harbour of Bergen.", "pictures": 2}]),
    ("impossible", [GOOD[1], {**GOOD[0], "kinds": ["code", "search", "edit"]}]),
    ("impossible", [GOOD[0], {**GOOD[1], "kinds": ["code"]}]),
    ("names a tool", [GOOD[0], f"{BEES} Use the search tool."]),
    ("too short", [GOOD[0], "Bees."]),
    ("too long", [GOOD[0], "Bees and honey. " * 2500]),
]
DOUBTFUL: list[tuple[str, list[Any]]] = [
    ("near-duplicate", [GOOD[0], {**GOOD[0], "prompt": f"{BERGEN} Thank you."}]),
    ("unclear", [GOOD[1], {"prompt": "Опишите старый порт Бергена.", "pictures": 2}]),
    (
        "unclear",
        [GOOD[1], {"prompt": "Describe it with some pictures of the town.", "pictures": 2}],
    ),
    ("may name a tool", [GOOD[0], "Report on how diffusion models came to be what they are."]),
    ("other language", [GOOD[1], {**GOOD[0], "language": "zh"}]),
    ("kind unknown", [GOOD[1], {**GOOD[0], "kinds": ["palette"]}]),
]


@pytest.mark.parametrize(("kind", "rows"), BAD + DOUBTFUL)
def test_each_is_found_where_it_is_and_alone(tmp_path: Path, kind: str, rows: list[Any]) -> None:
    found = report(tmp_path, *rows).findings
    assert found.counts == {kind: 1}
    (example,) = found.examples[kind]
    assert example.line == 2
    assert found.faults == (kind in FAULTS)
    paired = kind in ("other demand", "same id", "duplicate", "leak", "near leak", "near-duplicate")
    assert example.other_line == (1 if paired else None)


def test_every_finding_is_tried_here() -> None:
    tried = {kind for kind, _ in BAD + DOUBTFUL} | {"in another file", "nearly in another file"}
    assert tried | {"same text"} == {*FAULTS, *NOTICES}


def test_the_same_text_with_other_files_is_no_duplicate(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_text("1" if name == "c.csv" else name)
    (tmp_path / "d.csv").write_text("1")
    rows = [{"prompt": BEES, "attach": [each]} for each in ("a.csv", "b.csv", "c.csv", "d.csv")]
    assert report(tmp_path, *rows).findings.counts == {"same text": 2, "duplicate": 1}


def test_other_files_are_searched(tmp_path: Path) -> None:
    found = report(
        tmp_path,
        *GOOD[:2],
        others=([RAIN, f"{BERGEN} Thanks."], [BEES.lower()]),
    ).findings
    assert found.counts == {"in another file": 1, "nearly in another file": 1}
    (same,), (near,) = found.examples["in another file"], found.examples["nearly in another file"]
    assert (same.line, same.other_line, Path(same.other_file or "").name) == (2, 1, "o1.jsonl")
    assert (near.line, near.other_line, Path(near.other_file or "").name) == (1, 2, "o0.jsonl")


def test_a_leak_is_found_behind_any_number_of_others(tmp_path: Path) -> None:
    """Also where the first that is alike is in the same split."""
    rows = [{"prompt": f"{BERGEN} {n}.", "split": "train"} for n in range(20)]
    rows[7]["split"] = "test"
    found = report(tmp_path, *rows).findings
    assert found.counts["near leak"] == 1 + 12


@pytest.mark.parametrize(("rows", "others"), [((), ()), ((BERGEN,), ([],)), ((BERGEN,), ([3],))])
def test_nothing_to_check_or_to_compare_with_is_no_pass(
    tmp_path: Path, rows: tuple[Any, ...], others: tuple[list[Any], ...]
) -> None:
    with pytest.raises(InputError, match="no prompt"):
        report(tmp_path, *rows, others=others)


def test_bounds_and_threshold_are_options(tmp_path: Path) -> None:
    rows = (BERGEN, f"{BERGEN} Thank you.")
    assert report(tmp_path, *rows, threshold=1.0).findings.counts.total() == 0
    assert report(tmp_path, *rows, longest=80).findings.counts["too long"] == 1
    assert report(tmp_path, "卑尔根港", shortest=17).findings.counts["too short"] == 1
    assert report(tmp_path, "卑尔根港", shortest=16).findings.counts.total() == 0


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (Example(3), "line 3"),
        (Example(3, "why"), "line 3: why"),
        (Example(3, "", 1), "line 3: line 1"),
        (Example(3, "90% alike", 1, "o.jsonl"), "line 3: line 1 of o.jsonl, 90% alike"),
    ],
)
def test_an_example_in_words(example: Example, words: str) -> None:
    assert str(example) == words
