"""What a user may set under `[tools.openverse_images]`."""

from __future__ import annotations

from typing import Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, field_validator

Wanted = Literal["any", "commercial", "modification", "commercial,modification", "public-domain"]
"""What a picture's licence has to allow."""
Source = Literal["openverse", "commons"]


class Settings(BaseModel):
    """The tool's section of llmi.toml, validated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    licence: Wanted = "any"
    sources: tuple[Source, ...] = Field(default=("openverse", "commons"), min_length=1)
    """Asked in this order, until one has pictures."""
    candidates: int = Field(default=6, ge=1, le=20)
    """How many of the found pictures are downloaded at once."""
    min_side: int = Field(default=200, ge=1, le=16_384)
    """Pixels; a picture whose shorter side has fewer is dropped."""
    mature: bool = False
    """Whether pictures that Openverse marks as mature or sensitive are taken."""
    openverse_base: AnyHttpUrl = AnyHttpUrl("https://api.openverse.org")
    commons_base: AnyHttpUrl = AnyHttpUrl("https://commons.wikimedia.org")

    @field_validator("sources")
    @classmethod
    def _each_once(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if len(set(sources)) < len(sources):
            raise ValueError("name each source once")
        return sources

    def large_enough(self, shorter_side: int | None) -> bool:
        """Whether a picture with so many pixels is taken; one whose size is not known (None) may be."""
        return (shorter_side or self.min_side) >= self.min_side
