"""A tiny checkpoint that sees, and rows that it sampled: with no picture, one, or two of any size."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llmi_agent.testing import random_png
from llmi_train.rows.pictures import Gallery, Picture
from llmi_train.rows.row import Row, Segment
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.pictures import shown
from llmi_transformers.testing_seeing import tiny_seeing_checkpoint

PNGS = [random_png(20, 12, 1), random_png(40, 30, 2), random_png(9, 33, 3)]


def checkpoint(out: Path, family: str = "qwen2_5_vl") -> Path:
    return tiny_seeing_checkpoint(out, family=family)


def asked(text: str, *pngs: bytes) -> list[dict[str, Any]]:
    urls = [f"data:image/png;base64,{base64.b64encode(each).decode()}" for each in pngs]
    parts = [{"type": "image_url", "image_url": {"url": each}} for each in urls]
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]


class Hung(Gallery):
    """Filled by hand."""

    def __init__(self, pngs: Sequence[bytes]) -> None:
        self._data = {str(n): each for n, each in enumerate(pngs)}

    def read(self, digest: str) -> bytes:
        return self._data[digest]


def forward(loaded: Loaded, model: Any, row: Row) -> torch.Tensor:
    """Logits over the whole row, by itself."""
    own = row.segment
    ids = torch.tensor([[*own.prompt, *own.completion]])
    read, pixels = shown(loaded.eyes, [own.pictures], ids, len(own.prompt))
    logits: torch.Tensor = model(input_ids=read, **pixels).logits
    return logits


def rows(loaded: Loaded, seed: int = 0, pngs: Sequence[bytes] = PNGS) -> list[Row]:
    """Three groups of four: of one picture, of two, of none. One answer ends with the mark of a picture."""
    draw, gallery = np.random.default_rng(seed), Hung(pngs)
    assert loaded.eyes
    made: list[Row] = []
    for group, numbers in enumerate([(0,), (1, 2), ()]):
        prompt = loaded.eyes.prompt(asked(f"fox {group}", *(pngs[n] for n in numbers)), {})
        pictures = tuple(Picture(str(n), gallery) for n in numbers)
        for member in range(4):
            length = int(draw.integers(3, 12))
            completion = draw.integers(20, 250, length)
            completion[-1] = 0
            if (group, member) == (0, 1):
                completion[-1] = min(loaded.eyes.placeholders)
            segment = Segment(
                episode=f"g{group}m{member}", number=0, calls=("c",), purpose="draft",
                prompt=np.array(prompt.ids), completion=completion, logprobs=np.zeros(length, np.float32),
                mask=np.ones(length, np.int8), pictures=pictures,
            )  # fmt: skip
            row = Row(segment, np.full(length, draw.normal(), np.float32), f"g{group}", 0.5)
            made.append(_sampled(loaded, row))
    return made


def _sampled(loaded: Loaded, row: Row) -> Row:
    own = row.segment
    with torch.no_grad():
        logps = forward(loaded, loaded.model, row)[0, :-1].float().log_softmax(-1)
    ids = torch.tensor(own.completion)
    found = logps[-len(ids) :].gather(1, ids[:, None])[:, 0].numpy()
    return replace(row, segment=replace(own, logprobs=found))
