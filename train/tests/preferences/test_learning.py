"""What reaches the model is what was sampled, token by token; a training that was cut goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from llmi_agent.base.errors import ConfigError, InputError, LlmiError
from llmi_train.preferences.answer import Answer, Ids, Labelled, Pair
from llmi_train.preferences.reading import Examples
from llmi_train.trainer.dpo import DPO
from llmi_train.trainer.fitting import ALONE
from llmi_train.trainer.kto import KTO
from llmi_train.trainer.learning import Course, Lesson, Outcome, learn
from llmi_train.trainer.settings import Settings
from llmi_train.trainer.sft import SFT

from .small import asked, called, checkpoint, said, tokenizer

pytestmark = [
    pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning"),
]
SETTINGS = Settings(step_rows=4, rows_at_once=4, lr=1e-3, warmup=0, save_every=2)
END = 2


def ids(draw: np.random.Generator, prompt: Sequence[int] | None = None) -> Ids:
    """As no text would be tokenised: the end also stands in the middle."""
    asked_ = draw.integers(6, 200, draw.integers(2, 9)) if prompt is None else prompt
    wrote = draw.integers(6, 200, draw.integers(3, 20))
    wrote[1] = END
    return Ids.of(asked_, [*wrote, END])


def answers(count: int, seed: int = 0) -> list[Answer]:
    draw = np.random.default_rng(seed)
    return [
        Answer(where=f"the run {n}", ids=ids(draw), group=f"g{n % 3}", episode=str(n))
        for n in range(count)
    ]


def pairs(count: int) -> list[Pair]:
    draw = np.random.default_rng(1)
    found = []
    for number in range(count):
        chosen = ids(draw)
        rejected = ids(draw, [*chosen.prompt])
        found.append(
            Pair(
                *(Answer(where=f"the run {number}", ids=each) for each in (chosen, rejected)),
            )
        )
    return found


def labelled(count: int) -> list[Labelled]:
    return [Labelled(each, n % 2 == 0) for n, each in enumerate(answers(count))]


def watched(lesson: Lesson[Any], seen: list[dict[str, torch.Tensor]]) -> Lesson[Any]:
    """It, whose batches are put down as they reach the model."""

    class Watched(lesson.trainer):  # type: ignore[misc,name-defined]
        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append({name: each.clone() for name, each in inputs.items()})
            return super().compute_loss(model, inputs, *args, **kwargs)

    return replace(lesson, trainer=Watched)


def run(
    lesson: Lesson[Any],
    taken: list[Any],
    model: Path,
    out: Path,
    settings: Settings = SETTINGS,
    **course: Any,
) -> Outcome:
    examples: Examples[Any] = Examples(taken)
    return learn(lesson, examples, str(model), out, settings, Course(**course))


def rows(batches: Sequence[dict[str, torch.Tensor]], name: str) -> list[tuple[int, ...]]:
    """Each row without its padding."""
    mask = name.replace("input_ids", "attention_mask")
    return [
        tuple(ids[kept.bool()].tolist())
        for batch in batches
        for ids, kept in zip(batch[name], batch[mask], strict=True)
    ]


def whole(found: Ids) -> tuple[int, ...]:
    return (*found.prompt.tolist(), *found.completion.tolist())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("model"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder).state_dict())


def test_sft_learns_the_sampled_ids_and_of_the_answer_alone(model: Path, tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    taken = answers(10)
    run(watched(SFT, seen), taken, model, tmp_path / "out")
    own = [each.ids for each in taken if each.ids]
    assert sorted(rows(seen, "input_ids")) == sorted(map(whole, own))
    learnt = sorted(
        tuple(each[each != -100].tolist()) for batch in seen for each in batch["labels"]
    )
    assert learnt == sorted(tuple(each.completion.tolist()) for each in own)


def test_dpo_compares_the_sampled_ids(model: Path, tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    taken = pairs(6)
    run(watched(DPO, seen), taken, model, tmp_path / "out")
    wanted, learnt = [], []
    for each in taken:
        for own in (each.chosen.ids, each.rejected.ids):
            assert own
            wanted.append(whole(own))
            learnt.append(tuple(own.completion.tolist()))
    assert sorted(rows(seen, "input_ids")) == sorted(wanted)
    kept = sorted(
        tuple(ids[mask.bool()].tolist())
        for batch in seen
        for ids, mask in zip(batch["input_ids"], batch["completion_mask"], strict=True)
    )
    assert kept == sorted(learnt)
    for batch in seen:
        chosen, rejected = batch["input_ids"].chunk(2)
        assert (chosen[:, :2] == rejected[:, :2]).all()


def test_kto_weighs_the_sampled_ids_and_against_other_prompts(model: Path, tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    taken = labelled(8)
    run(watched(KTO, seen), taken, model, tmp_path / "out")
    own = {whole(each.answer.ids): each for each in taken if each.answer.ids}
    found = rows(seen, "input_ids")
    assert sorted(found) == sorted(own)
    labels = [bool(each) for batch in seen for each in batch["label"]]
    assert labels == [own[each].label for each in found]
    for batch in seen[:2]:
        groups = [own[each].answer.group for each in rows([batch], "input_ids")]
        assert groups[0] != groups[1] != groups[2]
    prompts = {tuple(each.answer.ids.prompt.tolist()) for each in taken if each.answer.ids}
    for each in rows(seen, "KL_input_ids"):
        assert any(each[: len(prompt)] == prompt for prompt in prompts)


@pytest.mark.parametrize("lesson", [SFT, DPO, KTO], ids=lambda each: each.method)
def test_a_training_that_was_cut_ends_with_the_same_weights(
    lesson: Lesson[Any], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, list[Any]] = {"sft": answers(16), "dpo": pairs(16), "kto": labelled(16)}
    own = taken[lesson.method]
    run(lesson, own, model, tmp_path / "whole")
    step = lesson.trainer.training_step  # type: ignore[attr-defined]

    def cut(self: Any, *given: Any, **named: Any) -> Any:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return step(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(lesson.trainer, "training_step", cut)
        with pytest.raises(KeyboardInterrupt):
            run(lesson, own, model, tmp_path / "cut")
    with pytest.raises(InputError, match="--resume goes on with it"):
        run(lesson, own, model, tmp_path / "cut")
    with pytest.raises(InputError, match="another training"):
        run(lesson, own[1:], model, tmp_path / "cut", resume=True)
    done = run(lesson, own, model, tmp_path / "cut", resume=True)
    assert done.steps == 4
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], each) for name, each in weights(model).items())


def test_no_answer_is_weighed_against_itself(model: Path, tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    done = run(watched(KTO, seen), labelled(9), model, tmp_path / "out")
    assert [len(each["label"]) for each in seen] == [4, 4]
    assert done.examples == 8
    assert done.left_out == {ALONE: 1}
    with pytest.raises(InputError, match="a single example is too little"):
        run(KTO, labelled(1), model, tmp_path / "one")
    uneven = replace(SETTINGS, step_rows=7)
    with pytest.raises(ConfigError, match="--step-rows 7 with --rows-at-once 4 leaves 1"):
        run(KTO, labelled(8), model, tmp_path / "one", uneven)


def test_one_that_was_cut_after_its_last_step_says_its_figures(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("llmi_train.trainer.loading.save", full)
        with pytest.raises(LlmiError, match="No space"):
            run(SFT, answers(8), model, tmp_path / "out")
    done = run(SFT, answers(8), model, tmp_path / "out", resume=True)
    assert done.steps == 2
    assert done.figures["loss"] > 1


def test_what_is_learnt_is_what_the_model_writes_then(model: Path, tmp_path: Path) -> None:
    taken = [
        Answer(where=f"line {n}", prompt=tuple(asked(f"Say {n}")), completion=said("so!")[0])
        for n in range(8)
    ]
    settings = replace(SETTINGS, step_rows=8, rows_at_once=8, lr=2e-2, schedule="constant")
    done = run(SFT, taken, model, tmp_path / "out", settings, epochs=30)
    assert done.figures["loss"] < 0.1
    words = tokenizer()
    read = words.apply_chat_template(
        asked("Say 3"), add_generation_prompt=True, return_tensors="pt"
    )
    trained = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    wrote = trained.generate(**read, max_new_tokens=20, do_sample=False)[
        0, read["input_ids"].shape[1] :
    ]
    assert words.decode(wrote) == "so!<|im_end|>"


def test_adapters_are_merged_into_the_checkpoint(model: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, lora=4, lr=1e-2)
    for lesson, own in ((SFT, answers(8)), (DPO, pairs(8))):
        out = tmp_path / lesson.method
        run(lesson, own, model, out, settings)
        before, after = weights(model), weights(out)
        assert before.keys() == after.keys()
        assert any(not torch.equal(before[name], after[name]) for name in before)
        assert (out / "adapter" / "adapter_config.json").is_file()


def test_nothing_is_trained_on_what_does_not_fit(model: Path, tmp_path: Path) -> None:
    long = Answer(where="the run long", ids=Ids.of(range(6, 206), [*range(6, 106), END]))
    foreign = Answer(where="the run foreign", ids=Ids.of([6], [50_000, END]))
    endless = Answer(where="the run endless", ids=Ids.of([6], [7, 8]))
    apart = replace(pairs(1)[0], rejected=answers(1)[0])
    for lesson, bad, why in (
        (SFT, long, "too long.*the run long.*at most 256 tokens.*--longest"),
        (SFT, foreign, "not in the model's vocabulary: the run foreign.*--text"),
        (SFT, endless, "no end token of the model: the run endless.*never ends"),
        (DPO, apart, "prompts are not the same"),
    ):
        good: list[Any] = [*answers(4)] if lesson is SFT else pairs(4)
        with pytest.raises(InputError, match=why):
            run(lesson, [bad, *good], model, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    done = run(SFT, [long, foreign, *answers(4)], model, tmp_path / "out", leave_out_bad=True)
    assert done.examples == 4
    assert sum(done.left_out.values()) == 2
    with pytest.raises(InputError, match="nothing is left to learn from"):
        run(SFT, [long], model, tmp_path / "other", leave_out_bad=True)


def test_a_bad_half_that_was_cut_has_no_end(model: Path, tmp_path: Path) -> None:
    words = tokenizer()
    read = words.apply_chat_template(asked("Foxes?"), add_generation_prompt=True, return_dict=False)
    chosen, rejected = (
        Answer(
            where="the run e",
            ids=Ids.of(read, words(text)["input_ids"]),
            call=called(text.removesuffix("<|im_end|>"), finish_reason=reason),
            episode=reason,
        )
        for text, reason in (("Red.<|im_end|>", "stop"), ("Blue, bl", "length"))
    )
    assert run(DPO, [Pair(chosen, rejected)], model, tmp_path / "out").examples == 1
    with pytest.raises(InputError, match="no end token of the model"):
        run(DPO, [Pair(rejected, replace(rejected, call=None))], model, tmp_path / "other")


def test_figures_that_are_no_numbers_stop_it_and_nothing_is_written(
    model: Path, tmp_path: Path
) -> None:
    with pytest.raises(LlmiError, match="lower --lr"):
        run(SFT, answers(16), model, tmp_path / "out", replace(SETTINGS, lr=1e30, clip=0), epochs=4)
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_the_card_says_what_was_learnt(model: Path, tmp_path: Path) -> None:
    done = run(SFT, answers(5), model, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert done.data in card
    assert "| examples | 5 |" in card
    assert f"| tokens of answers | {done.tokens} |" in card
    again = run(SFT, answers(5), model, tmp_path / "again")
    assert again.data == done.data
    assert run(SFT, answers(5, seed=9), model, tmp_path / "other").data != done.data


@pytest.mark.parametrize(
    ("lesson", "taken"), [(SFT, answers(4)), (DPO, pairs(4)), (KTO, labelled(4))]
)
def test_a_single_step_with_the_default_warm_up_changes_the_weights(
    model: Path, tmp_path: Path, lesson: Lesson[Any], taken: list[Any]
) -> None:
    out = tmp_path / "out"
    done = run(lesson, taken, model, out, replace(SETTINGS, warmup=Settings().warmup))
    assert (done.steps, done.warmup) == (1, 0)
    before, after = weights(model), weights(out)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert "| warm-up, in steps | 0 |" in (out / "README.md").read_text()
