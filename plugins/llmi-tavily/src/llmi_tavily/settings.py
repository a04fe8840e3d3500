"""What a user may set under `[tools.tavily_images]`."""

from __future__ import annotations

from typing import Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The tool's section of llmi.toml, validated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_base: AnyHttpUrl = AnyHttpUrl("https://api.tavily.com")
    """Where the API is. The key is sent there and nowhere else."""
    candidates: int = Field(default=6, ge=1, le=20)
    """How many of the found pictures are downloaded at once."""
    depth: Literal["basic", "advanced"] = "basic"
    """Tavily's search depth: 1 credit or 2."""
    include_domains: tuple[str, ...] = ()
    """Search only these sites."""
    exclude_domains: tuple[str, ...] = ()
    """Leave these sites out."""
    country: str | None = None
    """Prefer results from there, in Tavily's spelling: "germany"."""
    min_side: int = Field(default=200, ge=1, le=16_384)
    """Pixels; a picture whose shorter side has fewer is dropped."""
    usd_per_credit: float = Field(default=0.008, ge=0, allow_inf_nan=False)
    """US dollars. The default is Tavily's pay-as-you-go price."""
