"""By what a slot is told from others."""

from __future__ import annotations

import hashlib
import json

from llmi_agent.draft.types import BadSlot, Slot


def slot_digest(slot: Slot | BadSlot) -> str:
    """By which a verdict on record is told to hold for a slot, wherever it stands in the draft."""
    said = {name: value for name, value in vars(slot).items() if name != "span"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
