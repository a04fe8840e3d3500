"""The order in which rows are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from llmi_train.rows.row import Row


def schedule(rows: Sequence[Row], step_rows: int, epochs: int = 1, seed: int = 0) -> list[Row]:
    """All rows, in the order in which a trainer walks them once, `step_rows` in each of its steps.

    Each epoch has every row once. The groups come in an order that `seed` and the number of the epoch decide, and nothing
    else: neither the machine nor the order in which traces were read. A group's rows stay side by side. The last step is
    filled up with padding rows, which teach nothing (`Row.is_padding`): copies of the shortest row. Their mask is 0, so that
    they are to be left out of whatever a loss divides by.

    Raises ValueError for a step or epochs below 1.
    """
    if step_rows < 1 or epochs < 1:
        raise ValueError("a step has at least one row, and a training at least one epoch")
    groups: dict[str, list[Row]] = {}
    for each in rows:
        groups.setdefault(each.group, []).append(each)
    flat = [
        row
        for epoch in range(epochs)
        for group in sorted(groups, key=lambda group: _chance(seed, epoch, group))
        for row in groups[group]
    ]
    lacking = -len(flat) % step_rows
    return [*flat, *([padding(rows)] * lacking)] if lacking else flat


def padding(rows: Sequence[Row]) -> Row:
    """A row that teaches nothing, as short as the shortest of these."""
    shortest = min(rows, key=lambda each: len(each.segment.prompt) + len(each.segment.completion))
    own = shortest.segment
    nothing = np.zeros(len(own.completion), np.float32)
    mask = np.zeros(len(own.completion), np.int8)
    return Row(replace(own, logprobs=nothing, mask=mask), nothing)


def _chance(seed: int, epoch: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed} {epoch} {group}".encode()).digest()
