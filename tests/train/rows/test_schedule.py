"""The order of training: every row once an epoch, groups side by side, the last step filled up with what teaches nothing."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, strategies as st

from llmi_train.rows.row import Row, Segment
from llmi_train.rows.schedule import schedule


def row(group: str, member: int, length: int = 4) -> Row:
    own = Segment(
        episode=f"{group}-{member}", number=0, calls=("model-0",), purpose="draft", prompt=np.arange(3),
        completion=np.arange(length), logprobs=np.full(length, -0.5, np.float32), mask=np.ones(length, np.int8),
    )  # fmt: skip
    return Row(own, np.full(length, 0.5, np.float32), group, 0.5)


def rows(*sizes: int) -> list[Row]:
    return [row(f"g{n}", member, 4 + n) for n, size in enumerate(sizes) for member in range(size)]


def names(found: list[Row]) -> list[str]:
    return [each.segment.episode for each in found if not each.is_padding]


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=8),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_each_row_comes_once_an_epoch_and_a_group_stays_together(
    sizes: list[int], step: int, epochs: int, seed: int
) -> None:
    own = rows(*sizes)
    flat = schedule(own, step, epochs, seed)
    assert len(flat) % step == 0
    assert len(flat) - len(own) * epochs < step
    real = flat[: len(own) * epochs]
    assert not any(each.is_padding for each in real)
    assert all(each.is_padding for each in flat[len(real) :])
    for epoch in range(epochs):
        part = real[epoch * len(own) : (epoch + 1) * len(own)]
        assert Counter(names(part)) == Counter(names(own))
        assert len([*groupby(each.group for each in part)]) == len(sizes)


def test_the_seed_and_the_epoch_decide_and_nothing_else() -> None:
    own = rows(2, 3, 2, 4, 1, 2, 3, 2)
    first = names(schedule(own, 4, 2, seed=1))
    assert names(schedule(own, 4, 2, seed=1)) == first
    assert names(schedule(own, 7, 2, seed=1)) == first
    assert names(schedule(own, 4, 1, seed=1)) == first[: len(own)]
    assert names(schedule(own, 4, 1, seed=2)) != first[: len(own)]
    assert first[: len(own)] != first[len(own) :]


def test_groups_come_in_the_same_order_however_they_were_given() -> None:
    own = rows(2, 3, 2, 4)
    orders = [[*dict.fromkeys(e.group for e in schedule(given, 1))] for given in (own, own[::-1])]
    assert orders[0] == orders[1]


def test_padding_is_the_shortest_row_without_anything_to_learn() -> None:
    *_, last = schedule(rows(2, 1), 2)
    assert last.is_padding
    assert (len(last.segment.prompt), len(last.segment.completion)) == (3, 4)
    assert not any(
        each.any() for each in (last.advantages, last.segment.logprobs, last.segment.mask)
    )
    assert last.reward is None


@pytest.mark.parametrize(("step", "epochs"), [(0, 1), (1, 0)])
def test_a_step_and_an_epoch_are_at_least_one(step: int, epochs: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        schedule(rows(2), step, epochs)
