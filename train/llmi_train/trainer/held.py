"""The trainer's own model as the policy that writes its rollouts: no second engine, and no copy of the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate.utils import DistributedType

import llmi_transformers.folder
from llmi_agent.base.errors import ConfigError
from llmi_agent.contract import PolicyFailed
from llmi_agent.contract.policy import PolicyModel, PolicyRequest
from llmi_agent.host.policies import RegisteredPolicy, error_of
from llmi_train.trainer.loading import Loaded
from llmi_transformers.held import Held
from llmi_transformers.plugin import SPEC
from llmi_transformers.settings import settings_of

PREFIX = "online/"


@dataclass(frozen=True)
class Made(RegisteredPolicy):
    """A policy that lives in this process."""

    maker: Callable[[PolicyRequest], PolicyModel]

    def make(self, request: PolicyRequest) -> PolicyModel:
        """The chat model."""
        return self.maker(request)


class HeldPolicy:
    """Writes with the weights that are trained, adapters among them, in evaluation mode."""

    api_base: str | None = None

    def __init__(
        self,
        loaded: Loaded,
        name: str,
        compute: torch.dtype,
        *,
        at_once: int,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        """name: of the training, for what is on record. at_once: answers that are written together. template: what the chat
        template is given besides; None: as LLMI_TRANSFORMERS_TEMPLATE says. Raises ConfigError or InputError if it cannot
        write so.
        """
        self.model = PREFIX + name
        with _told():
            settings = replace(settings_of(os.environ), batch=at_once)
            if template:
                settings = replace(settings, template=json.dumps(dict(template), sort_keys=True))
            folder = llmi_transformers.folder.folder_of(str(loaded.folder))
            self._held = Held(folder, loaded.model, loaded.tokenizer, settings, compute)
        spec = replace(
            SPEC,
            name=PREFIX + "*",
            description="the model that is being trained",
            load=f"{__name__}:HeldPolicy",
            reads=(),
        )
        self.registered = Made(spec, "llmi-train", "llmi-train", "", self._held.chat)

    def attach(self, trainer: Any) -> None:
        """Raises ConfigError if no process has all weights."""
        kind = trainer.accelerator.distributed_type
        stage = getattr(trainer.accelerator.state.deepspeed_plugin, "zero_stage", 0)
        if kind == DistributedType.FSDP or (kind == DistributedType.DEEPSPEED and stage == 3):
            raise ConfigError(
                "the weights are spread over the processes (FSDP, ZeRO-3), so that none of them can write rollouts with them: serve "
                "the policy with vLLM and name it with --vllm"
            )
        with _told():
            self._held.use(trainer.accelerator.unwrap_model(trainer.model))

    def writing(self, version: str) -> AbstractContextManager[None]:
        """As `StepPolicy` says."""
        return self._held.writing(version)


@contextmanager
def _told() -> Iterator[None]:
    """What a policy says of its failure, as what it is to the user."""
    try:
        yield
    except PolicyFailed as error:
        raise error_of(error) from None
