"""What a run may be told: the options, frozen and traced with it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

DEFAULT_CONCURRENCY = {"code": 2, "search": 4, "diffusion": 4, "edit": 2}


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
    call_timeout: PositiveFloat | None = None
    """Seconds for one call, instead of each tool's own."""
    seed: int = 0
    """Where chance plays a part."""
    folders: tuple[Path, ...] = ()
    """Folders of pictures to search (`--images`)."""

    def permits(self, kind: str) -> int:
        """How many calls of `kind` may run at once."""
        return self.concurrency.get(kind, 2)
