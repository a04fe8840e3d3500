"""What a recipe may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, Strict

Command: TypeAlias = Literal["online", "offline", "sft"]
Strategy: TypeAlias = Literal["one", "ddp", "fsdp2", "deepspeed-zero3"]
Texts: TypeAlias = Annotated[tuple[str, ...], Strict(False)]
Gigabytes: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=65_536)]

SHARDED = ("fsdp2", "deepspeed-zero3")
"""Strategies under which a process holds a part of the weights."""


def _hyphened(name: str) -> str:
    return name.replace("_", "-")


class Part(BaseModel):
    """A table of it. Its keys are written with hyphens, as options are."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=_hyphened, populate_by_name=True
    )


class Launch(Part):
    """How the processes are started that train together."""

    strategy: Strategy = "one"
    """`one` process; `ddp`: each has all weights; `fsdp2` and `deepspeed-zero3`: each has its share of them."""
    processes: Count = 1
    """On each node: one for each of its GPUs that train."""
    nodes: Count = 1

    @property
    def in_all(self) -> int:
        """Processes."""
        return self.processes * self.nodes


class Server(Part):
    """vLLM's server, which samples in the place of the trainer's process."""

    tensor_parallel: Count = 1
    """GPUs that share one copy of the model. They must divide its heads."""
    data_parallel: Count = 1
    """Copies; more than one for mixtures of experts alone."""
    max_length: Count | None = None
    """Tokens of a prompt with its answer."""
    gpu_memory: Annotated[float, Field(gt=0, le=1)] = 0.9
    """The share of each GPU's memory that it takes."""
    more: Texts = ()
    """Further arguments of `vllm serve`."""

    @property
    def gpus(self) -> int:
        return self.tensor_parallel * self.data_parallel


class Needs(Part):
    """What must be there to run it."""

    gpus: Annotated[int, Field(ge=0, le=65_536)] = 0
    """On each machine that trains."""
    gpu_memory: Gigabytes = 0.0
    """GB (of 10^9 bytes) that each has."""
    memory: Gigabytes = 0.0
    """GB of main memory of each machine."""
    packages: Texts = ()
    """Besides those that training needs anyway, each with the versions that will do, such as `vllm>=0.22`."""


class Model(Part):
    """The checkpoint that it is written for."""

    name: Annotated[str, Field(min_length=1)]
    """As its publisher calls it."""
    parameters: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    config: dict[str, Any]
    """Values of its config.json by which it is known."""
    get: str = ""
    """How it is got, if not by downloading it."""


class Recipe(Part):
    """A training."""

    path: Path = Field(exclude=True)
    """The file that it stands in."""
    given: str = Field(exclude=True)
    """How it was named."""
    about: Annotated[str, Field(min_length=1)]
    """In a sentence."""
    command: Command
    """Of `llmi-train`."""
    options: dict[str, Any] = {}
    """Those of the command, by their names without the hyphens before them."""
    launch: Launch = Launch()
    server: Server | None = None
    needs: Needs = Needs()
    model: Model | None = None
