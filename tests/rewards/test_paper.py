"""The paper's reward, in its own numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmi_train.rewards.paper as of_trainers
from llmi_agent.rewards import paper

CASES = Path(__file__).parents[1] / "data" / "llmi_reward_parity.jsonl"


def cases(kind: str) -> Iterator[dict[str, Any]]:
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case.pop("case") == kind:
            yield case


def code(text: str) -> str:
    """In exactly the spelling that may hold quotes unescaped."""
    return "{'source': 'code', 'description': 'd', 'params': {'code': '" + text + "'}}"


def tag(source: Any, params: Any) -> str:
    return repr({"source": source, "description": "d", "params": params})


def test_every_case_of_the_public_code_is_there() -> None:
    kinds = [json.loads(line)["case"] for line in CASES.read_text(encoding="utf-8").splitlines()]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {"validity": 160, "count": 110, "r_tool": 60, "total": 80}


def test_validity_equals_theirs() -> None:
    for case in cases("validity"):
        valid = case.pop("valid")
        assert paper.valid_tag(**case) is valid, case


def test_the_count_equals_theirs() -> None:
    for case in cases("count"):
        realised, constraint = case["realised"], case["constraint"]
        assert paper.count_score(realised, constraint) == pytest.approx(case["train"], abs=1e-9)
        exact = paper.count_score(realised, constraint, exact=True)
        assert exact == pytest.approx(case["eval"], abs=1e-9)


def test_r_tool_equals_theirs() -> None:
    for case in cases("r_tool"):
        expected = case.pop("r_tool")
        assert paper.r_tool(**case) == pytest.approx(expected, abs=1e-9)


def test_the_total_equals_theirs() -> None:
    for case in cases("total"):
        expected = case.pop("total")
        assert paper.total(**case) == pytest.approx(expected, abs=1e-9)


def test_those_who_train_find_the_same_functions() -> None:
    for name in ("valid_tag", "count_score", "r_tool", "total"):
        assert getattr(of_trainers, name) is getattr(paper, name)


@pytest.mark.parametrize(
    ("payload", "valid"),
    [
        # What their code says of each was seen by running it.
        (tag("edit", {"img_index": True, "prompt": "p"}), True),
        (tag("edit", {"img_index": False, "prompt": "p"}), True),
        (tag("edit", {"img_index": 1.0, "prompt": "p"}), False),
        (tag("edit", {"img_index": -1, "prompt": "p"}), False),
        (tag("edit", {"img_index": 3, "prompt": "p"}), False),
        (tag("edit", {"img_index": 2, "prompt": "p"}), True),
        (tag("edit", {"prompt": "p", "img_index": 0}), True),
        (tag("search", {"query": ""}), True),
        (tag("search", {"query": " "}), True),
        (tag("search", {"query": b"q"}), False),
        (tag("code", {"code": ""}), True),
        (tag("search", {"query": "half a pair \ud800"}), True),
        ("{'source': 'search', 'description': '\\ud83d\\ude00', 'params': {'query': 'q'}}", True),
        (tag("search", {"query": "q", 1: 2}), False),
        (tag(["search"], {"query": "q"}), False),
        ("\t " + tag("search", {"query": "q"}) + " \n", True),
        ("\n" + tag("search", {"query": "q"}), True),
        ("\u00a0" + tag("search", {"query": "q"}), False),
        ("\u00a0" + code("x") + "\u00a0", True),
        (tag("search", {"query": "q"}) + "  # a comment", True),
        (tag("search", {"query": "q"}) + ",", False),
        (tag("search", {"query": "q"}).replace("{'s", "{'source': 'code', 's"), True),
        ("{'source': 'sea' 'rch', 'description': r'd', 'params': {'query': '''q'''}}", True),
        (code("plt.title('it's')"), True),
        (code(""), True),
        (code("x', 'more': 'y"), True),
        (code("x\x00"), True),
        (code("x").replace("'d'", "'d's'"), False),
        ("{}", False),
        ("", False),
        ("[" * 100_000, False),
        ("{'source': 1+1j, 'description': 'd', 'params': {}}", False),
        ("__import__('os')", False),
    ],
)
def test_oddities_of_their_validity(payload: str, valid: bool) -> None:
    assert paper.valid_tag(payload, slots=2, inputs=1) is valid


def test_a_payload_that_is_too_long_is_not_read() -> None:
    assert not paper.valid_tag(tag("search", {"query": "q" * 200_000}), slots=1, inputs=0)


@pytest.mark.parametrize(
    ("realised", "constraint", "train", "evaluated"),
    [
        (0, "Inf", 0, 0),
        (1, "inf", 1, 1),
        (7, float("inf"), 1, 1),
        (3, "3", 1, 1),
        (0, "-1", 1, 1),
        (98, 99, 1, 1),
        (99, 98, 0.7, 0),
        (5, 100, 0.05, 0),
        (5, 2, 0.1, 0),
        (50, 2, 0, 0),
        (2, -2, -1, 0),
        (0, -3, 0, 0),
    ],
)
def test_counts_beside_the_data(
    realised: int, constraint: Any, train: float, evaluated: float
) -> None:
    assert paper.count_score(realised, constraint) == pytest.approx(train, abs=1e-9)
    assert paper.count_score(realised, constraint, exact=True) == evaluated


@pytest.mark.parametrize("constraint", ["many", "", "1.5", float("nan"), float("-inf")])
def test_a_constraint_that_is_none_is_refused(constraint: Any) -> None:
    with pytest.raises(ValueError, match=r"constraint .*-1, "):
        paper.count_score(1, constraint)


@pytest.mark.parametrize(
    ("required", "attempted", "succeeded", "value"),
    [
        ([], ["code"], ["code"], 0),
        (["video"], [], [], 1),
        (["video"], ["video"], ["video"], 0),
        (["video", "code"], ["code"], ["code"], 1),
        (["code", "code", "search"], ["code"], ["code"], 2 / 3),
        (["code"], [], ["code"], 0.5),
        ({"code"}, ("edit", "code"), {"edit"}, 0.5),
    ],
)
def test_r_tool_beside_the_data(
    required: Any, attempted: Any, succeeded: Any, value: float
) -> None:
    assert paper.r_tool(required, attempted, succeeded) == pytest.approx(value, abs=1e-9)
