"""What every kind of training here can be told, and the arguments of transformers that follow from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from transformers.integrations import get_available_reporting_integrations
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_train.trainer.processes import processes

Dtype: TypeAlias = Literal["auto", "float32", "bfloat16"]
Schedule: TypeAlias = Literal["cosine", "linear", "constant"]

FULL_LR, LORA_LR = 1e-6, 1e-5
_SCHEDULES: Mapping[Schedule, Mapping[str, Any]] = {
    "cosine": {
        "lr_scheduler_type": "cosine_with_min_lr",
        "lr_scheduler_kwargs": {"min_lr_rate": 0.01},
    },
    "linear": {"lr_scheduler_type": "linear"},
    "constant": {"lr_scheduler_type": "constant_with_warmup"},
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How weights are changed. The defaults are those of the published LLM-I recipe, where it has one."""

    NO_WEIGHT: ClassVar[frozenset[str]] = frozenset(
        {"save_every", "keep_checkpoints", "report_to", "log_every"}
    )
    """Settings that the trained weights do not follow from."""

    step_rows: int = 64
    """Rows to one step of the optimizer, over all processes."""
    rows_at_once: int = 8
    """Rows that go through the model together, in each process: what memory allows. The result is the same for any."""
    lr: float | None = None
    """The highest learning rate; None: 1e-6, and 1e-5 with LoRA."""
    schedule: Schedule = "cosine"
    """How it falls after the warm-up: `cosine` to a hundredth of it, `linear` to nothing, `constant` not at all."""
    warmup: float = 4
    """Steps in which it rises; below 1, the share of all steps. A tenth of them at most: below ten steps, none."""
    weight_decay: float = 0.1
    clip: float = 1.0
    """The largest norm of a gradient; 0: any."""
    lora: int | None = None
    """The rank of adapters on all linear layers, which are trained instead of the weights; None: the weights are."""
    dtype: Dtype = "auto"
    """What is computed in; `auto`: bfloat16 on a GPU that has it, else float32. The weights that are trained are kept in float32."""
    seed: int = 0
    recompute: bool = False
    """Keep less of the forward pass for the backward one, and work it out again: less memory, a quarter more time."""
    save_every: int = 50
    """Steps between two checkpoints, from which a training that was cut goes on."""
    keep_checkpoints: bool = False
    """Keep all of them, also when it is done."""
    report_to: tuple[str, ...] = ()
    """Where figures go besides: `tensorboard`, `wandb`, `trackio` or another name that transformers knows."""
    log_every: int = 1
    """Steps between two reports."""

    @property
    def compute(self) -> torch.dtype:
        """What is computed in. Raises ConfigError if the device has no bfloat16."""
        gpu = torch.cuda.is_available()
        able = not gpu or torch.cuda.is_bf16_supported()
        if self.dtype == "bfloat16" and not able:
            raise ConfigError("this GPU has no bfloat16; leave --dtype out, or say float32")
        if self.dtype == "auto":
            return torch.bfloat16 if gpu and able else torch.float32
        return torch.bfloat16 if self.dtype == "bfloat16" else torch.float32

    @property
    def kept(self) -> torch.dtype:
        """What the weights of the model are kept in: those that adapters are trained for need not be exact."""
        return self.compute if self.lora else torch.float32

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.lr if self.lr is not None else LORA_LR if self.lora else FULL_LR

    def said(self) -> dict[str, Any]:
        """What the trained weights follow from, as JSON has it: two trainings in which this is equal are the same."""
        numbers = {k: v for k, v in asdict(self).items() if k not in self.NO_WEIGHT}
        return {**numbers, "lr": self.rate, "dtype": str(self.compute).removeprefix("torch.")}

    def shares(self) -> tuple[int, int]:
        """How `step_rows` are divided: rows that go through the model together, and how often, in each process.

        Raises ConfigError if they cannot be divided equally among the processes, or if one process sees several GPUs.
        """
        count = processes().num_processes
        if count == 1 and (gpus := torch.cuda.device_count()) > 1:
            raise ConfigError(
                f"{gpus} GPUs are there, and a process trains on one: make one visible (CUDA_VISIBLE_DEVICES=0), or start as many "
                f"processes (accelerate launch --multi_gpu --num_processes {gpus} -m llmi_train ...; llmi-train plan prints the line for a recipe)"
            )
        own, left = divmod(self.step_rows, count)
        if left or not own:
            raise ConfigError(
                f"{self.step_rows} rows to a step cannot be divided among {count} processes equally; "
                f"--step-rows must be a multiple of {count}"
            )
        at_once = max(n for n in range(1, min(own, self.rows_at_once) + 1) if own % n == 0)
        return at_once, own // at_once

    def arguments(self, out: Path) -> dict[str, Any]:
        """For `TrainingArguments` and what TRL makes of them."""
        at_once, times = self.shares()
        return {
            "output_dir": str(out),
            "per_device_train_batch_size": at_once,
            "gradient_accumulation_steps": times,
            "learning_rate": self.rate,
            "warmup_steps": self.warmup,
            **_SCHEDULES[self.schedule],
            "weight_decay": self.weight_decay,
            "max_grad_norm": self.clip,
            "seed": self.seed,
            "bf16": self.compute == torch.bfloat16,
            "use_cpu": not torch.cuda.is_available(),
            "activation_checkpointing": self.recompute,
            "save_strategy": "steps",
            "save_steps": self.save_every,
            "save_total_limit": None if self.keep_checkpoints else 2,
            "logging_steps": self.log_every,
            "logging_nan_inf_filter": False,
            "report_to": list(reporters(self.report_to)),
            "disable_tqdm": True,
            "dataloader_pin_memory": torch.cuda.is_available(),
        }


_PACKAGES = {"comet_ml": "comet-ml", "azure_ml": "azureml-mlflow", "neptune": "neptune"}


def reporters(names: tuple[str, ...]) -> tuple[str, ...]:
    """These names. Raises ConfigError for one that transformers does not know, UnavailableError for one that is not installed."""
    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            known = ", ".join(sorted(INTEGRATION_TO_CALLBACK))
            raise ConfigError(f"figures cannot be reported to {name!r}; transformers knows {known}")
        if name not in get_available_reporting_integrations():
            package = _PACKAGES.get(name, name)
            raise UnavailableError(
                f"{name} is not installed, so nothing can be reported to it: pip install {package}"
            )
    return names


def quiet() -> None:
    """Libraries say nothing on their own account, and look nothing up on a network."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
