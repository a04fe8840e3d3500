"""vLLM's server as the policy that writes the rollouts of an online training.

Before each step TRL's client gives it the weights, over NCCL from the trainer's GPU to the server's; llmi-vllm asks it, as it
asks any server of vLLM, so that what it sampled is on record with its logprobs.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from trl.generation.vllm_generation import VLLMGeneration
from trl.import_utils import is_vllm_available

from llmi_agent.base.errors import LlmiError, UnavailableError
from llmi_agent.host.policies import RegisteredPolicy
from llmi_train.trainer.place import server_of
from llmi_train.trainer.processes import processes

PREFIX = "vllm/"
MODE = "VLLM_LOGPROBS_MODE"
"""The variable by which llmi-vllm is told how the server computes logprobs."""
_START = (
    "start it as `llmi-train plan RECIPE` prints it: VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --weight-transfer-config "
    """'{"backend": "nccl"}' --logprobs-mode processed_logprobs"""
)
_SECONDS = 20.0
_MOST_BYTES = 16 * 1024 * 1024


class Pushing(Protocol):
    """What gives a server the weights that are trained."""

    def sync_weights(self) -> None:
        """In all processes at once."""


Push = Callable[[str, Any], Pushing]
"""From the server's address and the trainer."""


def over_nccl(base: str, trainer: Any) -> Pushing:
    """TRL's own way."""
    pushing: Pushing = VLLMGeneration(
        model=trainer.model,
        accelerator=trainer.accelerator,
        processing_class=trainer.processing_class,
        mode="server",
        server_base_url=base,
        server_timeout=_SECONDS,
    )
    return pushing


class ServedPolicy:
    """A model on a server, by the name that it has there."""

    registered: RegisteredPolicy | None = None

    def __init__(self, url: str, push: Push | None = None) -> None:
        """url: the server's, with or without /v1. push: how it is given the weights; None: over NCCL.

        Raises ConfigError for what is no address, UnavailableError if no server answers there that can be given weights, or if
        this machine cannot give them.
        """
        self._base = server_of(url)
        self._push = push or over_nccl
        if push is None:
            _check_nccl()
        if not find_spec("llmi_vllm"):
            raise UnavailableError("--vllm needs the plugin llmi-vllm: pip install llmi-vllm")
        self.api_base: str | None = f"{self._base}/v1"
        self.model = PREFIX + self._name()
        self._check_server()
        self._pushing: Pushing | None = None

    def attach(self, trainer: Any) -> None:
        """Raises UnavailableError if the server and this process find no way for the weights."""
        try:
            self._pushing = self._push(self._base, trainer)
        except Exception as error:
            raise UnavailableError(
                f"no way was found to give weights to the server at {self._base}: {_line(error)}; {_START}"
            ) from error

    @contextmanager
    def writing(self, version: str) -> Iterator[None]:
        """As `StepPolicy` says. Raises LlmiError if the server does not take the weights."""
        assert self._pushing
        try:
            self._pushing.sync_weights()
        except Exception as error:
            raise LlmiError(
                f"the server at {self._base} did not take the weights {version}: {_line(error)}; start it again, and go on with "
                "--resume"
            ) from error
        processes().wait_for_everyone()  # the first one gives them, and none may ask before
        yield

    def _name(self) -> str:
        found = self._asked("/v1/models")
        try:
            name = found["data"][0]["id"]
        except (KeyError, IndexError, TypeError):
            name = None
        if not isinstance(name, str) or not name:
            raise UnavailableError(
                f"what answers at {self._base} is no server of vLLM: it names no model"
            )
        return name

    def _check_server(self) -> None:
        """Raises UnavailableError if it is not started so that it can be given weights."""
        told = self._asked("/server_info?config_format=json")
        config = told.get("vllm_config") if isinstance(told, dict) else None
        if not isinstance(config, dict):
            raise UnavailableError(
                f"the server at {self._base} does not say how it was started; {_START}"
            )
        if config.get("weight_transfer_config") is None:
            raise UnavailableError(f"the server at {self._base} takes no weights; {_START}")
        mode = _within(config, "logprobs_mode")
        if isinstance(mode, str) and mode in ("processed_logprobs", "raw_logprobs"):
            os.environ.setdefault(MODE, mode)

    def _asked(self, path: str) -> Any:
        """What it answers, as JSON. Raises UnavailableError."""
        try:
            with urllib.request.urlopen(self._base + path, timeout=_SECONDS) as answer:
                return json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            raise UnavailableError(self._refusal(error.code, path)) from None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise UnavailableError(
                f"no server of vLLM answers at {self._base} ({why}); {_START}"
            ) from None

    def _refusal(self, status: int, path: str) -> str:
        if status == 401:
            return (
                f"the server at {self._base} wants a key, and TRL's client, which gives it the weights, has none to send: start it "
                "without --api-key, where nobody else reaches it"
            )
        if path.startswith("/server_info"):
            return f"the server at {self._base} lacks the endpoints that take weights; {_START}"
        return f"what answers at {self._base} is no server of vLLM: {path} gives {status}"


def _check_nccl() -> None:
    """Raises UnavailableError if this process could not give weights to any server."""
    if not is_vllm_available():
        raise UnavailableError(
            "vLLM is not installed here, and weights are given to its server by its own library: pip install 'trl[vllm]'"
        )
    if not torch.cuda.is_available():
        raise UnavailableError(
            "weights go to vLLM's server over NCCL, from one NVIDIA GPU to another, and this process sees none; without --vllm the "
            "model writes in this process"
        )


def _within(tree: Any, name: str) -> Any:
    """The first value that goes by this name, however deep."""
    waiting = [tree]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict):
            if name in each:
                return each[name]
            waiting += each.values()
    return None


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
