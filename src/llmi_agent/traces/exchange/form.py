"""The form of an exported trace: one row an episode, the same in JSON lines and in Parquet.

`records` is all that is known, as the journal has it; whatever else is there is for readers that have no LLMI. Token
arrays stand in `calls` alone. `docs/traces.md` says what each column is.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

NAME, VERSION = "llmi-trace", 1
SCHEMA = f"{NAME}/{VERSION}"
"""What each row says of itself, so that it is known again when another program has written it into a file of its own."""

Scalar: TypeAlias = Literal["text", "whole", "real", "bool", "bytes"]
Form: TypeAlias = "Scalar | list[Form] | dict[str, Form]"
"""Of a value: of one kind, a list of such values, or a struct. Each may also be null."""

_IMAGE: Form = {"bytes": "bytes", "path": "text"}

COLUMNS: dict[str, Form] = {
    "schema": "text",
    "episode": "text",
    "state": "text",
    "began": "real",
    "ended": "real",
    "prompt": "text",
    "group": "text",
    "member": "whole",
    "split": "text",
    "model": "text",
    "graph": "text",
    "setup": "text",
    "parent": "text",
    "llmi": "text",
    "draft": "text",
    "markdown": "text",
    "usd": "real",
    "unknown_costs": "whole",
    "reward": "real",
    "calls": [
        {
            "call": "text",
            "purpose": "text",
            "model": "text",
            "language_model": "bool",
            "answered_by": "text",
            "weights": "text",
            "slot": "whole",
            "attempt": "whole",
            "parent": "text",
            "again": "whole",
            "accepted": "bool",
            "sampling": "text",
            "messages": "text",
            "text": "text",
            "raw": "text",
            "withheld": "bool",
            "reasoning": "text",
            "finish_reason": "text",
            "cut": "text",
            "error": "text",
            "prompt_ids": ["whole"],
            "completion_ids": ["whole"],
            "logprobs": ["real"],
            "logprob_mode": "text",
            "pieces": {"tokens": ["whole"], "characters": ["whole"]},
            "started": "real",
            "first": "real",
            "ended": "real",
            "input_tokens": "whole",
            "output_tokens": "whole",
            "usd": "real",
        }
    ],
    "slots": [
        {
            "slot": "whole",
            "kind": "text",
            "description": "text",
            "start": "whole",
            "end": "whole",
            "first_token": "whole",
            "last_token": "whole",
            "source": "text",
            "unread": "text",
            "status": "text",
            "digest": "text",
            "reason": "text",
            "message": "text",
            "blame": "text",
            "usd": "real",
            "attempts": [
                {
                    "call": "text",
                    "attempt": "whole",
                    "kind": "text",
                    "tool": "text",
                    "version": "text",
                    "description": "text",
                    "params": "text",
                    "inputs": ["text"],
                    "seed": "whole",
                    "cached": "bool",
                    "executes_code": "bool",
                    "by": "text",
                    "status": "text",
                    "pictures": ["text"],
                    "note": "text",
                    "reason": "text",
                    "message": "text",
                    "step": "text",
                    "blame": "text",
                    "started": "real",
                    "ended": "real",
                    "usd": "real",
                }
            ],
        }
    ],
    "rewards": [
        {
            "at": "real",
            "component": "text",
            "value": "real",
            "scope": "text",
            "about": "text",
            "status": "text",
            "error": "text",
            "profile": "text",
            "judge": "text",
            "rubric": "text",
            "reason": "text",
            "votes": ["real"],
            "current": "bool",
        }
    ],
    "pictures": [
        {
            "digest": "text",
            "media_type": "text",
            "width": "whole",
            "height": "whole",
            "provider": "text",
            "model": "text",
            "source_url": "text",
            "page_url": "text",
            "title": "text",
            "creator": "text",
            "licence": "text",
            "licence_url": "text",
            "attribution": "text",
            "placeholder": "bool",
            "image": _IMAGE,
        }
    ],
    "attachments": [
        {"name": "text", "media_type": "text", "digest": "text", "size": "whole", "file": _IMAGE}
    ],
    "records": [{"kind": "text", "key": "text", "data": "text", "at": "real", "schema": "whole"}],
}
"""Every column, in its order."""

_WHOLE = range(-(2**63), 2**63)
_TYPES: dict[Scalar, tuple[type, ...]] = {
    "text": (str,),
    "whole": (int,),
    "real": (float, int),
    "bool": (bool,),
    "bytes": (bytes, str),  # as base64, where it stands in JSON
}


def fitted(value: Any, form: Form) -> Any:
    """A value that somebody else wrote, as one of this form. Raises ValueError if it is none.

    Other programs write whole numbers, where some are missing, as fractions, and then what is missing as no number.
    """
    if value is None:
        return None
    if isinstance(form, list):
        if not isinstance(value, list):
            raise ValueError("no list")
        return [fitted(each, form[0]) for each in value]
    if isinstance(form, dict):
        if not isinstance(value, dict) or not value.keys() <= form.keys():
            raise ValueError("no such struct")
        return {name: fitted(each, form[name]) for name, each in value.items()}
    if form == "whole" and isinstance(value, float):
        if math.isnan(value):
            return None
        value = int(value) if value.is_integer() else value
    if not isinstance(value, _TYPES[form]) or (isinstance(value, bool) and form != "bool"):
        raise ValueError(f"no {form}")
    if form == "whole" and value not in _WHOLE:
        raise ValueError("too large")
    return value
