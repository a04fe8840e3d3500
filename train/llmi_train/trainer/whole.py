"""All weights of a model that is spread over processes, in one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor

from llmi_train.trainer import loading
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.processes import processes

Save = Callable[[Path], None]
"""Writes a checkpoint into a folder."""


def saving(trainer: Any, loaded: Loaded) -> Save:
    """For the first process, what writes the checkpoint of what is trained. Called in all at once."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    state = state_of(model)

    def save(out: Path) -> None:
        loading.save(model, loaded.tokenizer, out, loaded.folder, state)

    return save


def is_spread(model: torch.nn.Module) -> bool:
    """Whether a process has a part of its weights alone (FSDP2, DeepSpeed's ZeRO-3)."""
    return any(isinstance(each, DTensor) or hasattr(each, "ds_id") for each in model.parameters())


def state_of(model: torch.nn.Module) -> Mapping[str, Any] | None:
    """Its weights by their names, in the first process; None where each has them in the model. Called in all at once."""
    if not is_spread(model):
        return None
    if any(isinstance(each, DTensor) for each in model.parameters()):
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return _tied(model, get_model_state_dict(model, options=options))
    return _tied(model, _of_deepspeed(model))


def _tied(model: torch.nn.Module, state: dict[str, Any]) -> dict[str, Any]:
    """What is one tensor in the model is one in its state, so that it is written once."""
    first: dict[int, str] = {}
    for name, each in model.named_parameters(remove_duplicate=False):
        source = first.setdefault(id(each), name)
        if name in state and source in state:
            state[name] = state[source]
    return state


def _of_deepspeed(model: torch.nn.Module) -> dict[str, Any]:
    import deepspeed  # type: ignore[import-not-found]

    with deepspeed.zero.GatheredParameters(list(model.parameters())):
        whole = {} if not processes().is_main_process else model.state_dict()
        return {name: each.detach().cpu().clone() for name, each in whole.items()}
