"""A row to train on: what the policy read and sampled, with what it was worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmi_train.rows.pictures import Picture

Ids: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Segment:
    """Calls of a model, each of which read exactly what the one before read and wrote, and something more.

    Where a call does not begin so, another segment of its episode begins.
    """

    episode: str
    number: int
    """Which one of its episode it is, from 0."""
    calls: tuple[str, ...]
    """The calls of the model, by their ids in the episode."""
    purpose: str
    """Of the first call: `draft`, `repair`."""
    prompt: Ids = field(repr=False)
    """What the first call read. Shape (P,)."""
    completion: Ids = field(repr=False)
    """What was sampled, and what was read between two calls. Shape (C,)."""
    logprobs: Numbers = field(repr=False)
    """Of each of `completion`, in nats, under the policy that sampled it; 0 where `mask` is. Shape (C,)."""
    mask: Mask = field(repr=False)
    """1 for what is trained on, 0 for what was only read, or is not to be trained on. Shape (C,)."""
    temperature: float = 1.0
    """What it was sampled at."""
    truncated: bool = False
    """The last call was cut at the length limit."""
    pictures: tuple[Picture, ...] = ()
    """Those that the prompt shows, in their order."""


@dataclass(frozen=True, eq=False)
class Row:
    """A segment with its advantage."""

    segment: Segment
    advantages: Numbers = field(repr=False)
    """Of each token of the completion; 0 where the mask is 0. Shape (C,)."""
    group: str = ""
    """What its advantage was computed within."""
    reward: float | None = None
    """What its episode is worth; for the log."""

    @property
    def is_padding(self) -> bool:
        """It fills a batch and teaches nothing."""
        return not self.segment.mask.any()
