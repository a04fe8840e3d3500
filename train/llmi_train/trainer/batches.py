"""Rows as the tensors of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from llmi_train.rows.row import Row

Batch: TypeAlias = dict[str, Any]
_PROMPT = ("prompt_ids", "prompt_mask")


def of_rows(rows: Sequence[Row], like: torch.Tensor) -> Batch:
    """What TRL's batch is corrected by, padded as its completions are.

    `old_per_token_logps` is 0 where nothing is trained on: a NaN there would be a NaN gradient, masked or not.
    """

    def padded(part: Callable[[Row], Any]) -> torch.Tensor:
        whole = np.zeros(like.shape, np.float32)
        for n, row in enumerate(rows):
            whole[n, : len(row.segment.completion)] = part(row)
        return torch.from_numpy(whole).to(like.device)

    return {
        "advantages": padded(lambda row: np.where(row.segment.mask, row.advantages, 0)),
        "old_per_token_logps": padded(
            lambda row: np.where(row.segment.mask, row.segment.logprobs, 0)
        ),
        "real": torch.tensor([not row.is_padding for row in rows], device=like.device).long(),
        "number": torch.arange(len(rows), device=like.device),
    }


def sorted_by_length(batches: Sequence[Batch]) -> list[Batch]:
    """The same rows in as many batches, the longest first, and none padded to more than its own longest.

    The order within a step changes no sum, and it follows from the rows alone: TRL's is drawn by chance.
    """
    whole = {
        name: torch.cat([each[name] for each in batches]) if value.ndim else value
        for name, value in batches[0].items()
    }
    lengths = (whole["prompt_mask"].sum(1) + whole["completion_mask"].sum(1)).tolist()
    numbers = whole["number"].tolist()
    order = sorted(range(len(lengths)), key=lambda n: (-lengths[n], numbers[n]))
    size = len(order) // len(batches)
    return [_cut(whole, order[at : at + size]) for at in range(0, len(order), size)]


def _cut(whole: Batch, rows: list[int]) -> Batch:
    """These rows, without the columns that pad all of them."""
    read = int(whole["prompt_mask"][rows].sum(1).max())
    written = int(whole["completion_mask"][rows].sum(1).max())

    def part(name: str, value: torch.Tensor) -> torch.Tensor:
        if value.ndim < 2:
            return value[rows] if value.ndim else value
        return value[rows, -read:] if name in _PROMPT else value[rows, :written]

    return {name: part(name, value) for name, value in whole.items()}
