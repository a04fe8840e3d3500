"""Before the first step: whether these weights, this tokenizer and this template are those that the rows came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from llmi_agent.base.errors import InputError
from llmi_train.rows.row import Row, Segment
from llmi_train.trainer.pictures import shown
from llmi_transformers.eyes import Eyes

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.02}
"""Nats a token, mean of all: what another way to compute the same makes."""
_OF_ONE = 10
"""How much further from it the mean of a single row may be: it has few tokens."""


@dataclass(frozen=True)
class Probed:
    """What was found."""

    rows: int
    difference: float
    """Mean absolute difference of a token's logprob, in nats."""
    largest: float
    """That of the row in which it is largest."""


def check_rows(rows: Sequence[Row], model: Any) -> None:
    """What any model needs of them. Raises InputError, naming the episode."""
    config = model.config.get_text_config()
    vocabulary = model.get_input_embeddings().weight.shape[0]
    longest = getattr(config, "max_position_embeddings", None) or math.inf
    temperature = rows[0].segment.temperature
    for row in rows:
        _check_row(row.segment, vocabulary, longest, temperature)


def _check_row(segment: Segment, vocabulary: int, longest: float, temperature: float) -> None:
    lengths = {len(segment.completion), len(segment.logprobs), len(segment.mask)}
    if len(lengths) > 1 or not len(segment.completion) or not len(segment.prompt):
        raise InputError(
            f"the run {segment.episode} has {len(segment.prompt)} tokens of a prompt, {len(segment.completion)} that were "
            f"sampled and {len(segment.logprobs)} logprobs, which do not belong together"
        )
    sampled = segment.logprobs[segment.mask.astype(bool)]
    if not np.isfinite(sampled).all() or (sampled > 0).any():
        raise InputError(
            f"the run {segment.episode} has logprobs that are none: finite numbers, at most 0, are; collect it anew, or leave it "
            "out (--leave-out-bad)"
        )
    highest = max(int(segment.prompt.max()), int(segment.completion.max()))
    lowest = min(int(segment.prompt.min()), int(segment.completion.min()))
    if lowest < 0 or highest >= vocabulary:
        raise InputError(
            f"the run {segment.episode} has the token {lowest if lowest < 0 else highest}, and the model knows 0 to "
            f"{vocabulary - 1}: it was sampled by another model; name that one, or leave the run out"
        )
    if (length := len(segment.prompt) + len(segment.completion)) > longest:
        raise InputError(
            f"the run {segment.episode} has {length} tokens, and the model reads at most {longest:g}; leave it out "
            "(--longest)"
        )
    if segment.temperature != temperature or temperature <= 0:
        raise InputError(
            f"the run {segment.episode} was sampled at the temperature {segment.temperature:g}, and others at "
            f"{temperature:g}: a training has one, above 0 (--temperature)"
        )


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """So many of them, evenly from the first to the last; the same each time."""
    if len(rows) <= count:
        return list(rows)
    return [rows[n * len(rows) // count] for n in range(count)]


def check_weights(
    rows: Sequence[Row],
    model: Any,
    name: str,
    compute: torch.dtype,
    tolerance: float | None,
    eyes: Eyes | None = None,
    way: str = "Name the checkpoint that sampled them (--behaviour), or collect again with this one",
) -> Probed:
    """Work out the rows' logprobs again. Raises InputError if these weights did not sample them.

    model: in evaluation mode, on the device that it is trained on. tolerance: the mean difference that is let pass. eyes: what
    it is shown pictures with. way: what to do, as a sentence without its stop.
    """
    limit = TOLERANCE[compute] if tolerance is None else tolerance
    found = [_differences(row.segment, model, compute, eyes) for row in rows]
    means = [float(each.mean()) for each in found]
    mean = float(torch.cat(found).mean())
    worst = max(range(len(rows)), key=lambda n: means[n] if math.isfinite(means[n]) else math.inf)
    if not (mean <= limit and means[worst] <= limit * _OF_ONE):
        raise InputError(
            f"the weights in {name} did not sample these runs: over {len(rows)} rows their logprobs are {mean:.2g} nats a "
            f"token from those on record, and may be {limit:g}; most in the run {rows[worst].segment.episode} "
            f"({means[worst]:.2g}). {way}"
        )
    return Probed(len(rows), mean, means[worst])


def _differences(
    segment: Segment, model: Any, compute: torch.dtype, eyes: Eyes | None
) -> torch.Tensor:
    """Of each trained token: how far its logprob is from the one on record."""
    device = model.device
    ids = torch.tensor([[*segment.prompt.tolist(), *segment.completion.tolist()]], device=device)
    read, pixels = shown(eyes, [segment.pictures], ids, len(segment.prompt))
    with torch.no_grad(), torch.autocast(device.type, compute, enabled=compute != torch.float32):
        logits = model(input_ids=read, **pixels, logits_to_keep=len(segment.completion) + 1).logits
    scores = logits[0, :-1].float() / segment.temperature
    logps = scores.log_softmax(-1).gather(1, ids[0, -len(segment.completion) :, None])[:, 0].cpu()
    kept = torch.from_numpy(segment.mask.astype(bool))
    return (logps - torch.from_numpy(segment.logprobs))[kept].abs()
