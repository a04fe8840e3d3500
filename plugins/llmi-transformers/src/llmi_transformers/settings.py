"""How a checkpoint is loaded and asked, from the variables that the user may set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmi_agent.contract import PolicyFailed

DTYPES = ("float32", "bfloat16", "float16")
DEFAULT_BATCH = 64
_PREFIX = "LLMI_TRANSFORMERS_"


@dataclass(frozen=True)
class Settings:
    """What is left out is chosen when the checkpoint is loaded."""

    device: str = ""
    """As torch names it; empty: a GPU if there is one."""
    dtype: str = ""
    """One of `DTYPES`; empty: float32 on a CPU, elsewhere that of the checkpoint."""
    batch: int = DEFAULT_BATCH
    """Answers that are written at once."""
    template: str = "{}"
    """What the chat template is given besides, as a JSON object."""

    @property
    def template_options(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.template)
        return found


def settings_of(given: Mapping[str, str]) -> Settings:
    """From the environment. Raises PolicyFailed for what cannot be."""
    values = {
        name: given.get(_PREFIX + name, "").strip()
        for name in ("DEVICE", "DTYPE", "BATCH", "TEMPLATE")
    }
    if values["DTYPE"] and values["DTYPE"] not in DTYPES:
        raise _wrong("DTYPE", values["DTYPE"], f"one of {', '.join(DTYPES)}")
    batch = values["BATCH"] or str(DEFAULT_BATCH)
    if not batch.isdecimal() or not 0 < int(batch) <= 4096:
        raise _wrong("BATCH", batch, "how many answers are written at once, from 1 to 4096")
    return Settings(values["DEVICE"], values["DTYPE"], int(batch), _template(values["TEMPLATE"]))


def _template(given: str) -> str:
    try:
        found = json.loads(given or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _wrong("TEMPLATE", given, """a JSON object, such as {"enable_thinking": false}""")
    return json.dumps(found, sort_keys=True)


def _wrong(name: str, given: str, meant: str) -> PolicyFailed:
    return PolicyFailed(f"{_PREFIX}{name} is {given!r:.80}, and should be {meant}", "setting")
