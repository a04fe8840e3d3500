"""The answers that are being written, as the rows of one batch, with their keys and values. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from llmi_transformers.loading import Loaded
from llmi_transformers.sampling import Chance, Drawing, Sampling

_PREFILL = 8192
"""Tokens of prompts, with their padding, that are read at once."""
_LOOSE = 8
"""Rows that have ended stay until they are more than one in so many: to take them out moves all others."""


@dataclass(eq=False)
class Row:
    """An answer that is being written."""

    prompt: tuple[int, ...]
    sampling: Sampling
    most: int
    """Tokens that it may have."""
    ends: frozenset[int]
    stops: tuple[str, ...] = ()
    """Strings before which its text ends."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = ""
    """`stop` or `length`; empty while it is written."""
    dropped: bool = False
    """Nobody wants it any more."""

    def __post_init__(self) -> None:
        self.chance = Chance(self.sampling.seed, self.prompt)

    @property
    def alive(self) -> bool:
        return not (self.finish or self.dropped)

    def take(self, token: int, logprob: float) -> None:
        """Its next token."""
        self.ids.append(token)
        self.logprobs.append(min(logprob, 0.0))
        if token in self.ends:
            self.finish = "stop"
        elif len(self.ids) >= self.most:
            self.finish = "length"


class Batch:
    """Rows begin and end at any time. Prompts are padded on the left."""

    def __init__(self, loaded: Loaded) -> None:
        self.rows: list[Row] = []
        self._loaded = loaded
        self._cache: Any = None
        self._mask: Tensor = torch.empty(0)
        """1 for what a row reads. Shape (rows, tokens so far)."""
        self._drawing: Drawing

    @property
    def alive(self) -> int:
        """Rows that are being written."""
        return sum(each.alive for each in self.rows)

    def join(self, rows: Sequence[Row]) -> None:
        """Read their prompts, each once, and write their first tokens."""
        self._settle()
        for some in _portions(rows):
            prompts = list(dict.fromkeys(each.prompt for each in some))
            cache, mask, logits = self._read(prompts)
            places = torch.tensor([prompts.index(each.prompt) for each in some], device=mask.device)
            if len(prompts) < len(some):
                _map(cache, lambda held, at=places: held[at])
            self._take(some, logits[places], Drawing([e.sampling for e in some], mask.device))
            self._add(some, cache, mask[places])
        self._settle()

    def step(self) -> None:
        """Write the next token of each."""
        device = self._mask.device
        last = torch.tensor([[each.ids[-1]] for each in self.rows], device=device)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        logits = self._forward(last, self._mask, self._cache)
        self._take(self.rows, logits, self._drawing)
        if (ended := len(self.rows) - self.alive) and ended * _LOOSE >= len(self.rows):
            self._settle()

    def _take(self, rows: Sequence[Row], logits: Tensor, drawing: Drawing) -> None:
        tokens, logprobs = drawing.draw(logits, [each.chance.next() for each in rows])
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            if row.alive:
                row.take(token, logprob)

    def _read(self, prompts: Sequence[tuple[int, ...]]) -> tuple[Any, Tensor, Tensor]:
        """Their keys and values, their mask, and the logits after each."""
        longest = max(map(len, prompts))
        padded = [[0] * (longest - len(each)) + [*each] for each in prompts]
        ids = torch.tensor(padded, device=self._loaded.device)
        lengths = torch.tensor([[len(each)] for each in prompts], device=ids.device)
        mask = (torch.arange(longest, device=ids.device) >= longest - lengths).long()
        cache = DynamicCache()
        return cache, mask, self._forward(ids, mask, cache)

    def _forward(self, ids: Tensor, mask: Tensor, cache: Any) -> Tensor:
        """The logits after the last token of each row."""
        loaded = self._loaded
        given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": True}
        given["cache" if "cache" in loaded.takes else "past_key_values"] = cache
        if "position_ids" in loaded.takes:
            given["position_ids"] = (mask.cumsum(1) - 1).clamp_(min=0)[:, -ids.shape[1] :]
        if "logits_to_keep" in loaded.takes:
            given["logits_to_keep"] = 1
        logits: Tensor = loaded.model(**given).logits[:, -1]
        return logits

    def _add(self, rows: Sequence[Row], cache: Any, mask: Tensor) -> None:
        if not self.rows:
            self.rows, self._cache, self._mask = [*rows], cache, mask
            return
        length = max(mask.shape[1], self._mask.shape[1])
        for mine, other in zip(_held(self._cache), _held(cache), strict=True):
            mine.keys = torch.cat([_padded(mine.keys, length), _padded(other.keys, length)])
            mine.values = torch.cat([_padded(mine.values, length), _padded(other.values, length)])
        short = [
            torch.nn.functional.pad(each, (length - each.shape[1], 0))
            for each in (self._mask, mask)
        ]
        self._mask = torch.cat(short)
        self.rows += rows

    def _settle(self) -> None:
        """Take out the rows that have ended, and the padding that no other needs."""
        kept = [number for number, each in enumerate(self.rows) if each.alive]
        self.rows = [self.rows[each] for each in kept]
        if not self.rows:
            self._cache = None
            return
        places = torch.tensor(kept, device=self._mask.device)
        mask = self._mask[places]
        start = int(mask.any(0).int().argmax())
        self._mask = mask[:, start:]
        _map(self._cache, lambda held: held[places][:, :, start:])
        self._drawing = Drawing([each.sampling for each in self.rows], mask.device)


def _portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Those whose prompts are about as long come together, so that little is padded."""
    waiting = sorted(rows, key=lambda each: len(each.prompt))
    while waiting:
        count = max(1, _PREFILL // len(waiting[-1].prompt))
        some, waiting = waiting[-count:], waiting[:-count]
        yield some


def _held(cache: Any) -> list[Any]:
    """The layers that have keys and values of their own."""
    return [each for each in cache.layers if each.is_initialized]


def _map(cache: Any, change: Any) -> None:
    for each in _held(cache):
        each.keys, each.values = change(each.keys), change(each.values)


def _padded(held: Tensor, length: int) -> Tensor:
    """Keys or values, (rows, heads, tokens, size), with as many tokens, on the left."""
    return torch.nn.functional.pad(held, (0, 0, length - held.shape[2], 0))
