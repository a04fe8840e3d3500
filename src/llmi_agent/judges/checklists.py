"""Checklists for many prompts: each document is judged by the criteria of what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.contract.judging import Exhibit
from llmi_agent.judges.criteria import COMPONENT, Checklist, criteria_of
from llmi_agent.judges.memory import Scores
from llmi_agent.judges.patience import Patience
from llmi_agent.run.adviser import Adviser

MOST_BYTES = 64 * 1024 * 1024
ANY_PROMPT = ""
"""The key of the criteria that hold for every prompt that has none of its own."""

Criteria = Mapping[str, Mapping[str, str]]
"""By prompt, criteria by name."""


class Checklists:
    """A judge whose criteria are those of the prompt. A document whose prompt has none gets no score.

    criteria: by prompt. Settings: as a `Checklist`'s. Raises ConfigError as it does.
    """

    def __init__(self, adviser: Adviser, criteria: Criteria, **settings: Any) -> None:
        if not criteria:
            raise ConfigError("there are no criteria")
        self.adviser = adviser
        shared = {"patience": Patience(), **settings}
        self._own = {
            prompt: Checklist(adviser, each, **shared) for prompt, each in criteria.items()
        }

    @property
    def name(self) -> str:
        """The model that it asks."""
        return self.adviser.name

    @property
    def components(self) -> tuple[str, ...]:
        """The score that it gives of each document. Beside it there are `criteria.NAME`s."""
        return (COMPONENT,)

    @property
    def rubric(self) -> str:
        """A digest of all its criteria; each score has that of its own."""
        own = sorted((prompt, each.rubric) for prompt, each in self._own.items())
        return hashlib.sha256(json.dumps(own).encode()).hexdigest()[:16]

    async def judge(self, exhibit: Exhibit) -> Scores:
        """Its scores; none for a prompt without criteria."""
        own = self._own.get(exhibit.prompt.strip()) or self._own.get(ANY_PROMPT)
        return await own.judge(exhibit) if own else ()


def read_criteria(path: Path) -> Criteria:
    """The criteria of a file, by prompt.

    One JSON value is a list of criteria, or an object of them, for every prompt. JSON lines have a `prompt` each, and its
    criteria as `checklist`, or as `r1` to `r10`. Raises InputError if it cannot be read, or has none.
    """
    text = _text(path)
    try:
        whole = json.loads(text)
    except ValueError:
        return _by_prompt(path, text.splitlines())
    if isinstance(whole, dict) and "prompt" in whole:
        return _by_prompt(path, [json.dumps(whole)])
    return {ANY_PROMPT: _criteria(path, whole)}


def _by_prompt(path: Path, lines: Sequence[str]) -> Criteria:
    found: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where} is not JSON: {error}") from None
        prompt = row.get("prompt") if isinstance(row, dict) else None
        if not isinstance(prompt, str) or not prompt.strip():
            raise InputError(f"{where} has no prompt")
        criteria = _criteria(where, {k: v for k, v in row.items() if k != "prompt"})
        if found.setdefault(prompt.strip(), criteria) != criteria:
            raise InputError(f"{where} has other criteria for a prompt that was there before")
    if not found:
        raise InputError(f"{path} has no criteria")
    return found


def _criteria(where: object, value: Any) -> dict[str, str]:
    try:
        if not isinstance(value, Mapping | list):
            raise InputError(f"{type(value).__name__} is no list of criteria")
        return criteria_of(value)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} has more than {MOST_BYTES:,} bytes")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
