"""The answers that are being written, as the rows of one batch, with their keys and values. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from llmi_transformers.eyes import Pixels, digest_of
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
    pictures: tuple[bytes, ...] = ()
    """The files of those that its prompt shows."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = ""
    """`stop` or `length`; empty while it is written."""
    dropped: bool = False
    """Nobody wants it any more."""

    def __post_init__(self) -> None:
        self.shown = digest_of(self.pictures)
        """A digest of its pictures."""
        self.chance = Chance(self.sampling.seed, (*self.prompt, *self.shown))

    @property
    def read(self) -> tuple[tuple[int, ...], bytes]:
        """The same for rows that read the same."""
        return self.prompt, self.shown

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
        self._shift: Tensor = torch.empty(0)
        """How far a row's places are from counting its tokens: pictures take fewer or more. Shape (rows, 1)."""
        self._drawing: Drawing

    @property
    def alive(self) -> int:
        """Rows that are being written."""
        return sum(each.alive for each in self.rows)

    def join(self, rows: Sequence[Row]) -> None:
        """Read their prompts, each once, and write their first tokens."""
        self._settle()
        for some in _portions(rows):
            read = {each.read: each for each in some}
            cache, mask, shift, logits = self._read([*read.values()])
            numbers = {key: number for number, key in enumerate(read)}
            places = torch.tensor([numbers[each.read] for each in some], device=mask.device)
            if len(read) < len(some):
                _map(cache, lambda held, at=places: held[at])
            self._take(some, logits[places], Drawing([e.sampling for e in some], mask.device))
            self._add(some, cache, mask[places], shift[places])
        self._settle()

    def step(self) -> None:
        """Write the next token of each."""
        device = self._mask.device
        last = torch.tensor([[each.ids[-1]] for each in self.rows], device=device)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        logits = self._forward(last, self._mask, self._places(1), self._cache)
        self._take(self.rows, logits, self._drawing)
        if (ended := len(self.rows) - self.alive) and ended * _LOOSE >= len(self.rows):
            self._settle()

    def _take(self, rows: Sequence[Row], logits: Tensor, drawing: Drawing) -> None:
        tokens, logprobs = drawing.draw(logits, [each.chance.next() for each in rows])
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            if row.alive:
                row.take(token, logprob)

    def _read(self, rows: Sequence[Row]) -> tuple[Any, Tensor, Tensor, Tensor]:
        """Their keys and values, their mask, the shift of their places, and the logits after each. Of rows with pictures one."""
        prompts = [each.prompt for each in rows]
        longest = max(map(len, prompts))
        padded = [[0] * (longest - len(each)) + [*each] for each in prompts]
        ids = torch.tensor(padded, device=self._loaded.device)
        lengths = torch.tensor([[len(each)] for each in prompts], device=ids.device)
        mask = (torch.arange(longest, device=ids.device) >= longest - lengths).long()
        places = (mask.cumsum(1) - 1).clamp_(min=0)
        shift, cache = torch.zeros_like(lengths), DynamicCache()
        pixels: Pixels = {}
        if rows[0].pictures:
            pixels = self._pixels(rows[0].pictures, ids)
            spatial = self._loaded.places(ids, mask, pixels)
            if spatial is not None:
                places, shift = spatial, spatial.amax((0, 2))[:, None] + 1 - longest
        return cache, mask, shift, self._forward(ids, mask, places, cache, pixels)

    def _pixels(self, pictures: Sequence[bytes], ids: Tensor) -> Pixels:
        eyes = self._loaded.eyes
        assert eyes
        found, _ = eyes.pixels(pictures)
        dtype = self._loaded.model.dtype
        shown = {
            name: each.to(ids.device, dtype if each.is_floating_point() else None)
            for name, each in found.items()
        }
        return shown | eyes.types(ids)

    def _places(self, last: int) -> Tensor:
        """Of the last tokens of each row."""
        return (self._mask.cumsum(1) - 1).clamp_(min=0)[:, -last:] + self._shift

    def _forward(
        self, ids: Tensor, mask: Tensor, places: Tensor, cache: Any, pixels: Pixels | None = None
    ) -> Tensor:
        """The logits after the last token of each row."""
        loaded = self._loaded
        given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": True}
        given["cache" if "cache" in loaded.takes else "past_key_values"] = cache
        if "position_ids" in loaded.takes:
            given["position_ids"] = (
                places.expand(3, *places.shape) if loaded.spatial and places.ndim == 2 else places
            )
        if "logits_to_keep" in loaded.takes:
            given["logits_to_keep"] = 1
        logits: Tensor = loaded.model(**given, **(pixels or {})).logits[:, -1]
        return logits

    def _add(self, rows: Sequence[Row], cache: Any, mask: Tensor, shift: Tensor) -> None:
        if not self.rows:
            self.rows, self._cache, self._mask, self._shift = [*rows], cache, mask, shift
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
        self._shift = torch.cat([self._shift, shift])
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
        self._shift = self._shift[places]
        _map(self._cache, lambda held: held[places][:, :, start:])
        self._drawing = Drawing([each.sampling for each in self.rows], mask.device)


def _portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Those whose prompts are about as long come together, so that little is padded; those with pictures by what they show."""
    seeing: dict[object, list[Row]] = {}
    for each in rows:
        if each.pictures:
            seeing.setdefault(each.read, []).append(each)
    yield from seeing.values()
    waiting = sorted((e for e in rows if not e.pictures), key=lambda each: len(each.prompt))
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
