"""Events without the secrets that anybody may have put into them: a name, an option, an address, a label."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from pydantic import BaseModel

from llmi_agent.base.secrets import Redactor
from llmi_agent.records.events import (
    CallJob,
    Composed,
    Event,
    Halted,
    ModelStarted,
    Opened,
    Ordered,
    Restarted,
    Resumed,
    Rewarded,
    SlotTurned,
)

_OPEN = (
    CallJob,
    Composed,
    Halted,
    ModelStarted,
    Opened,
    Ordered,
    Restarted,
    Resumed,
    Rewarded,
    SlotTurned,
)
"""What users, settings and vendors say in these reaches no other door. All others are freed of secrets where they are made:
digests and spans hold for them as they are, and they are many."""


def cleaned(event: Event, redactor: Redactor) -> Event:
    """What is to be told of it. All that is told of a run comes this way."""
    if not redactor or not isinstance(event, _OPEN):
        return event
    found: Event = _cleaned(event, redactor)
    return found


def _cleaned(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, BaseModel):
        new = {name: _cleaned(getattr(value, name), redactor) for name in type(value).model_fields}
        return value.model_copy(update=new)
    if is_dataclass(value) and not isinstance(value, type):
        own = {each.name: getattr(value, each.name) for each in fields(value)}
        return replace(value, **{name: _cleaned(each, redactor) for name, each in own.items()})
    if isinstance(value, tuple):
        return tuple(_cleaned(each, redactor) for each in value)
    return redactor.data(value)
