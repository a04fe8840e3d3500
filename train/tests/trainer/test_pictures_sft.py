"""Fine-tuning on answers to pictures: what a prompt shows reaches the model with it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer, Ids
from llmi_train.preferences.reading import Examples
from llmi_train.rows.row import Row
from llmi_train.trainer.fitting import UNSEEN, UNSHOWN, fitted
from llmi_train.trainer.learning import Course, Outcome, learn
from llmi_train.trainer.loading import load
from llmi_train.trainer.settings import Settings
from llmi_train.trainer.sft import SFT, row_of as sft_row
from llmi_train.trainer.templated import Templated

from .seeing import PNGS, Hung, asked, checkpoint, forward, rows
from .tiny import checkpoint as blind_checkpoint


@pytest.fixture(scope="module", params=["qwen2_5_vl", "idefics3"])
def base(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp(request.param), request.param)


def sampled(made: Sequence[Row]) -> list[Answer]:
    """With ids, as they are on record."""
    return [
        Answer(
            where=f"the run {each.segment.episode}",
            ids=Ids(each.segment.prompt, each.segment.completion),
            pictures=each.segment.pictures,
            episode=each.segment.episode,
        )
        for each in made
        if each.segment.completion[-1] == 0
    ]


def learnt(answers: Sequence[Answer], base: Path, out: Path) -> Outcome:
    settings = Settings(step_rows=len(answers), rows_at_once=4, lr=1e-2, warmup=0, clip=0)
    found = Examples[Answer](taken=list(answers))
    return learn(SFT, found, str(base), out, settings, Course(epochs=1))


def test_the_loss_is_that_of_each_answer_to_its_own_pictures(base: Path, tmp_path: Path) -> None:
    """Answers to one picture, two and none, together."""
    loaded = load(str(base))
    made = [each for each in rows(loaded) if each.segment.completion[-1] == 0][:8]
    total = count = 0.0
    for each in made:
        with torch.no_grad():
            logps = forward(loaded, loaded.model, each)[0, :-1].float().log_softmax(-1)
        ids = torch.tensor(each.segment.completion)
        total -= float(logps[-len(ids) :].gather(1, ids[:, None]).sum())
        count += len(ids)
    done = learnt(sampled(made), base, tmp_path / "out")
    assert done.steps == 1
    assert done.figures["loss"] == pytest.approx(total / count, rel=1e-4)
    assert load(str(tmp_path / "out")).eyes, "what was trained sees, too"
    others = Hung([PNGS[0], _turned(PNGS[1]), PNGS[2]])
    swapped = [
        replace(each, pictures=tuple(replace(p, gallery=others) for p in each.pictures))
        for each in sampled(made)
    ]
    changed = learnt(swapped, base, tmp_path / "changed")
    assert abs(changed.figures["loss"] - done.figures["loss"]) > 1e-4


def _turned(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.rotate(180).save(out, "PNG")
    return out.getvalue()


def test_what_was_written_is_learnt_through_the_template_with_its_pictures(base: Path) -> None:
    loaded = load(str(base))
    pictures = rows(loaded)[4].segment.pictures
    messages = asked("fox 1", *(each.read() for each in pictures))
    shown = [{"type": "text", "text": "fox 1"}, *({"type": "image"} for _ in pictures)]
    answer = Answer(
        where="the run a",
        prompt=({"role": "user", "content": shown},),
        completion={"role": "assistant", "content": "Foxes."},
        pictures=pictures,
    )
    templated = Templated(loaded.tokenizer, {loaded.tokenizer.eos_token_id}, {}, loaded.eyes)
    ids = templated.of(answer)
    assert loaded.eyes
    assert ids.prompt.tolist() == list(loaded.eyes.prompt(messages, {}).ids)
    assert loaded.tokenizer.decode(ids.completion, skip_special_tokens=True) == "Foxes."


def test_an_answer_whose_ids_do_not_fit_its_pictures_is_refused_or_left_out(base: Path) -> None:
    loaded = load(str(base))
    good, bad = (
        each for each in sampled(rows(loaded)) if each.where in ("the run g0m0", "the run g0m2")
    )
    bad = replace(bad, pictures=())
    templated = Templated(loaded.tokenizer, {0}, {}, loaded.eyes)
    with pytest.raises(InputError, match=f"because of {UNSEEN}: the run g0m2"):
        fitted([good, bad], sft_row, templated, loaded.model, None, leave_out_bad=False)
    found = fitted([good, bad], sft_row, templated, loaded.model, None, leave_out_bad=True)
    assert (len(found.rows), found.left_out[UNSEEN]) == (1, 1)


def test_a_picture_that_cannot_be_shown_is_refused_or_left_out_with_its_example(base: Path) -> None:
    loaded = load(str(base))
    seen = rows(loaded)[4].segment.pictures[:1]
    good, bad = (
        Answer(
            where=where,
            prompt=({"role": "user", "content": [{"type": "image"}]},),
            completion={"role": "assistant", "content": "Foxes."},
            pictures=(replace(seen[0], digest=digest, gallery=gallery),),
        )
        for where, digest, gallery in (
            ("line 1", seen[0].digest, seen[0].gallery),
            ("line 2", "1", Hung([b"", b"no picture"])),
        )
    )
    templated = Templated(loaded.tokenizer, {loaded.tokenizer.eos_token_id}, {}, loaded.eyes)
    with pytest.raises(InputError, match=f"because of {UNSHOWN}: line 2 .*picture 1"):
        fitted([good, bad], sft_row, templated, loaded.model, None, leave_out_bad=False)
    found = fitted([good, bad], sft_row, templated, loaded.model, None, leave_out_bad=True)
    assert (len(found.rows), found.left_out[UNSHOWN]) == (1, 1)


def test_other_pictures_are_other_data_and_a_blind_model_takes_none(
    base: Path, tmp_path: Path
) -> None:
    loaded = load(str(base))
    (own,) = (each for each in sampled(rows(loaded)) if each.where == "the run g0m0")
    templated = Templated(loaded.tokenizer, {0}, {}, loaded.eyes)
    digests = {
        fitted([each], sft_row, templated, loaded.model, None, leave_out_bad=False).data
        for each in (
            own,
            replace(
                own, pictures=(replace(own.pictures[0], digest="1", gallery=Hung([b"", PNGS[0]])),)
            ),
        )
    }
    assert len(digests) == 2
    blind = load(str(blind_checkpoint(tmp_path / "blind")))
    small = replace(own, ids=Ids(np.array([5, 6]), np.array([7, 1])))
    with pytest.raises(InputError, match=UNSEEN):
        fitted(
            [small],
            sft_row,
            Templated(blind.tokenizer, {1}),
            blind.model,
            None,
            leave_out_bad=False,
        )
