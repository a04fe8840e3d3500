"""What rows were shown reaches the model with their tokens.

TRL makes pixels of the pictures of a data set, by the prompts that it renders itself, and passes those that it knows on to the
model. Here pictures are those on record, of rows that are on record token by token; they are read when their rows go
through the model, whatever the model takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from llmi_agent.base.errors import InputError
from llmi_agent.contract import PolicyFailed
from llmi_train.rows.pictures import Picture
from llmi_train.rows.row import Ids, Row, Segment
from llmi_transformers.eyes import Eyes, Pixels


class Fit:
    """Whether prompts have the tokens that their pictures are read as."""

    def __init__(self, eyes: Eyes | None) -> None:
        """eyes: what the model is shown pictures with."""
        self._eyes = eyes
        self._known: dict[tuple[Picture, ...], int] = {(): 0}
        """Of how many tokens."""

    def lack(self, prompt: Ids, completion: Ids, pictures: tuple[Picture, ...]) -> str:
        """What does not fit, in a clause; empty if all does."""
        if self._eyes is None:
            return "was asked with pictures, and this model is shown none" if pictures else ""
        try:
            wanted = self._tokens(pictures, self._eyes)
        except PolicyFailed as error:
            return f"was asked with pictures that this model cannot be shown ({error})"
        marks = sorted(self._eyes.placeholders)
        read = int(np.isin(prompt, marks).sum())
        if read != wanted:
            return f"read {read} tokens in the place of {len(pictures)} pictures, of which this model makes {wanted}"
        if np.isin(completion[:-1], marks).any():
            return "wrote the mark of a picture and went on after it, which this model would read as a picture"
        return ""

    def _tokens(self, pictures: tuple[Picture, ...], eyes: Eyes) -> int:
        if pictures not in self._known:
            self._known[pictures] = eyes.pixels([each.read() for each in pictures])[1]
        return self._known[pictures]


def check_pictures(segments: Iterable[Segment], eyes: Eyes | None) -> None:
    """Raises InputError, naming the first run whose prompt does not fit its pictures."""
    fit = Fit(eyes)
    for each in segments:
        if lack := fit.lack(each.prompt, each.completion, each.pictures):
            raise InputError(
                f"the run {each.episode} {lack}; take the model that sampled it, or leave it out (--leave-out-bad)"
            )


def _pixels(pictures: Sequence[Picture], eyes: Eyes) -> Pixels:
    return eyes.pixels([each.read() for each in pictures])[0] if pictures else {}


def shown(
    eyes: Eyes | None, pictures: Sequence[Sequence[Picture]], ids: torch.Tensor, read: int
) -> tuple[torch.Tensor, Pixels]:
    """What the model reads of a batch, and what it sees.

    pictures: of each row. ids: (rows, tokens), of which the first `read` are prompts. A row may end with the mark of a picture
    that it wrote, which is none: something else stands there, and nothing is read after it.
    """
    if eyes is None:
        return ids, {}
    marks = torch.tensor(sorted(eyes.placeholders), device=ids.device)
    tail = ids[:, read:]
    ids = torch.cat([ids[:, :read], tail.masked_fill(torch.isin(tail, marks), 0)], dim=1)
    if not any(pictures):
        return ids, {}
    found = eyes.merged([_pixels(each, eyes) for each in pictures])
    return ids, {name: each.to(ids.device) for name, each in found.items()} | eyes.types(ids)


class Sees:
    """Mixed into TRL's GRPO trainer: what rows were shown goes with them to the model."""

    _eyes: Eyes | None = None
    _batch: Sequence[Row]
    """Of the step; `number` in its tensors is a row's place in it."""
    _now: Sequence[Row] = ()
    """Those that the loss is being computed of."""

    def _look_through(self, eyes: Eyes | None) -> None:
        self._eyes = eyes
        args: Any = self.args  # type: ignore[attr-defined]
        if eyes and args.ddp_find_unused_parameters is None:
            args.ddp_find_unused_parameters = (
                True  # a batch of text leaves the part that sees without gradients
            )

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        self._now = [self._batch[number] for number in inputs["number"].tolist()]
        try:
            return super()._compute_loss(model, inputs)  # type: ignore[misc]
        finally:
            self._now = ()

    def _get_per_token_logps_and_entropies(
        self, model: Any, ids: torch.Tensor, mask: torch.Tensor, keep: int, *args: Any, **given: Any
    ) -> Any:
        """As TRL's, which makes the labels itself, of the ids as they are."""
        if self._eyes and self._now:
            pictures = [each.segment.pictures for each in self._now]
            model = _showing(model, *shown(self._eyes, pictures, ids, ids.shape[1] - keep))
        return super()._get_per_token_logps_and_entropies(model, ids, mask, keep, *args, **given)  # type: ignore[misc]


def _showing(model: Any, ids: torch.Tensor, pixels: Pixels) -> Callable[..., Any]:
    def forward(**given: Any) -> Any:
        return model(**{**given, "input_ids": ids}, **pixels)

    return forward
