"""What a run may be told: the options, frozen and traced with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from llmi_agent.base.errors import ConfigError, InputError

DEFAULT_CONCURRENCY = {"code": 2, "search": 4, "diffusion": 4, "edit": 2}

DEFAULT_LIMIT, DEFAULT_MODEL_LIMIT = 16, 32

Recording: TypeAlias = Literal["full", "events", "none"]

SAMPLING = ("temperature", "top_p", "max_tokens", "stop")
"""The options that a model is asked with."""
PER_REQUEST = (*SAMPLING, "repairs", "debug_rounds", "retries", "fallbacks", "budget")
"""What a request may set for itself. The rest is the graph's: a client may not open folders, addresses, or money."""


MONEY = frozenset({"budget", "group_budget", "prices"})
PACE = frozenset(
    "concurrency limits call_timeout retries retry_wait model_retries model_silence".split()
)
ASIDE = MONEY | PACE | {"record"}
"""Options that say what it may cost, how much is done and how soon, and how much is kept of it, not what: who changes them
goes on with the same."""


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
    temperature: float | None = Field(default=None, ge=0, le=5, allow_inf_nan=False)
    """How freely the model chooses (`--temperature`). Unset, as all of sampling: the model's own default."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """The share of the likeliest tokens that the model chooses from (`--top-p`)."""
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """The most tokens of one answer (`--max-tokens`)."""
    stop: tuple[Annotated[str, Field(min_length=1, max_length=1_000)], ...] = Field(
        default=(), max_length=16
    )
    """Where one of these comes, the answer ends (`--stop`)."""
    budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars that a run may cost (`--budget`). Calls of unknown price are then refused."""
    group_budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars that all runs of one group may cost together (`--group-budget`)."""
    prices: dict[str, NonNegativeFloat | ModelPrice] = {}
    """What a call of a tool costs, or a model's tokens, by name, where it is unknown or known better."""
    cache: bool = False
    """Whether results of paid and chance tools are found again across runs, too (`--cache`)."""
    download_allow: tuple[str, ...] = ()
    """Private addresses that pictures may be downloaded from all the same, as "host" or "host:port"."""
    folders: tuple[Path, ...] = ()
    """Folders of pictures to search (`--images`)."""
    record: Recording = "events"
    """How much is kept of a run (`--record`): all that happens, with the tokens that the model sampled (`full`) or
    without; or nothing, so that it cannot be gone on with. It changes nothing of the document."""
    weights: str = Field(default="", max_length=200)
    """The version of the weights of the model that is asked first, where its server does not say it (`--weights`)."""

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop(cls, value: Any) -> Any:
        """A single one as it is, as vendors take it, too."""
        return (value,) if isinstance(value, str) else value

    @property
    def sampling(self) -> dict[str, Any]:
        """What a model is asked with, as arguments of a LangChain model; nothing for what is unset."""
        given = {name: getattr(self, name) for name in SAMPLING}
        sampling = {name: value for name, value in given.items() if value not in (None, ())}
        return {**sampling, "stop": list(self.stop)} if self.stop else sampling

    def overlaid(self, given: Mapping[str, Any]) -> Options:
        """These with what a request asks for (`PER_REQUEST`); a request can lower the budget, never raise it.

        Raises InputError for an option that does not exist, that a request may not set, or that cannot be what it is.
        """
        if not given:
            return self
        for name in given:
            if name not in PER_REQUEST:
                known = ", ".join(PER_REQUEST)
                raise InputError(
                    f"a request cannot set the option {name!r:.80}; it can set {known}"
                )
        try:
            asked = Options.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"the request's option {first['loc'][0]} cannot be {first['input']!r:.80}: {first['msg']}"
            ) from None
        update = {name: getattr(asked, name) for name in given}
        if self.budget is not None and "budget" in given:
            update["budget"] = min(
                self.budget, update["budget"] if update["budget"] is not None else self.budget
            )
        return self.model_copy(update=update)

    def keeping(self, record: Recording | None) -> Options:
        """These with how much is kept, if it is given.

        Raises ConfigError for what does not exist, and for a budget that needs what is not kept.
        """
        if record is not None and record not in get_args(Recording):
            known = ", ".join(map(repr, get_args(Recording)))
            raise ConfigError(f"record cannot be {record!r}; known: {known}")
        kept = self.model_copy(update={"record": record or self.record})
        if kept.record == "none" and kept.group_budget is not None:
            raise ConfigError(
                'what a group has spent is read from its records, and record="none" keeps none: leave out group_budget, '
                'or record "events"'
            )
        return kept

    def permits(self, kind: str) -> int:
        """How many calls of `kind` may run at once."""
        return self.concurrency.get(kind, 2)

    def limit(self, name: str, kind: str) -> int:
        """How many calls of a tool, which serves `kind`, or of a `model` may run at once over all documents."""
        default = DEFAULT_MODEL_LIMIT if kind == "model" else DEFAULT_LIMIT
        return self.limits.get(name) or self.limits.get(kind) or default
