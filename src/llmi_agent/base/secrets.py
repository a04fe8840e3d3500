"""Secrets: values that must never be seen, and the eraser that sees to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

_NAMES = re.compile(
    r"(?i)(?:^|_)(?:api_?key|auth_?key|key|token|secret|password|passwd|pass|credentials?)(?:$|_)"
)
_SHORTEST = 6


class Redactor:
    """Replaces the values of secrets wherever they turn up in text or in nested data."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        spelled = {form for value in values for form in _spellings(value.strip())}
        kept = sorted((v for v in spelled if len(v) >= _SHORTEST), key=len, reverse=True)
        self._values = kept
        self._starts = frozenset(value[0] for value in kept)
        self._longest = len(kept[0]) - 1 if kept else 0
        self._pattern = re.compile("|".join(map(re.escape, kept))) if kept else None

    def text(self, text: str) -> str:
        return self._pattern.sub("[secret]", text) if self._pattern else text

    def unfinished(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a secret."""
        for start in range(max(len(text) - self._longest, 0), len(text)):
            end = text[start:]
            if text[start] in self._starts and any(v.startswith(end) for v in self._values):
                return len(end)
        return 0

    def data(self, value: Any) -> Any:
        """The same for strings inside dicts, lists and tuples; other values pass as they are."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.data(item) for item in value)
        return value


def _spellings(value: str) -> set[str]:
    """A value as it is, and as it stands in addresses and in JSON."""
    return {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}


def looks_secret(name: str) -> bool:
    """Whether a variable or a setting of this name holds a secret."""
    return bool(_NAMES.search(name))


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """The values of the variables whose names say that they are secret."""
    return [value for name, value in environ.items() if value and looks_secret(name)]
