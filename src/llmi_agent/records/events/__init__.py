"""What happens in an episode, each thing said once: the events, typed and frozen. The durable ones are its records.

A listener is told of every event as it happens: the journal writes the durable ones, the stream and the log show what a
user interface or a person may want to see. Whoever reads an episode's records back has all that happened, in its order:
nothing is recorded twice. `docs/events.md` has a row for each.

What a type says holds for the events of schema `journal.SCHEMA`; `records.former` reads those of earlier ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, get_args

from llmi_agent.records.events.model import (
    Message as Message,
    ModelEnded as ModelEnded,
    ModelStarted as ModelStarted,
    ModelText as ModelText,
    Tokens as Tokens,
)
from llmi_agent.records.events.reward import (
    TOTAL as TOTAL,
    Rewarded as Rewarded,
    Scope as Scope,
)
from llmi_agent.records.events.run import (
    Composed as Composed,
    Halted as Halted,
    Input as Input,
    Noted as Noted,
    Opened as Opened,
    Ordered as Ordered,
    Progressed as Progressed,
    Restarted as Restarted,
    Resumed as Resumed,
    Text as Text,
    Unsampled as Unsampled,
)
from llmi_agent.records.events.slot import (
    By as By,
    CallEnded as CallEnded,
    CallJob as CallJob,
    CallStarted as CallStarted,
    Charged as Charged,
    DraftGiven as DraftGiven,
    DraftRead as DraftRead,
    SlotPlanned as SlotPlanned,
    SlotSettled as SlotSettled,
    SlotTurned as SlotTurned,
    Step as Step,
)

Event: TypeAlias = (
    Opened
    | Resumed
    | Ordered
    | Message
    | ModelStarted
    | ModelText
    | ModelEnded
    | Restarted
    | SlotPlanned
    | DraftGiven
    | DraftRead
    | CallStarted
    | CallJob
    | CallEnded
    | Charged
    | SlotTurned
    | SlotSettled
    | Composed
    | Halted
    | Rewarded
    | Text
    | Progressed
    | Unsampled
    | Noted
)

EVENTS: Mapping[str, type[Event]] = {each.type: each for each in get_args(Event)}
"""Every event by its type."""
