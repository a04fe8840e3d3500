"""Whether a call was sampled from the policy's own distribution, as far as what was sent of sampling says it.

A logprob on record is that of the token under the policy that sampled it only where nothing cut or bent the distribution; else
every ratio to it is biased, and nothing shows that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

STATED = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
"""What a model's own `generation_config` sets where nothing is sent: only what is on record is known."""
NEUTRAL: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "top_p": (1,),
        "top_k": (-1, 0),
        "min_p": (0,),
        "typical_p": (1,),
        "repetition_penalty": (1,),
        "presence_penalty": (0,),
        "frequency_penalty": (0,),
        "no_repeat_ngram_size": (0,),
        "min_tokens": (0,),
        "n": (1,),
        "best_of": (1,),
        "num_beams": (1,),
        "do_sample": (True,),
        "ignore_eos": (False,),
        "response_format": ({"type": "text"},),
        "tool_choice": ("none", "auto"),
    }
)
"""What a field may be without touching the distribution; None, or nothing in it, is always that."""
IDLE = frozenset(
    "temperature seed max_tokens max_completion_tokens max_new_tokens logprobs top_logprobs prompt_logprobs return_token_ids "
    "return_tokens_as_token_ids stream stream_options user model timeout skip_special_tokens chat_template_kwargs "
    "spaces_between_special_tokens include_stop_str_in_output reasoning_effort parallel_tool_calls".split()
)
"""Fields that say how much is sampled, from what prompt, or what is told of it: never what is likely."""
MODES = ("processed_logprobs", "raw_logprobs")


def temperature_of(sampling: Mapping[str, Any], trusted: bool = False) -> float | None:
    """At what it was sampled; None if that is not on record, and 1 where that is trusted to be so."""
    value = sampling.get("temperature")
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return 1.0 if value is None and trusted else None


def unstated(sampling: Mapping[str, Any]) -> list[str]:
    """The fields that the model's own settings may have set."""
    return [name for name in STATED if sampling.get(name) is None]


def bent(sampling: Mapping[str, Any]) -> str:
    """What cut or bent the distribution, in a clause; empty if nothing did."""
    for name, value in sampling.items():
        if name in IDLE or value is None or (_is_empty(value)):
            continue
        if not any(value == each for each in NEUTRAL.get(name, ())):
            return f"it was sampled with {name}={str(value)[:60]}"
    return ""


def told(mode: str, temperature: float) -> str:
    """Why the logprobs are not those of what was sampled, in a clause; empty if they are."""
    if mode and mode not in MODES:
        return f"its server says that what it gives are {mode[:40]!r}, which are no logprobs"
    if temperature == 1 or mode == MODES[0]:
        return ""
    if mode:
        return f"its logprobs are raw ones, which ignore the temperature {temperature:g} that it was sampled at"
    return f"it was sampled at the temperature {temperature:g}, and it is not on record whether its logprobs know of that"


def _is_empty(value: Any) -> bool:
    return isinstance(value, str | list | tuple | dict) and not value
