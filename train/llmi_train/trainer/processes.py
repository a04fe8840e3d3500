"""The processes that train together."""

from __future__ import annotations

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """This one among them, as torchrun and accelerate say; on machines without a GPU too, where accelerate must be told."""
    return PartialState(cpu=not torch.cuda.is_available())
