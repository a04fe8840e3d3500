"""The way from the GGUF to documents before and after training, in a folder: each stage is a command that anyone could type."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import LlmiError
from llmi_agent.traces import Chosen, traces
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.writing import write as write_prompts
from llmi_train_smollm2 import checkpoint, prompts
from llmi_train_smollm2.drafts import examples, paragraphs
from llmi_train_smollm2.requests import TEST, TRAIN, requests

HERE = Path(__file__).parent
PHOTOS = HERE.parents[1] / "data" / "photos"
BASE, WARM, TRAINED = "base", "sft", "grpo"
"""Checkpoints: as it was published, after the warm-up, and after one pass over its own traces."""
PROSE = "A few sentences will do, in two paragraphs without headings or lists."
"""What the published model is asked besides, for prose without pictures."""

WARM_UP: Mapping[str, Any] = {
    "lora": 16, "lr": 1e-3, "step_rows": 8, "rows_at_once": 8, "schedule": "linear", "warmup": 3, "weight_decay": 0.0,
    "save_every": 10,
}  # fmt: skip
GRPO: Mapping[str, Any] = {
    "loss": "gspo", "clip_low": 0.1, "clip_high": 0.15, "lora": 16, "lr": 1e-3, "step_rows": 16, "rows_at_once": 8,
    "schedule": "linear", "warmup": 2, "weight_decay": 0.0, "save_every": 5, "probe_rows": 16,
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    examples: int = 6
    """Drafts of each request to warm up on."""
    proses: int = 4
    """Times that the published model writes of each request, for these."""
    prompts: int = 24
    """That traces are collected of."""
    group: int = 8
    tested: int = 40
    """Held-out prompts."""
    samples: int = 1
    """Episodes of each of these; of the published model, which writes no slot, one."""
    shown: int = 10
    """Held-out prompts of which documents are shown, each of another request."""


@dataclass(frozen=True)
class Course:
    """What is there already is not done again; what was cut goes on."""

    folder: Path
    size: Size = field(default_factory=Size)
    device: str = ""
    """`cpu` or `cuda`; empty: a GPU if there is one."""
    seed: int = 0

    def begin(self) -> None:
        """The checkpoint, the files of prompts, the settings. Raises LlmiError, also if the folder was begun otherwise."""
        asked = {"seed": self.seed, **asdict(self.size)}
        if (known := self._kept(f"{BASE}.json")) is not None:
            check_same(known["asked"], asked, self.folder)
            return
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("llmi.toml", "smollm2.toml"):
            shutil.copy(HERE / name, self.folder)
        self._write_prompts()
        checkpoint.convert(checkpoint.packaged(), self.folder / BASE)
        self._keep(f"{BASE}.json", {"asked": asked, "wall": time.monotonic() - began})

    def warm_up(self) -> dict[str, Any]:
        """Learn the form of slots from drafts of which many are wrong."""
        self._done(
            "collected-prose", "collect", "--prompts", "prose.jsonl", "--model", f"transformers/{BASE}",
            "--group", str(self.size.proses), "--split", "prose", "--max-tokens", "160", "--temperature", "0.4", "--concurrency", "64",
        )  # fmt: skip
        self._write_examples()
        given = ("--examples", "examples.jsonl", *self._from_to(BASE, WARM), *_options(WARM_UP))
        return self._learnt(WARM, "sft", *given)

    def collect(self) -> dict[str, Any]:
        """Groups of episodes of the warm policy, through the graph and its tools."""
        given = ("--prompts", "train.jsonl", "--model", f"transformers/{WARM}", "--group")
        return self._done("collected", "collect", *given, str(self.size.group), *self._run())

    def train(self) -> dict[str, Any]:
        """One pass of GRPO over these traces."""
        given = ("--policy", f"transformers/{WARM}", *self._from_to(WARM, TRAINED))
        return self._learnt(TRAINED, "offline", *given, *_options(GRPO))

    def evaluate(self, policy: str) -> dict[str, Any]:
        """Fresh episodes on held-out prompts, beside those of the warm policy."""
        given = ("--prompts", "test.jsonl", "--model", f"transformers/{policy}")
        against = () if policy == WARM else ("--baseline", f"transformers/{WARM}")
        number = ("--samples", "1" if policy == BASE else str(self.size.samples))
        return self._done(f"eval-{policy}", "eval", *given, *number, *against, *self._run())

    def documents(self, policy: str) -> Path:
        """Pages of the prompts that are shown, in a folder."""
        out = f"documents-{policy}"
        given = ("shown.jsonl", "--model", f"transformers/{policy}", "--out", out)
        images = ("--images", str(PHOTOS), "--concurrency", "16")
        self._done(out, "batch", *given, *images, program="llmi")
        return self.folder / out

    def _write_prompts(self) -> None:
        own = [each for each in requests() if each.split == TRAIN]
        asked = [
            TrainingPrompt(
                f"{e.prompt}\n\n{PROSE}", split="prose", language="en", id=f"prose-{e.id:04}"
            )
            for e in own
        ]
        write_prompts(asked, self.folder / "prose.jsonl")
        test = prompts.wishes(TEST, 9, self.seed)
        check_apart(own, test)
        prompts.write(
            self.folder / "train.jsonl",
            prompts.wishes(TRAIN, 9, self.seed + 1)[: self.size.prompts],
        )
        prompts.write(self.folder / "test.jsonl", test[: self.size.tested])
        prompts.write(self.folder / "shown.jsonl", test[: self.size.shown])

    def _write_examples(self) -> None:
        written = traces([self.home], Chosen(split="prose"))
        prose: dict[str, list[list[str]]] = {}
        for each in written:
            if own := paragraphs(each.draft or ""):
                prose.setdefault(each.prompt.removesuffix(PROSE).strip(), []).append(own)
        wished = prompts.wishes(TRAIN, self.size.examples, self.seed)
        with (self.folder / "examples.jsonl").open("w", encoding="utf-8") as file:
            for example in examples(wished, prose, self.seed):
                file.write(json.dumps(example) + "\n")

    def minutes(self) -> list[tuple[str, str]]:
        """How long each stage took, in the order in which they ended; of one that was cut, its last part."""
        kept = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        found = [(path.stem, json.loads(path.read_text()).get("wall")) for path in kept]
        return [(name, "" if wall is None else f"{wall / 60:.1f}") for name, wall in found]

    @property
    def home(self) -> Path:
        return (self.folder / "home").resolve()

    def _from_to(self, model: str, out: str) -> tuple[str, ...]:
        return ("--model", model, "--out", out, "--seed", str(self.seed), "--dtype", "bfloat16")

    def _run(self) -> tuple[str, ...]:
        """How episodes are run."""
        return ("--profile", "smollm2.toml", "--images", str(PHOTOS), "--concurrency", "64")

    def _learnt(self, out: str, command: str, *given: str) -> dict[str, Any]:
        """As `_done`; a training that was stopped just after its end is not begun again."""
        story = self.folder / out / "training.json"
        if self._kept(f"{out}.json") is None and story.exists():
            told = json.loads(story.read_text())
            if told.get("state") == "done":
                return self._keep(f"{out}.json", told["figures"])
        return self._done(out, command, *given, "--resume")

    def _done(
        self, result: str, command: str, *given: str, program: str = "llmi-train"
    ) -> dict[str, Any]:
        """What the command answered, in the folder, with the seconds that it took; from the file where that is kept, if it is there."""
        if (known := self._kept(f"{result}.json")) is not None:
            return known
        print(f"$ {' '.join((program, command, *given))}", file=sys.stderr, flush=True)
        began = time.monotonic()
        path = str(Path(sys.executable).with_name(program))
        done = subprocess.run(
            [path, command, *given, "--json"], cwd=self.folder, env=self._environment(),
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise LlmiError(
                f"{program} {command} ended with exit code {done.returncode}, see above"
            )
        return self._keep(
            f"{result}.json", {**_said(done.stdout), "wall": time.monotonic() - began}
        )

    def _environment(self) -> dict[str, str]:
        own = {"LLMI_HOME": str(self.home), "LLMI_TRANSFORMERS_DTYPE": "bfloat16"}
        if self.device:
            own["LLMI_TRANSFORMERS_DEVICE"] = self.device
        if self.device == "cpu":
            own["CUDA_VISIBLE_DEVICES"] = ""
        return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **own}

    def _kept(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else None

    def _keep(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        new = self.folder / f".{name}"
        new.write_text(json.dumps(found))
        new.replace(self.folder / name)
        return found


def _said(stdout: str) -> dict[str, Any]:
    """The object that a command printed; of one for each line, all in a list."""
    try:
        found: dict[str, Any] = json.loads(stdout)
    except ValueError:
        found = {"lines": [json.loads(line) for line in stdout.splitlines()]}
    return found


def check_same(known: Mapping[str, Any], asked: Mapping[str, Any], folder: Path) -> None:
    """Raises LlmiError if a folder was begun with other settings."""
    for name, value in asked.items():
        if known.get(name) != value:
            raise LlmiError(
                f"{folder} was begun with {name} {known.get(name)}, and {value} is asked for: name another folder with --out"
            )


def check_apart(seen: Sequence[Any], tested: Sequence[prompts.Wish]) -> None:
    """Raises LlmiError if a request that is tested is among those that are trained on."""
    texts = {each.prompt for each in seen}
    for each in tested:
        if each.request.prompt in texts:
            raise LlmiError(f"it is tested on what it is trained on: {each.request.prompt}")


def _options(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        yield from (f"--{name.replace('_', '-')}", str(value))
