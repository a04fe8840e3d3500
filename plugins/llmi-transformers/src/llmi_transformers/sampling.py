"""How the next token is drawn: what an answer is asked with, and the draw for all rows of a batch at once. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_AHEAD = 128
"""Numbers that are drawn at once."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is sampled."""

    temperature: float = 1.0
    """0: always the likeliest token."""
    top_p: float = 1.0
    top_k: int = 0
    """0 is off."""
    min_p: float = 0.0
    seed: int | None = None
    """None: another answer each time."""

    @property
    def truncated(self) -> bool:
        """Not every token can be drawn."""
        return self.top_p < 1 or self.top_k > 0 or self.min_p > 0


class Chance:
    """The numbers from 0 up to 1 that one answer draws, one a token, whatever else is in its batch.

    prompt: what it answers. Members of different groups have the same seed; were their numbers the same, too, all prompts
    would be answered by the same few throws of the dice.
    """

    def __init__(self, seed: int | None, prompt: Sequence[int] = ()) -> None:
        self._generator = np.random.default_rng(None if seed is None else [abs(seed), *prompt])
        self._ahead: list[float] = []

    def next(self) -> float:
        """The next one."""
        if not self._ahead:
            self._ahead = self._generator.random(_AHEAD)[::-1].tolist()
        return self._ahead.pop()


class Drawing:
    """Draws for rows that stay the same from token to token."""

    def __init__(self, rows: Sequence[Sampling], device: torch.device) -> None:
        def column(values: Sequence[float], dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device).unsqueeze(1)

        temperatures = [each.temperature for each in rows]
        self._plain = set(temperatures) == {1.0}
        self._temperature = column([each or 1.0 for each in temperatures])
        self._greedy = column([not each for each in temperatures], torch.bool)[:, 0]
        self._any_greedy = 0 in temperatures
        self._truncated = any(each.truncated for each in rows)
        if self._truncated:
            self._top_k = column([each.top_k or 1 << 30 for each in rows], torch.int64)
            self._top_p = column([each.top_p for each in rows])
            self._min_p = column([each.min_p for each in rows])

    def draw(self, logits: Tensor, chances: Sequence[float]) -> tuple[list[int], list[float]]:
        """A token of each row, and its logprob under what it was drawn from. logits: (rows, vocabulary)."""
        scaled = logits.float() if self._plain else logits.float() / self._temperature
        if self._truncated:
            scaled = self._cut(scaled)
        logprobs = scaled.log_softmax(-1)
        heights = logprobs.double().exp_().cumsum_(-1)
        numbers = torch.tensor(chances, dtype=torch.float64, device=logits.device).unsqueeze(1)
        drawn = torch.searchsorted(heights, numbers * heights[:, -1:], right=True)
        drawn = drawn.clamp_(max=logits.shape[-1] - 1)
        own = logprobs.gather(1, drawn)[:, 0]
        if self._any_greedy:
            drawn[:, 0] = torch.where(self._greedy, logits.argmax(-1), drawn[:, 0])
            own = own.masked_fill(self._greedy, 0.0)
        return drawn[:, 0].tolist(), own.tolist()

    def _cut(self, scaled: Tensor) -> Tensor:
        """Without the tokens that top-k, top-p (of those that top-k leaves) and min-p rule out."""
        values, order = scaled.sort(dim=-1, descending=True, stable=True)
        ranks = torch.arange(values.shape[-1], device=values.device)
        values = values.masked_fill(ranks >= self._top_k, -torch.inf)
        shares = values.double().softmax(-1)
        out = (shares.cumsum(-1) - shares >= self._top_p) | (shares < self._min_p * shares[:, :1])
        out[:, 0] = False
        return torch.full_like(scaled, -torch.inf).scatter(
            1, order, values.masked_fill(out, -torch.inf)
        )
