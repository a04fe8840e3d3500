"""Pictures in the loss: what each row was shown goes with it, whatever batch it is in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from llmi_agent.base.errors import InputError
from llmi_agent.document.messages import reference as referring
from llmi_agent.testing import random_png as png
from llmi_train.rows.row import Row
from llmi_train.rows.schedule import schedule
from llmi_train.trainer.loading import load
from llmi_train.trainer.losses import Offline
from llmi_train.trainer.origin import check_origin
from llmi_train.trainer.pictures import check_pictures
from llmi_train.trainer.probe import check_weights

from .seeing import PNGS, Hung, checkpoint, forward, rows
from .test_offline import Compare, Noting, Step, assert_equal, norm, reference
from .tiny import checkpoint as blind_checkpoint, stale

FAMILIES = ["qwen2_5_vl", "llava", "idefics3"]


class Looking:
    """A model that finds out by its ids which row it reads, and looks at its pictures."""

    def __init__(self, loaded: Any, model: Any, some: Sequence[Row]) -> None:
        self._loaded, self._model = loaded, model
        self._rows = {(*each.segment.prompt, *each.segment.completion): each for each in some}

    def __call__(self, ids: torch.Tensor) -> Any:
        row = self._rows[tuple(ids[0].tolist())]
        logits = forward(self._loaded, self._model, row)
        return type("Output", (), {"logits": logits})


class CompareSeen(Compare):
    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        size = self._settings.step_rows
        some = self._flat[state.global_step * size : (state.global_step + 1) * size]
        other = load(str(self._base))
        other.model.load_state_dict(model.state_dict())
        looking = Looking(other, other.model, some)
        longest = self.trainer.max_completion_length
        wanted = reference(looking, some, self._settings.loss, longest)
        wanted.backward()
        loss = self.trainer.losses.pop(state.global_step)
        self.steps[state.global_step] = Step(
            loss, seen_norm(model), float(wanted.detach()), seen_norm(other.model)
        )


def seen_norm(model: Any) -> float:
    for each in model.parameters():
        if each.grad is None:
            each.grad = torch.zeros_like(each)
    return norm(model)


def compared(made: Sequence[Row], base: Path, out: Path, settings: Offline) -> list[Step]:
    flat = schedule(made, settings.step_rows, settings.epochs, settings.seed)
    compare = CompareSeen(flat, settings, base)
    trainer = Noting(flat, load(str(base)), settings, out, lambda step, figures: None)
    trainer.losses, compare.trainer = {}, trainer
    trainer.add_callback(compare)
    trainer.train()
    return [compare.steps[n] for n in sorted(compare.steps)]


@pytest.fixture(scope="module", params=FAMILIES)
def base(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp(request.param), request.param)


@pytest.mark.parametrize("at_once", [1, 4])
def test_loss_and_gradient_are_those_of_each_row_with_its_own_pictures(
    at_once: int, base: Path, tmp_path: Path
) -> None:
    """Rows with one picture, two and none go through the model together; the last step is filled up."""
    made = stale(rows(load(str(base))))
    settings = Offline(step_rows=8, rows_at_once=at_once, lr=1e-2, warmup=0, clip=0)
    steps = compared(made, base, tmp_path / "out", settings)
    assert len(steps) == 2
    assert_equal(steps, 1e-4)


def test_another_picture_is_another_loss(base: Path, tmp_path: Path) -> None:
    made = rows(load(str(base)))[:4]
    other = rows(load(str(base)), pngs=[_negative(PNGS[0]), *PNGS[1:]])[:4]
    assert all(
        (a.segment.prompt == b.segment.prompt).all() for a, b in zip(made, other, strict=True)
    )
    swapped = [
        replace(a, segment=replace(a.segment, pictures=b.segment.pictures))
        for a, b in zip(made, other, strict=True)
    ]
    settings = Offline(step_rows=4, rows_at_once=2, clip=0)
    (own,) = compared(made, base, tmp_path / "own", settings)
    (changed,) = compared(swapped, base, tmp_path / "changed", settings)
    assert abs(own.loss - changed.loss) > 1e-3
    assert abs(own.norm - changed.norm) > 1e-3


def _negative(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        ImageOps.invert(image.convert("RGB")).save(out, "PNG")
    return out.getvalue()


def test_weights_are_probed_with_the_pictures(base: Path) -> None:
    loaded = load(str(base))
    made = rows(loaded)
    found = check_weights(made, loaded.model, "own", torch.float32, None, loaded.eyes)
    assert found.difference < 1e-5
    check_pictures([each.segment for each in made], loaded.eyes)


def test_pictures_that_do_not_fit_what_was_read_are_refused(tmp_path: Path) -> None:
    loaded = load(str(checkpoint(tmp_path / "sees")))
    made = rows(loaded)
    own = made[0].segment
    with pytest.raises(InputError, match=r"the run g0m0 read .* in the place of 2 pictures"):
        check_pictures([replace(own, pictures=made[4].segment.pictures)], loaded.eyes)
    with pytest.raises(InputError, match="in the place of 0 pictures, of which this model makes 0"):
        check_pictures([replace(own, pictures=())], loaded.eyes)
    assert loaded.eyes
    went_on = np.array([min(loaded.eyes.placeholders), 30])
    with pytest.raises(InputError, match="wrote the mark of a picture and went on"):
        check_pictures([replace(own, completion=went_on)], loaded.eyes)
    with pytest.raises(InputError, match="this model is shown none"):
        check_pictures([own], load(str(blind_checkpoint(tmp_path / "blind"))).eyes)


def test_a_prompt_is_rendered_again_with_the_pictures_that_are_on_record(base: Path) -> None:
    """As calls have them: by their digests. With a picture of another size it would have been another prompt."""
    loaded = load(str(base))
    row = rows(loaded)[4]
    pictures = row.segment.pictures
    parts = [referring(each.digest, "image/png") for each in pictures]
    message = {"type": "human", "data": {"content": [{"type": "text", "text": "fox 1"}, *parts]}}
    call = SimpleNamespace(messages=(message,), raw="", reasoning="", withheld=False, sampling={})

    def look(_: Row) -> Any:
        return (SimpleNamespace(call=call, start=0, end=len(row.segment.completion)),)

    check_origin([row], look, loaded.tokenizer, {}, loaded.eyes)
    others = Hung([PNGS[0], png(90, 10), PNGS[2]])
    shown = tuple(replace(each, gallery=others) for each in pictures)
    changed = replace(row, segment=replace(row.segment, pictures=shown))
    if base.name.startswith("llava"):  # makes all pictures of one size
        return
    with pytest.raises(InputError, match="was asked through another chat template"):
        check_origin([changed], look, loaded.tokenizer, {}, loaded.eyes)
