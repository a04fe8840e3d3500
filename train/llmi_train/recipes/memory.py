"""What memory a training is reckoned to take. Rough: against the peaks of two trainings of 135 million parameters on a CPU
(all weights in float32, 6.1 GB; adapters in bfloat16, 4.6 GB) it is a tenth off; on a GPU it was not measured.

GB are 10^9 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmi_train.recipes.checkpoint import Shape
from llmi_train.recipes.recipe import SHARDED, Strategy

GB = 1e9
DOUBT = "reckoned, and never measured on a GPU: what libraries and fragmentation take is not in it, a fifth more or so"
MORE = 1.2
"""Times what is reckoned: that fifth."""
_ADAM = 16
"""Bytes of a number that is trained: itself, its gradient, and two of the optimizer, in float32."""
_LOGIT = 8
"""Bytes of a logit: as the model gives it, divided by the temperature, and its gradient."""
_KEPT = 34
"""Bytes of a token, a layer and a number of the hidden state that the forward pass keeps for the backward one."""


@dataclass(frozen=True)
class Run:
    """What it follows from."""

    shape: Shape
    strategy: Strategy
    processes: int
    """In all."""
    rows_at_once: int
    read: int
    """Tokens of a prompt, at most."""
    written: int
    """Tokens of an answer, at most."""
    half: bool
    """It computes in bfloat16."""
    lora: int | None
    recompute: bool
    samples: int = 0
    """Answers that the same process writes at once; 0: none."""


@dataclass(frozen=True)
class Part:
    """Of the memory of the device that one process trains on."""

    what: str
    bytes: float


def parts(run: Run) -> list[Part]:
    """The greatest ones."""
    return [part for part in _parts(run) if part.bytes]


def _parts(run: Run) -> Iterator[Part]:
    shape = run.shape
    shares = run.processes if run.strategy in SHARDED else 1
    size = 2 if run.half else 4
    if run.lora:
        yield Part("weights, which stay as they are", size * shape.parameters / shares)
        yield Part(
            "adapters, their gradients and their optimizer", _ADAM * adapters(shape, run.lora)
        )
    else:
        yield Part("weights, gradients and optimizer in float32", _ADAM * shape.parameters / shares)
        if run.half and shares == 1:
            yield Part("weights in bfloat16, while they are used", 2 * shape.parameters)
        if run.strategy == "ddp":
            yield Part("gradients on their way between processes", 4 * shape.parameters)
    tokens = run.rows_at_once * (run.read + run.written)
    layers = 1 if run.recompute else shape.layers
    kept = size * shape.hidden * shape.layers if run.recompute else 0
    each = _KEPT * shape.hidden + 6 * shape.inner
    wide = 1 if run.half and not run.lora else 2  # adapters read float32
    yield Part("what the forward pass keeps", tokens * (kept + layers * each * wide))
    yield Part("logits", run.rows_at_once * run.written * shape.vocabulary * _LOGIT)
    cached = run.samples * (run.read + run.written) * shape.layers * shape.key_values * size
    yield Part(f"keys and values of {run.samples} answers that are written at once", cached)


def adapters(shape: Shape, rank: int) -> float:
    """How many numbers adapters of this rank are on a model's linear layers, attention counted as four squares."""
    attention = 4 * 2 * shape.hidden
    perceptron = 3 * (shape.hidden + shape.inner)
    copies = max(shape.experts, 1)
    each = (
        perceptron if copies == 1 else 0
    )  # transformers keeps experts in one tensor, which has no linear layer
    return float(rank * shape.layers * (attention + each))


def total(run: Run) -> float:
    """In bytes."""
    return sum(part.bytes for part in parts(run))
