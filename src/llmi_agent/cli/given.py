"""What `run` and `batch` are both told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Given:
    """The options that they share, as the command line has them."""

    model: str | None
    fallback: Sequence[str]
    api_base: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    stop: Sequence[str]
    budget: float | None
    cache: bool
    folders: Sequence[str]
    formats: tuple[str, ...]
    """Empty: as before, if a run is gone on with."""
    use: Sequence[tuple[str, str]]
    graph: str
    record: str | None
    weights: str | None
    split: str = ""
    group_budget: float | None = None

    @property
    def flags(self) -> dict[str, Any]:
        """The part of it that is configuration, for `load_config`."""
        flags: dict[str, Any] = {f"use.{kind}": tool for kind, tool in self.use}
        given = {
            "model": self.model,
            "fallback": tuple(self.fallback) or None,
            "api_base": self.api_base,
            "options.temperature": self.temperature,
            "options.top_p": self.top_p,
            "options.max_tokens": self.max_tokens,
            "options.stop": tuple(self.stop) or None,
            "options.budget": self.budget,
            "options.group_budget": self.group_budget,
            "options.cache": self.cache or None,
            "options.folders": self.folders or None,
            "options.record": self.record,
            "options.weights": self.weights,
        }
        return flags | {name: value for name, value in given.items() if value is not None}
