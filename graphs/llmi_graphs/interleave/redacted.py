"""What the reader makes of a draft, redacted again: undoing a payload's escapes may bring a secret to light."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from llmi_agent.draft import BadSlot, Slot, format_slot
from llmi_graphs.machine import Machine

_NEEDS_IT = "the slot holds a secret, which is erased, and cannot be read without it; write it without the secret"


def redacted(machine: Machine, slot: Slot | BadSlot) -> Slot | BadSlot:
    """The slot as it may be told, called and shown."""
    redactor = machine.toolkit.redactor
    if isinstance(slot, BadSlot):
        return replace(slot, raw=redactor.text(slot.raw), reason=redactor.text(slot.reason))
    said = slot.description, slot.params
    description, params = redactor.data(said)
    if (description, params) == said:
        return slot
    clean = replace(slot, description=description, params=params)
    try:
        machine.toolkit.kinds[slot.kind].params.model_validate(params)
    except ValidationError:
        raw = format_slot(clean, dialect=machine.toolkit.options.dialect)
        return BadSlot(slot.index, raw, _NEEDS_IT, slot.span)
    return clean
