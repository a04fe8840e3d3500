"""What is to be made, of whom it is asked, and where it goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.options import Options
from llmi_agent.host.registry import Registry
from llmi_agent.run.adviser import Adviser
from llmi_agent.run.purse import Purse
from llmi_agent.store.artifacts import ArtifactStore
from llmi_train.prompts.make.mix import Mix
from llmi_train.prompts.splits import SHARES, divide
from llmi_train.prompts.writing import ending_of, files_beside

DEADLINE = 120.0
"""Seconds for an answer."""
CONCURRENCY = 16


@dataclass(frozen=True)
class Order:
    """What is to be made. Constructing one validates it: InputError for a form that is not written, or no shares."""

    n: int
    out: Path
    mix: Mix
    seed: int = 0
    split: Mapping[str, float] = field(default_factory=lambda: SHARES)
    """The share of each split."""
    budget: float | None = None
    """US dollars, for all times together that the command is given for this file."""
    concurrency: int = CONCURRENCY
    """Prompts that are made at once."""
    deadline: float = DEADLINE

    def __post_init__(self) -> None:
        ending_of(self.out)
        divide((), self.split)

    @property
    def shares(self) -> str:
        """The splits in a line."""
        return ",".join(f"{name}={share:g}" for name, share in self.split.items())

    @property
    def answers(self) -> Path:
        """Where what the models answered is kept."""
        return self._beside(".answers.jsonl")

    @property
    def files(self) -> Path:
        """The folder of the pictures that go along."""
        return files_beside(self.out)

    def card(self, ending: str) -> Path:
        """Where the card is, in one of its forms."""
        return self._beside(f".card{ending}")

    def _beside(self, ending: str) -> Path:
        return self.out.with_name(self.out.name[: -len(ending_of(self.out))] + ending)


@dataclass(frozen=True)
class Models:
    """Who is asked."""

    writer: Adviser
    checker: Adviser

    @property
    def manner(self) -> str:
        """A digest of what their answers depend on beside the words and the seeds."""
        each = [adviser.manner | {"seed": None} for adviser in (self.writer, self.checker)]
        told = json.dumps(each, sort_keys=True, default=str)
        return hashlib.sha256(told.encode()).hexdigest()


def models_of(
    order: Order,
    registry: Registry,
    store: ArtifactStore,
    options: Options,
    *,
    model: str,
    check_model: str,
    api_base: str | None,
    purse: Purse | None,
) -> tuple[Models, Order]:
    """The two models, and the order with no more at once than they may be asked.

    Raises ConfigError for a name that no policy answers, for a program, and for a price that is unknown under a budget,
    UnavailableError for a missing key or address.
    """
    raised = {"model": order.concurrency, **options.limits}
    options = options.model_copy(update={"limits": raised})
    at_base = check_model.partition("/")[0] == model.partition("/")[0] or "/" not in check_model
    writer = Adviser.of(model, registry, store, api_base=api_base, options=options, budget=purse)
    checker = Adviser.of(
        check_model,
        registry,
        store,
        api_base=api_base if at_base else None,
        options=options,
        budget=purse,
    )
    for adviser in (writer, checker):
        check(adviser, purse is not None)
    most = min(options.limit(each.name, "model") for each in (writer, checker))
    return Models(writer, checker), replace(order, concurrency=min(order.concurrency, most))


def check(adviser: Adviser, budget: bool) -> None:
    """Raises ConfigError for a model that cannot be asked this."""
    if not adviser.language_model:
        raise ConfigError(
            f"{adviser.name} is a program and no language model: name one that can write and read requests, such as "
            "--model openai/gpt-5-mini"
        )
    if budget and not adviser.priced:
        raise ConfigError(
            f"what the model {adviser.name} costs is unknown, and there is a budget: name its price under "
            f'[options.prices] in llmi.toml: "{adviser.name}" = {{input = 0.15, output = 0.6}}  # USD per million tokens'
        )
