"""A course of training in a folder: warm-up, collecting, training, evaluation, each by the command that anyone would type."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import LlmiError
from llmi_train_tiny import checkpoint, prompts
from llmi_train_tiny.drafts import examples

HERE = Path(__file__).parent
PHOTOS = HERE.parents[1] / "data" / "photos"
BASE, WARM = "base", "sft"
"""Checkpoints: before anything is learnt, and after the warm-up."""

WARM_UP: Mapping[str, Any] = {
    "lr": 3e-3, "step_rows": 8, "rows_at_once": 8, "schedule": "linear", "warmup": 20, "weight_decay": 0.0,
    "log_every": 10, "save_every": 200,
}  # fmt: skip
GRPO: Mapping[str, Any] = {
    "loss": "gspo", "clip_low": 0.1, "clip_high": 0.15, "lr": 1.5e-3, "step_rows": 32, "rows_at_once": 32,
    "schedule": "linear", "warmup": 8, "weight_decay": 0.0,
    "save_every": 100,
}  # fmt: skip
ONLINE: Mapping[str, Any] = {
    "loss": "gspo", "clip_low": 0.1, "clip_high": 0.15, "lr": 4e-4, "prompts_per_step": 8, "steps": 60, "rows_at_once": 32,
    "schedule": "linear", "warmup": 6, "weight_decay": 0.0,
    "save_every": 20,
}  # fmt: skip
"""Settings of training: those of `GRPO` were chosen on seed 0, those of `ONLINE` on seeds 0 and 2, and are the same for every other one."""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    examples: int = 3200
    """Drafts to warm up on."""
    prompts: int = 256
    """That traces are collected of, in one round."""
    group: int = 8
    tested: int = 96
    """Held-out prompts."""
    samples: int = 2
    """Episodes of each of these."""


@dataclass(frozen=True)
class Course:
    """What is done again with the same seed is the same. What is there already is not done again."""

    folder: Path
    seed: int
    size: Size = field(default_factory=Size)
    home: Path | None = None
    """Where traces and pictures are kept; courses of other seeds may share it, and find the pictures of one another. None: in
    the folder."""

    def named(self, checkpoint: str) -> str:
        """The folder of a checkpoint, whose name tells its traces from those of other courses."""
        return f"{checkpoint}-{self.seed}"

    def begin(self) -> None:
        """Fresh weights, the files of prompts and examples, the settings. Raises LlmiError if what is tested is not held out."""
        if (self.folder / "begun").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("llmi.toml", "tiny.toml"):
            shutil.copy(HERE / name, self.folder)
        seen, tested = prompts.wishes(prompts.TRAIN), self._tested()
        check_apart(seen, tested)
        prompts.write(self.folder / "test.jsonl", tested)
        with (self.folder / "examples.jsonl").open("w") as file:
            for each in examples(seen, self.size.examples, self.seed):
                file.write(json.dumps(each) + "\n")
        checkpoint.make(self.folder / self.named(BASE), self.seed)
        (self.folder / "begun").touch()

    def warm_up(self) -> None:
        """Learn the language from drafts of which many are wrong."""
        given = (
            "--examples",
            "examples.jsonl",
            *self._from_to(BASE, WARM),
            *_options(WARM_UP),
            "--resume",
        )
        self._done(WARM, "sft", *given)

    def collect(self, policy: str, number: int = 0) -> dict[str, Any]:
        """Episodes of this checkpoint through the graph, with real tools, on prompts that are drawn anew for each number."""
        name = f"train-{number}.jsonl"
        drawn = prompts.drawn(prompts.TRAIN, self.size.prompts, 1000 * self.seed + number)
        prompts.write(self.folder / name, drawn)
        given = ("--prompts", name, "--model", self._model(policy), "--group", str(self.size.group))
        return self._done(f"collected-{policy}", "collect", *given, *self._run())

    def train(self, policy: str, out: str) -> dict[str, Any]:
        """One pass of GRPO over what this checkpoint was recorded to write."""
        given = ("--policy", self._model(policy), *self._from_to(policy, out), *_options(GRPO))
        return self._done(out, "offline", *given, "--resume")

    def online(self, policy: str, out: str, number: int = 0) -> dict[str, Any]:
        """GRPO on what the policy writes meanwhile, for all prompts that there are to train on; in another order for each number."""
        name = f"{out}.jsonl"
        there = len(prompts.wishes(prompts.TRAIN))
        prompts.write(self.folder / name, prompts.drawn(prompts.TRAIN, there, 1000 * self.seed))
        given = ("--prompts", name, "--group", str(self.size.group))
        way = self._from_to(policy, out, self.seed + 100 * number)
        return self._done(out, "online", *given, *way, *_options(ONLINE), *self._run(), "--resume")

    def arm(self, policy: str, out: str) -> dict[str, Any]:
        """Train in the way of `out`, which should not work (`arms`)."""
        command = [sys.executable, "-m", "llmi_train_tiny.arms", out]
        return self._ran(
            out, [*command, "--policy", self._model(policy), *self._from_to(policy, out)]
        )

    def evaluate(self, policy: str, baseline: str = WARM) -> dict[str, Any]:
        """Fresh episodes on held-out prompts, beside those of the baseline."""
        given = (
            "--prompts",
            "test.jsonl",
            "--model",
            self._model(policy),
            "--samples",
            str(self.size.samples),
        )
        against = ("--baseline", self._model(baseline)) if policy != baseline else ()
        return self._done(f"eval-{policy}", "eval", *given, *against, *self._run())

    def history(self, name: str) -> list[dict[str, Any]]:
        """The figures of each step of a training."""
        found = json.loads((self.folder / self.named(name) / "training.json").read_text())
        return [each for each in found["figures"]["history"] if "reward" in each]

    def _tested(self) -> list[prompts.Wish]:
        return prompts.drawn(prompts.TEST, self.size.tested, 0)

    def _model(self, policy: str) -> str:
        return f"transformers/{self.named(policy)}"

    def _from_to(self, model: str, out: str, seed: int | None = None) -> tuple[str, ...]:
        drawn = self.seed if seed is None else seed
        return ("--model", self.named(model), "--out", self.named(out), "--seed", str(drawn))

    def _run(self) -> tuple[str, ...]:
        """How episodes are run."""
        return ("--profile", "tiny.toml", "--images", str(PHOTOS), "--concurrency", "128")

    def _done(self, result: str, *command: str) -> dict[str, Any]:
        program = str(Path(sys.executable).with_name("llmi-train"))
        return self._ran(result, [program, *command, "--json"])

    def _ran(self, result: str, command: Sequence[str]) -> dict[str, Any]:
        """What the command answered, in the folder, with the seconds that it took; from the file where it is kept, if it is there."""
        kept = self.folder / f"{result}.json"
        if kept.exists():
            known: dict[str, Any] = json.loads(kept.read_text())
            return known
        print(
            f"[seed {self.seed}] $ {' '.join((Path(command[0]).name, *command[1:]))}",
            file=sys.stderr,
            flush=True,
        )
        began = time.monotonic()
        home = self.home or self.folder / "home"
        environment = {**os.environ, "LLMI_HOME": str(home.resolve())}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LlmiError(
                f"{Path(command[0]).name} {command[1]} ended with exit code {done.returncode}, see above"
            )
        found = {**json.loads(done.stdout), "wall": time.monotonic() - began}
        kept.write_text(json.dumps(found))
        return found


def _options(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        yield from (f"--{name.replace('_', '-')}", str(value))


def check_apart(seen: Sequence[prompts.Wish], tested: Sequence[prompts.Wish]) -> None:
    """Raises LlmiError if a prompt that is tested, or its topic with its kind, is among those that are trained on."""
    texts = {each.as_prompt(0).text_digest for each in seen}
    pairs = {(each.topic, each.kind) for each in seen}
    for each in tested:
        if each.as_prompt(0).text_digest in texts or (each.topic, each.kind) in pairs:
            raise LlmiError(f"it is tested on what it is trained on: {each.text}")
