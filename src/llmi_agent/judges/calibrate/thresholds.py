"""What a judge must reach to be fit to train with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Thresholds(BaseModel):
    """Settings; docs/calibration.md says how often a verdict by the defaults is right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accuracy: float = Field(default=0.8, ge=0, le=1)
    """The least share of all pairs that are put in the right order, ties as halves."""
    step: float = Field(default=0.65, ge=0, le=1)
    """The same for each pair of versions by itself."""
    spread: float = Field(default=0.2, ge=0)
    """The largest standard deviation of a judgement that is repeated."""
    bias: float = Field(default=0.1, ge=0)
    """The largest mean difference between twins of equal quality, if it is surely not 0."""
    lift: float = Field(default=0.5, gt=0)
    """What no way of telling it its score may raise the score by; of all ways together, the mean may be as large as a bias."""
    missing: float = Field(default=0.05, ge=0, le=1)
    """The largest share of judgements that are missing."""
    topics: int = Field(default=8, ge=2)
    """The fewest topics from which anything can be said."""
    chance: float = Field(default=0.05, gt=0, lt=1)
    """The share of fair judges in whom one of all biases may be seen by chance."""
