"""What a run may be told: the options, frozen and traced with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

DEFAULT_CONCURRENCY = {"code": 2, "search": 4, "diffusion": 4, "edit": 2}

DEFAULT_LIMIT, DEFAULT_MODEL_LIMIT = 16, 32


class ModelPrice(BaseModel):
    """What a language model costs, in US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """ "0.15/0.60" as it stands in an environment variable."""
        if isinstance(value, str) and value.count("/") == 1:
            return dict(zip(("input", "output"), value.split("/"), strict=True))
        return value


class Options(BaseModel):
    """Every field is a key of `[options]` in llmi.toml and an environment variable `LLMI_<FIELD>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialect: Literal["json", "python"] = "json"
    """The form of slots that the system prompt teaches: ours, or the published LLM-I one."""
    reader: Literal["lenient", "strict"] = "lenient"
    """How the policy's slots are read."""
    repairs: int = Field(default=2, ge=0, le=100)
    """How often the policy is asked to repair a slot's parameters."""
    debug_rounds: int = Field(default=3, ge=0, le=100)
    """The same for tools that execute its code."""
    retries: int = Field(default=1, ge=0, le=20)
    """How often a call is repeated as it is, after a failure of the infrastructure."""
    retry_wait: float = Field(default=1.0, ge=0)
    """Seconds before the first such repetition; doubled for each further one."""
    fallbacks: bool = True
    """Whether search and diffusion stand in for each other, which the caption then says."""
    concurrency: dict[str, PositiveInt] = DEFAULT_CONCURRENCY
    """Calls of a kind that run at once within a document; 2 for a kind that is not named."""
    limits: dict[str, PositiveInt] = {}
    """Calls that run at once over all documents of a graph, by the name of the tool, kind or model, or as `model`.

    16 of a tool and 32 of a model where none of these is named.
    """
    call_timeout: PositiveFloat | None = None
    """Seconds for one call, instead of each tool's own."""
    seed: int = 0
    """Where chance plays a part: each slot and attempt gets a number of its own that is derived from it."""
    model_retries: int = Field(default=3, ge=0, le=20)
    """How often a model that is unreachable or out of quota is asked again, before a fallback model is."""
    model_silence: PositiveFloat = 120.0
    """Seconds without a word from the model after which it counts as unreachable."""
    vision: bool | None = None
    """Whether the model sees the attached pictures. Unset: what is known of the model decides."""
    budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars that a run may cost (`--budget`). Calls of unknown price are then refused."""
    prices: dict[str, NonNegativeFloat | ModelPrice] = {}
    """What a call of a tool costs, or a model's tokens, by name, where it is unknown or known better."""
    cache: bool = False
    """Whether results of paid and chance tools are found again across runs, too (`--cache`)."""
    download_allow: tuple[str, ...] = ()
    """Private addresses that pictures may be downloaded from all the same, as "host" or "host:port"."""
    folders: tuple[Path, ...] = ()
    """Folders of pictures to search (`--images`)."""

    def permits(self, kind: str) -> int:
        """How many calls of `kind` may run at once."""
        return self.concurrency.get(kind, 2)

    def limit(self, name: str, kind: str) -> int:
        """How many calls of a tool, which serves `kind`, or of a `model` may run at once over all documents."""
        default = DEFAULT_MODEL_LIMIT if kind == "model" else DEFAULT_LIMIT
        return self.limits.get(name) or self.limits.get(kind) or default
