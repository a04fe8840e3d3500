"""All that can be said of a training before it is started."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from llmi_agent.base.errors import ConfigError, LlmiError
from llmi_train.recipes import checks, memory
from llmi_train.recipes.checkpoint import Shape, parameters_in, shape_of
from llmi_train.recipes.finding import Finding
from llmi_train.recipes.launching import server_command, trainer_commands
from llmi_train.recipes.packages import packages
from llmi_train.recipes.recipe import Recipe
from llmi_train.recipes.work import Work, work_of

_READ = 2048
"""Tokens of a prompt, where nothing says how many they may be: the system prompt of all tools, and a page."""
_WRITTEN = 4096
_PORT = 8000
_MOST = 2**40
"""What is larger is reckoned as this."""
_VLLM = "vllm>=0.22,<=0.31"
"""What TRL 1.16 can give weights to."""


@dataclass(frozen=True)
class Plan:
    """What would run, by which commands, and what is in the way."""

    recipe: Recipe
    options: Mapping[str, Any]
    """What was said of the command's options, by the recipe or besides, by their names."""
    besides: frozenset[str]
    """Which of them are not the recipe's, but said besides."""
    work: Work
    reckoned: memory.Run | None
    """None where the model's size is not known."""
    server: str
    """The command that starts it; empty if there is none."""
    trainer: Sequence[str]
    """The command for each machine; none if what is said cannot be run anywhere."""
    findings: Sequence[Finding]

    @property
    def missing(self) -> list[Finding]:
        return [each for each in self.findings if each.state == "missing"]

    def as_json(self) -> dict[str, Any]:
        """With plain values."""
        parts = memory.parts(self.reckoned) if self.reckoned else []
        return {
            "recipe": str(self.recipe.path),
            "about": self.recipe.about,
            "command": self.recipe.command,
            "options": dict(self.options),
            "besides": sorted(self.besides),
            "launch": self.recipe.launch.model_dump(by_alias=True),
            "work": vars(self.work),
            "memory": {
                "bytes": {part.what: part.bytes for part in parts},
                "all": sum(part.bytes for part in parts) or None,
                "doubt": memory.DOUBT,
            },
            "server": self.server or None,
            "trainer": list(self.trainer),
            "findings": [vars(each) for each in self.findings],
            "ready": not self.missing,
        }


def plan_of(
    recipe: Recipe,
    given: Mapping[str, Any],
    said: Mapping[str, Any],
    besides: frozenset[str],
    words: Sequence[str],
) -> Plan:
    """given: the values of the command's options. said, besides: as `Plan` has them. words: what was said besides, as it was."""
    run = _run(recipe, given)
    findings = list(_findings(recipe, given, run))
    runs = not any(each.state == "missing" and each.what in checks.SAID for each in findings)
    server = recipe.server if runs and given.get("vllm") else None
    trainer = trainer_commands(recipe.launch, recipe.command, ["--recipe", recipe.given, *words])
    return Plan(
        recipe=recipe,
        options=said,
        besides=besides,
        work=work_of(recipe.command, given),
        reckoned=run,
        server=server_command(given["model"], server, _port(given["vllm"])) if server else "",
        trainer=trainer if runs else (),
        findings=findings,
    )


def _findings(
    recipe: Recipe, given: Mapping[str, Any], run: memory.Run | None
) -> Iterator[Finding]:
    try:
        yield from packages(_packages(recipe, given))
    except ConfigError as error:
        yield Finding("missing", "packages", f"{recipe.path}: {error}")
    if find_spec("llmi_transformers"):
        yield from checks.files(recipe, given)
    yield from checks.judged(given, recipe.command)
    if "use" in given:
        yield from checks.tools(given)
    yield from checks.together(recipe, given)
    yield from checks.devices(recipe.needs, run)


def _packages(recipe: Recipe, given: Mapping[str, Any]) -> list[str]:
    """Besides those that each training needs: the recipe's, and those that its way needs."""
    way = [_VLLM] if given.get("vllm") else []
    way += ["deepspeed"] if recipe.launch.strategy == "deepspeed-zero3" else []
    return list(dict.fromkeys([*recipe.needs.packages, *way]))


def _run(recipe: Recipe, given: Mapping[str, Any]) -> memory.Run | None:
    shape = _shape(recipe, given.get("model"))
    if shape is None:
        return None
    server = recipe.server if given.get("vllm") else None
    most = given.get("longest") or (server.max_length if server else None)
    written = min(given.get("max_tokens") or _WRITTEN, most or math.inf)
    here = recipe.command == "online" and not given.get("vllm")
    half = given["dtype"] == "bfloat16" or (given["dtype"] == "auto" and bool(recipe.needs.gpus))
    return memory.Run(
        shape,
        recipe.launch.strategy,
        recipe.launch.in_all,
        min(given["rows_at_once"], _MOST),
        min(int(most - written), _MOST) if most else _READ,
        min(int(written), _MOST),
        half,
        given["lora"] and min(given["lora"], _MOST),
        given["recompute"],
        given["concurrency"] if here else 0,
    )


def _shape(recipe: Recipe, model: str | None) -> Shape | None:
    """Of the checkpoint that is there, else of the one that the recipe is for."""
    found = _checkpoint(model) if model else None
    if found is not None:
        return found
    wanted = recipe.model
    return shape_of(wanted.config, wanted.parameters) if wanted else None


def _checkpoint(model: str) -> Shape | None:
    if not find_spec("llmi_transformers"):
        return None
    from llmi_train.trainer.place import checkpoint

    try:
        folder = checkpoint(model)
    except LlmiError:
        return None
    count = parameters_in(folder.whole)
    return shape_of(folder.config, count) if count else None


def _port(url: str) -> int:
    return urlsplit(url).port or _PORT
