"""The processes that train together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

_PATIENCE = timedelta(hours=12)
"""For the slowest: one may wait for its tools and judges while others have all of theirs."""


def processes() -> PartialState:
    """This one among them, as torchrun and accelerate say; on machines without a GPU too, where accelerate must be told."""
    return PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)


class Gathering:
    """What they tell each other, for those who need no torch."""

    @property
    def number(self) -> int:
        """This one's, from 0."""
        return int(processes().process_index)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(processes().num_processes)

    def all(self, own: Any) -> list[Any]:
        """What each of them gives, by their numbers."""
        found: list[Any] = gather_object([own])
        return found
