"""The commands that a recipe is run by, as they can be pasted into a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from llmi_train.recipes.recipe import Launch, Server

_CONFIGS = Path(__file__).parent / "accelerate"
_TRANSFER = json.dumps({"backend": "nccl"})
PORT = 29500


def server_command(model: str, server: Server, port: int) -> str:
    """vLLM's server as TRL pushes weights to it: its development endpoints, its engine for that, logprobs as they are sampled by."""
    command = [
        "vllm", "serve", model, "--port", str(port),
        "--tensor-parallel-size", str(server.tensor_parallel),
        "--data-parallel-size", str(server.data_parallel),
        "--gpu-memory-utilization", f"{server.gpu_memory:g}",
        *(["--max-model-len", str(server.max_length)] if server.max_length else []),
        "--weight-transfer-config", _TRANSFER,
        "--logprobs-mode", "processed_logprobs", "--max-logprobs", "-1",
        *server.more,
    ]  # fmt: skip
    return f"VLLM_SERVER_DEV_MODE=1 {shlex.join(command)}"


def trainer_commands(launch: Launch, command: str, arguments: Sequence[str]) -> list[str]:
    """One for each node; of several, each knows its number and the address of the first."""
    if launch.in_all == 1:
        return [shlex.join(["llmi-train", command, *arguments])]
    return [
        " ".join([*_launched(launch, node), shlex.join(["-m", "llmi_train", command, *arguments])])
        for node in range(launch.nodes)
    ]


def _launched(launch: Launch, node: int) -> list[str]:
    config = _CONFIGS / f"{launch.strategy}.yaml"
    given = ["accelerate", "launch", "--config_file", shlex.quote(str(config))]
    given += ["--num_processes", str(launch.in_all)]
    if launch.nodes > 1:
        given += ["--num_machines", str(launch.nodes), "--machine_rank", str(node)]
        given += ["--main_process_ip", "$FIRST_NODE", "--main_process_port", str(PORT)]
    return given
