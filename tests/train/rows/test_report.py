"""What the report says of rows."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from llmi_train.rows.gathering import rows_of
from llmi_train.rows.report import correlation, data_hash, figures
from llmi_train.rows.row import Row

from .scene import Call, Home


def written(home: Home, lengths: dict[str, tuple[float, int]]) -> None:
    for name, (reward, length) in lengths.items():
        home.episode(name, Call((*range(10, 9 + length), 99)), reward=reward)


def test_the_figures_are_those_of_the_rows(home: Home) -> None:
    own = {"a": (0.1, 2), "b": (0.4, 6), "c": (0.9, 10)}
    written(home, own)
    report = rows_of(home.root).report
    assert (report.rows, report.tokens, report.read_tokens) == (3, 18, 9)
    assert (report.mean_length, report.longest, report.longest_completion) == (6, 13, 10)
    rewards = [reward for reward, _ in own.values()]
    assert report.reward_mean == pytest.approx(fmean(rewards))
    assert report.reward_std == pytest.approx(stdev(rewards))
    right = np.corrcoef(rewards, [2, 6, 10])[0, 1]
    assert report.advantage_length == pytest.approx(right)
    assert (report.profile, report.models, report.weights) == ("llmi@1", {"vllm/fox": 3}, {"w1": 3})


def test_it_is_json_with_plain_values(home: Home) -> None:
    written(home, {"a": (0.1, 2), "b": (0.4, 6)})
    report = rows_of(home.root).report
    again: dict[str, Any] = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert again["group_sizes"] == {"2": 1}
    assert again["data_hash"] == report.data_hash


def test_lengths_that_never_change_have_no_correlation() -> None:
    assert correlation(np.array([1.0, -1.0]), np.array([4.0, 4.0])) is None
    assert correlation(np.array([1.0]), np.array([4.0])) is None


def test_every_part_of_a_row_is_in_the_hash_of_the_data(home: Home) -> None:
    home.pair()
    rows = rows_of(home.root).rows
    right = data_hash(rows)
    first, second = rows
    own = first.segment
    bumped = own.prompt.copy()
    bumped[0] += 1
    others: list[tuple[Row, ...]] = [
        (second, first),
        (first,),
        (replace(first, group="h"), second),
        (replace(first, reward=0.3), second),
        (replace(first, advantages=first.advantages + 1), second),
        *(
            (replace(first, segment=replace(own, **change)), second)
            for change in (
                {"prompt": bumped},
                {"completion": own.completion + 1},
                {"logprobs": own.logprobs - 1},
                {"mask": own.mask * 0},
                {"episode": "x"},
                {"number": 1},
                {"calls": ("model-1",)},
                {"temperature": 0.5},
            )
        ),
    ]
    hashes = {right, *map(data_hash, others)}
    assert len(hashes) == len(others) + 1
    assert figures(rows)["data_hash"] == right
