"""The mix that prompts are made to: shares of constraints, kinds, languages and data; topics, audiences, genres."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from llmi_agent.base.errors import ConfigError
from llmi_agent.base.invalid import first_fault
from llmi_agent.contract import Demand
from llmi_train.prompts.make.kinds import IMPLIED

LANGUAGES = {"en": "English", "zh": "Chinese"}
"""Those of which a rule can tell whether they say a number of pictures."""
MOST_BYTES = 1024 * 1024

Data = Literal["table", "none"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Names(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[Words, ...] = Field(min_length=1, max_length=10_000)


class Mix(BaseModel):
    """What is wanted, as shares that need not sum up to anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pictures: dict[int, Share]
    """By what `Demand.pictures` is to say."""
    kinds: dict[str, Share]
    """By kinds that are needed together, joined by "+", of prompts that may have pictures."""
    data: dict[Data, Share]
    """Of prompts that need a chart: where its numbers come from."""
    languages: dict[str, Share]
    topics: dict[Words, Annotated[tuple[Words, ...], Field(min_length=1)]] = Field(min_length=1)
    audiences: _Names
    genres: _Names

    @model_validator(mode="after")
    def _known(self) -> Mix:
        for name in ("pictures", "kinds", "data", "languages"):
            if not any(getattr(self, name).values()):
                raise ValueError(f"[{name}] gives nothing a share above 0")
        for value in self.pictures:
            Demand(value)
        for language in self.languages:
            if language not in LANGUAGES:
                raise ValueError(
                    f"there is no language {language!r}; known: {', '.join(LANGUAGES)}"
                )
        for name in self.kinds:
            _check(name)
        return self

    @cached_property
    def digest(self) -> str:
        """Of all of it."""
        told = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


def together(name: str) -> tuple[str, ...]:
    """The kinds in a name such as `search+code`."""
    return tuple(part.strip() for part in name.split("+") if part.strip())


def load_mix(path: Path | None = None) -> Mix:
    """The stated mix, with the tables of a file in place of its own. Raises ConfigError, naming file and fault."""
    data = tomllib.loads((files(__package__) / "default.toml").read_text("utf-8"))
    given = _read(path) if path else {}
    for name in given:
        if name not in Mix.model_fields:
            known = ", ".join(Mix.model_fields)
            raise ConfigError(f"{path}: there is no table [{name}]; known: {known}")
    try:
        return Mix.model_validate({**data, **given})
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}") from None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{path} has more than {MOST_BYTES:,} bytes: is it a mix?")
        return tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _check(name: str) -> None:
    kinds = together(name)
    if not kinds or len(set(kinds)) < len(kinds):
        raise ValueError(f"kinds {name!r}: write one, or several joined by '+', each once")
    for kind in kinds:
        if kind not in IMPLIED:
            raise ValueError(f"there is no kind {kind!r}; known: {', '.join(IMPLIED)}")
