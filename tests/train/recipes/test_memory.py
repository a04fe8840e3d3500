"""The memory that is reckoned, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmi_train.recipes import memory
from llmi_train.recipes.checkpoint import Shape

SHAPE = Shape(4e9, hidden=2560, layers=36, vocabulary=151_936, inner=9728, key_values=2048)
RUN = memory.Run(
    SHAPE,
    "fsdp2",
    8,
    rows_at_once=1,
    read=8192,
    written=24_576,
    half=True,
    lora=None,
    recompute=True,
)


def found(run: memory.Run) -> dict[str, float]:
    return {part.what: part.bytes / memory.GB for part in memory.parts(run)}


def test_what_is_trained_takes_sixteen_bytes_and_is_divided() -> None:
    what = "weights, gradients and optimizer in float32"
    assert found(RUN)[what] == pytest.approx(4e9 * 16 / 8 / 1e9)
    alone = found(replace(RUN, strategy="one", processes=1))
    assert alone[what] == pytest.approx(64)
    assert alone["weights in bfloat16, while they are used"] == pytest.approx(8)
    together = found(replace(RUN, strategy="ddp"))
    assert together[what] == pytest.approx(64)
    assert together["gradients on their way between processes"] == pytest.approx(16)


def test_logits_grow_with_answers_and_vocabulary() -> None:
    assert found(RUN)["logits"] == pytest.approx(24_576 * 151_936 * 8 / 1e9)
    assert found(replace(RUN, rows_at_once=2))["logits"] == pytest.approx(2 * found(RUN)["logits"])


def test_adapters_leave_the_weights_as_they_are() -> None:
    lora = found(replace(RUN, strategy="one", processes=1, lora=32))
    assert lora["weights, which stay as they are"] == pytest.approx(8)
    assert lora["adapters, their gradients and their optimizer"] == pytest.approx(
        16 * 32 * 36 * (8 * 2560 + 3 * (2560 + 9728)) / 1e9
    )


def test_who_samples_keeps_keys_and_values() -> None:
    own = found(replace(RUN, samples=8))["keys and values of 8 answers that are written at once"]
    assert own == pytest.approx(8 * 32_768 * 36 * 2048 * 2 / 1e9)
    assert memory.total(replace(RUN, samples=8)) == pytest.approx(memory.total(RUN) + own * 1e9)


@pytest.mark.parametrize(("half", "lora", "peak"), [(False, None, 6.12), (True, 16, 4.63)])
def test_it_is_not_far_from_two_peaks_that_were_measured(
    half: bool, lora: int | None, peak: float
) -> None:
    """Of the shape of SmolLM2-135M, four rows of 256 and 256 tokens, on a CPU."""
    shape = Shape(134.5e6, hidden=576, layers=30, vocabulary=49_152, inner=1536, key_values=384)
    run = memory.Run(shape, "one", 1, 4, 256, 256, half, lora, recompute=False)
    assert memory.total(run) / memory.GB == pytest.approx(peak, rel=0.1)


def test_recomputing_keeps_less() -> None:
    assert memory.total(RUN) < memory.total(replace(RUN, recompute=False))
