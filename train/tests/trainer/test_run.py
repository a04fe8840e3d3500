"""Whole trainings: killed and gone on with, by several processes, refused, stopped."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from peft import PeftModel
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from transformers import Qwen3ForCausalLM, TrainerCallback

from llmi_agent.base.errors import ConfigError, InputError, UnavailableError
from llmi_train import recipes
from llmi_train.rows.pictures import Gallery, Picture
from llmi_train.rows.row import Row
from llmi_train.trainer.loading import read_tokenizer
from llmi_train.trainer.losses import Offline
from llmi_train.trainer.outcome import Outcome
from llmi_train.trainer.run import train
from llmi_train.trainer.settings import Dtype, reporters
from llmi_train.trainer.stops import Diverged, FiniteGradients
from llmi_transformers.folder import folder_of

from .tiny import TEMPLATE, WORDS, Gathered, Report, checkpoint, logprobs, read, rows

SETTINGS: dict[str, Any] = {
    "step_rows": 8, "rows_at_once": 2, "lr": 1e-3, "warmup": 1, "epochs": 2, "save_every": 1, "probe_rows": 0, "max_kl": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def made(base: Path) -> list[Row]:
    """19 rows that this very checkpoint sampled."""
    return rows(read(base))


Ask = Callable[..., list[int]]


@pytest.fixture(scope="module")
def worker() -> Iterator[Ask]:
    """Does trainings in processes of their own; gives their exit codes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("worker.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        wanted, answers = process.stdin, process.stdout
        assert wanted
        assert answers

        def ask(
            base: Path,
            out: Path,
            processes: int = 1,
            told: Mapping[str, str] = MappingProxyType({}),
            **given: Any,
        ) -> list[int]:
            asked = {
                "base": str(base),
                "out": str(out),
                "kill": 0,
                "resume": False,
                "settings": SETTINGS,
            }
            environments = [{}] if processes == 1 else list(together(processes))
            environments = [{**each, **told} for each in environments]
            line = json.dumps({"asked": {**asked, **given}, "environments": environments})
            print(line, file=wanted, flush=True)
            codes: list[int] = json.loads(answers.readline())
            return codes

        yield ask
        wanted.close()


def together(processes: int) -> Iterator[dict[str, str]]:
    """What torchrun tells each of several processes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = str(listening.getsockname()[1])
    for rank in range(processes):
        ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
        yield {**ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}


def weights(out: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = load_file(out / "model.safetensors")
    return loaded


def assert_same(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_that_is_killed_and_gone_on_with_ends_with_the_same_weights(
    base: Path, tmp_path: Path, worker: Ask
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert worker(base, whole) == [0]
    assert worker(base, cut, kill=3) == [-9]
    assert json.loads((cut / "training.json").read_text())["state"] == "begun"
    torn = cut / "checkpoint-2"
    (torn / "WHOLE").unlink()  # as if it had been killed while this was written
    assert worker(base, cut, kill=4, resume=True) == [-9]
    assert worker(base, cut, resume=True) == [0]
    assert_same(whole, cut)
    assert not torch.equal(weights(whole)["model.norm.weight"], weights(base)["model.norm.weight"])
    assert json.loads((cut / "training.json").read_text())["state"] == "done"
    assert not list(cut.glob("checkpoint-*"))


@pytest.mark.parametrize("loss", ["dapo", "dr_grpo", "gspo", "cispo"])
def test_two_processes_train_as_one_does(
    loss: str, base: Path, tmp_path: Path, worker: Ask
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    settings = {**SETTINGS, "loss": loss, "epochs": 1, "clip": 0}
    assert worker(base, one, settings=settings) == [0]
    assert worker(base, two, processes=2, settings=settings) == [0, 0]
    assert_alike(one, two)


def assert_alike(one: Path, other: Path) -> None:
    """Each of three steps has the same figures."""
    first, second = history(one), history(other)
    assert len(first) == 3
    for alone, shared in zip(first, second, strict=True):
        for name in sorted(alone.keys() - {"step_time", "entropy"}):
            assert shared[name] == pytest.approx(alone[name], rel=1e-4, abs=1e-6), name


def launch(strategy: str, *given: str) -> list[str]:
    """accelerate's own command line for two processes, by the file that recipes take."""
    config = recipes.__path__[0] + f"/accelerate/{strategy}.yaml"
    port = next(together(2))["MASTER_PORT"]
    return ["--config_file", config, "--num_processes", "2", "--main_process_port", port, *given]


def test_two_processes_that_accelerate_launches_train_as_one_does(
    base: Path, tmp_path: Path, worker: Ask
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    settings = {**SETTINGS, "epochs": 1}
    assert worker(base, one, settings=settings) == [0]
    asked = {"base": str(base), "out": str(two), "kill": 0, "resume": False, "settings": settings}
    script = str(Path(__file__).with_name("launched.py"))
    program = str(Path(sys.executable).with_name("accelerate"))
    done = subprocess.run(
        [program, "launch", *launch("ddp", script, json.dumps(asked))],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert_alike(one, two)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2", "deepspeed-zero3"])
def test_accelerate_reads_what_it_is_launched_by(strategy: str) -> None:
    parser = launch_command_parser()
    args, *_ = _validate_launch_command(parser.parse_args(launch(strategy, "script.py")))
    assert args.num_processes == 2
    told = {"ddp": args.multi_gpu, "fsdp2": args.use_fsdp, "deepspeed-zero3": args.use_deepspeed}
    assert {name for name, used in told.items() if used} == {strategy}
    assert args.mixed_precision == "no"


@pytest.fixture
def spread() -> dict[str, str]:
    """What `accelerate launch` tells processes over which the weights are spread."""
    parser = launch_command_parser()
    args, *_ = _validate_launch_command(parser.parse_args(launch("fsdp2", "script.py")))
    told = prepare_multi_gpu_env(args)
    return {
        name: value for name, value in told.items() if name.startswith(("FSDP_", "ACCELERATE_"))
    }


@pytest.mark.parametrize("lora", [None, 4])
def test_weights_that_are_spread_are_trained_and_written_as_those_of_one(
    lora: int | None, base: Path, tmp_path: Path, worker: Ask, spread: dict[str, str]
) -> None:
    """And a training that is killed goes on from what each of the processes has."""
    one, two = tmp_path / "one", tmp_path / "two"
    settings = {**SETTINGS, "epochs": 1, "lora": lora}
    assert worker(base, one, settings=settings) == [0]
    kill = 0 if lora else 2
    if kill:
        assert -9 in worker(base, two, 2, settings=settings, kill=kill, told=spread)
    assert worker(base, two, 2, settings=settings, resume=bool(kill), told=spread) == [0, 0]
    assert_alike(one, two)
    written, wanted = weights(two), weights(one)
    assert written.keys() == wanted.keys()
    for name in wanted:
        torch.testing.assert_close(written[name], wanted[name], rtol=1e-3, atol=1e-5)


def history(out: Path) -> list[dict[str, float]]:
    """The figures of each step."""
    told = json.loads((out / "training.json").read_text())["figures"]["history"]
    return [each for each in told if "kl" in each]


def changed(row: Row, **given: Any) -> Row:
    return replace(row, segment=replace(row.segment, **given))


def moved(made: Sequence[Row], by: float) -> list[Row]:
    """Whose logprobs are so much lower than they were."""
    return [
        changed(row, logprobs=(row.segment.logprobs - by * row.segment.mask).astype(np.float32))
        for row in made
    ]


NAN = np.float32("nan")
BAD: dict[str, tuple[Callable[[Row], Row], str]] = {
    "not finite": (lambda row: changed(row, logprobs=row.segment.logprobs * NAN), "logprobs that are none"),
    "no logprobs": (lambda row: changed(row, logprobs=np.zeros(0, np.float32)), "do not belong together"),
    "nothing sampled": (lambda row: changed(row, completion=row.segment.completion[:0], logprobs=row.segment.logprobs[:0],
                                            mask=row.segment.mask[:0]), "do not belong together"),
    "outside the vocabulary": (lambda row: changed(row, prompt=row.segment.prompt + 64), "the model knows 0 to 63"),
    "too long": (lambda row: changed(row, prompt=np.full(127, 5)), "reads at most 128"),
    "another temperature": (lambda row: changed(row, temperature=0.5), "at the temperature 0.5"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_row_is_refused_before_anything_is_trained(
    fault: str, made: list[Row], base: Path, tmp_path: Path
) -> None:
    spoil, words = BAD[fault]
    spoilt = [*made[:11], spoil(made[11]), *made[12:]]
    with pytest.raises(InputError, match=f"run {made[11].segment.episode} .*{words}"):
        train(Gathered(spoilt), str(base), tmp_path / "out", Offline(**SETTINGS))
    assert not (tmp_path / "out").exists()


def test_other_weights_are_refused_and_those_that_sampled_can_be_named(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    other = checkpoint(tmp_path / "other", seed=1)
    settings = Offline(**{**SETTINGS, "probe_rows": 4, "epochs": 1})
    with pytest.raises(
        InputError, match=r"did not sample these runs.*most in the run g\dm\d .*--behaviour"
    ):
        train(Gathered(made), str(other), tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
    done = train(Gathered(made), str(other), tmp_path / "out", settings, behaviour=str(base))
    assert done.probed is not None
    assert done.probed.difference < 1e-5
    assert abs(done.first["kl"] or 0) > 0.1  # of the later checkpoint, to what was recorded


def test_weights_on_record_that_are_others_than_those_that_fit_are_told(
    gathered: Gathered, base: Path, tmp_path: Path
) -> None:
    """And of many rows each is decoded, though few are worked out again."""
    settings = Offline(**{**SETTINGS, "probe_rows": 4, "epochs": 1})
    version = folder_of(str(base)).version()
    told = replace(gathered, report=Report(weights={"sha256:0000": 9, version: 1, "v7": 1, "": 1}))
    done = train(told, str(base), tmp_path / "out", settings)
    (note,) = done.notes
    assert "sampled by the weights sha256:0000, and those in" in note
    assert note in (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "num_tokens" not in done.first
    odd = gathered.rows[1]
    calls = dict(gathered.calls)
    (own,) = calls[odd.segment.episode]
    said = SimpleNamespace(**{**vars(own.call), "raw": own.call.raw + " w1"})
    calls[odd.segment.episode] = (SimpleNamespace(**{**vars(own), "call": said}),)
    with pytest.raises(InputError, match=f"the run {odd.segment.episode} has tokens for the first"):
        train(replace(gathered, calls=calls), str(base), tmp_path / "no", settings)


@pytest.mark.parametrize(("dtype", "passes"), [("float32", 2e-5), ("bfloat16", 2e-3)])
def test_how_exactly_logprobs_must_be_met_depends_on_what_is_computed_in(
    dtype: Dtype, passes: float, base: Path, tmp_path: Path
) -> None:
    model = read(base)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
        made = rows(model)
    settings = Offline(**{**SETTINGS, "epochs": 1, "probe_rows": 64, "dtype": dtype})
    with pytest.raises(InputError, match="did not sample these runs"):
        train(Gathered(moved(made, 10 * passes)), str(base), tmp_path / "no", settings)
    done = train(Gathered(moved(made, passes)), str(base), tmp_path / "out", settings)
    assert done.steps == done.of == 3


def call_of(row: Row, tokenizer: Any, words: str) -> SimpleNamespace:
    """What is on record of the call that a row is made of."""
    message = {"type": "human", "data": {"content": words}}
    raw = tokenizer.decode(row.segment.completion, skip_special_tokens=True)
    call = SimpleNamespace(messages=(message,), raw=raw, reasoning="", withheld=False, sampling={})
    return SimpleNamespace(call=call, start=0, end=len(row.segment.completion))


def asked(made: Sequence[Row], base: Path, tokenizer: Any) -> Gathered:
    """The same rows, each as if it had been asked in words, through the template."""
    model = read(base)
    calls, found = {}, []
    for row in made:
        words = tokenizer.decode(row.segment.prompt)
        ids = np.array(tokenizer.apply_chat_template(
            [{"role": "user", "content": words}], add_generation_prompt=True, return_dict=False
        ))  # fmt: skip
        logps = logprobs(model, ids, row.segment.completion) * row.segment.mask
        found.append(changed(row, prompt=ids, logprobs=logps.astype(np.float32)))
        calls[row.segment.episode] = (call_of(row, tokenizer, words),)
    return Gathered(found, calls)


@pytest.fixture(scope="module")
def gathered(made: list[Row], base: Path) -> Gathered:
    """One segment an episode, asked through the template."""
    first = [row for row in made if row.segment.number == 0]
    return asked(first, base, read_tokenizer(base))


def test_a_foreign_tokenizer_is_refused(gathered: Gathered, base: Path, tmp_path: Path) -> None:
    other = checkpoint(tmp_path / "other", words=[*WORDS[:4], *reversed(WORDS[4:])])
    with pytest.raises(
        InputError,
        match=r"the run g\dm\d was sampled with another tokenizer, or has tokens of another text: after",
    ):
        train(gathered, str(other), tmp_path / "out", Offline(**{**SETTINGS, "probe_rows": 8}))
    assert not (tmp_path / "out").exists()


def test_another_template_is_refused_unless_it_is_told_what_it_was_given(
    gathered: Gathered, base: Path, tmp_path: Path
) -> None:
    other = checkpoint(tmp_path / "other")
    (other / "chat_template.jinja").write_text(
        "{% if think is not false %}<bot>{% endif %}" + TEMPLATE
    )
    settings = Offline(**{**SETTINGS, "probe_rows": 8, "epochs": 1})
    with pytest.raises(
        InputError, match=r"the run g\dm\d was asked through another chat template: from token 0"
    ):
        train(gathered, str(other), tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
    done = train(gathered, str(other), tmp_path / "out", settings, template={"think": False})
    assert done.steps == done.of


def test_pictures_are_refused_by_a_model_that_sees_nothing(
    gathered: Gathered, base: Path, tmp_path: Path
) -> None:
    first, *rest = gathered.rows
    shown = (Picture("0" * 64, Gallery()),)
    first = replace(first, segment=replace(first.segment, pictures=shown))
    name = first.segment.episode
    with pytest.raises(InputError, match=f"the run {name} was asked with pictures"):
        train(
            Gathered([first, *rest], gathered.calls),
            str(base),
            tmp_path / "out",
            Offline(**SETTINGS),
        )


def test_it_stops_where_the_policy_is_too_far_from_the_recorded_one(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    settings = Offline(**{**SETTINGS, "max_kl": 0.05, "lr": 3e-2})
    done = train(Gathered(made), str(base), out, settings)
    assert 0 < done.steps < done.of
    assert "nats a token from the recorded one" in done.stopped
    assert done.seconds > 0
    assert (done.last["kl"] or 0) > 0.05
    assert done.stopped in (out / "README.md").read_text()
    Qwen3ForCausalLM.from_pretrained(out)


def test_numbers_that_are_not_finite_end_it_and_are_never_learnt(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Diverged, match="step 2"):
        train(
            Gathered(made),
            str(base),
            out,
            Offline(**{**SETTINGS, "lr": 1e30, "warmup": 0, "clip": 0}),
        )
    assert not (out / "model.safetensors").exists()
    assert json.loads((out / "training.json").read_text())["state"] == "begun"


def test_a_gradient_that_is_not_finite_ends_it() -> None:
    model = torch.nn.Linear(2, 2)
    model.weight.grad = torch.zeros(2, 2)
    FiniteGradients().on_pre_optimizer_step(None, SimpleNamespace(global_step=4), None, model)
    model.weight.grad[0, 1] = torch.inf
    with pytest.raises(Diverged, match="the gradient of step 5 is not finite"):
        FiniteGradients().on_pre_optimizer_step(None, SimpleNamespace(global_step=4), None, model)


class Cut(TrainerCallback):  # type: ignore[misc]
    """Somebody presses Ctrl-C after the second step."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 2:
            raise KeyboardInterrupt


def test_adapters_are_trained_gone_on_with_and_merged(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    settings = Offline(**{**SETTINGS, "lora": 4, "lr": 1e-2})
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(Gathered(made), str(base), whole, settings)
    with pytest.raises(KeyboardInterrupt):
        train(Gathered(made), str(base), cut, settings, callbacks=[Cut()])
    train(Gathered(made), str(base), cut, settings, resume=True)
    assert_same(whole, cut)
    ids = torch.arange(4, 20)[None]
    adapted = PeftModel.from_pretrained(read(base), whole / "adapter").eval()
    with torch.no_grad():
        first, merged, before = adapted(ids).logits, read(whole)(ids).logits, read(base)(ids).logits
    assert torch.allclose(first, merged, atol=1e-4)
    assert not torch.allclose(before, merged, atol=1e-2)


def test_figures_are_reported_and_stand_in_the_card(
    made: list[Row], base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    settings = Offline(**{**SETTINGS, "epochs": 1, "report_to": ("tensorboard",)})
    train(Gathered(made), str(base), out, settings)
    (events,) = (out / "runs").rglob("events.*")
    seen = {
        value.tag for event in EventFileLoader(str(events)).Load() for value in event.summary.value
    }
    assert {"train/kl", "train/reward", "train/clip_share", "train/ess", "train/loss"} <= seen
    card = (out / "README.md").read_text()
    for words in ("| data_hash | made |", "| loss | dapo |", "| kl |", "sha256:", "offline-grpo"):
        assert words in card


def test_a_folder_is_one_trainings(made: list[Row], base: Path, tmp_path: Path) -> None:
    def begin(out: str, resume: bool = False, **given: Any) -> Outcome:
        settings = Offline(**{**SETTINGS, "epochs": 1, **given})
        cut = [Cut()] if not resume else []
        return train(
            Gathered(made), str(base), tmp_path / out, settings, resume=resume, callbacks=cut
        )

    with pytest.raises(KeyboardInterrupt):
        begin("out")
    with pytest.raises(InputError, match="--resume goes on with it"):
        begin("out")
    with pytest.raises(
        InputError, match=r"another training in it: settings.lr was 0.001 and is 0.002"
    ):
        begin("out", resume=True, lr=2e-3)
    assert begin("out", resume=True).steps == 3
    with pytest.raises(InputError, match="is done"):
        begin("out", resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(InputError, match="other files"):
        begin("mine")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "cispo", "epochs": 2}, "--loss dapo"),
        ({"mask_outside": 0.0}, "--mask-outside"),
        ({"step_rows": 1}, "--step-rows"),
    ],
)
def test_settings_that_cannot_be_together_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Offline(**given)


def test_where_figures_cannot_be_reported_to_is_said() -> None:
    with pytest.raises(ConfigError, match=r"transformers knows .*tensorboard"):
        reporters(("tensorbored",))
    with pytest.raises(UnavailableError, match=r"wandb is not installed.*pip install wandb"):
        reporters(("wandb",))
