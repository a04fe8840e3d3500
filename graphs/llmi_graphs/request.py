"""What a run starts from, as a graph's state has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.base.text import printable
from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.records.events import Input


def conversation(state: Mapping[str, Any]) -> list[BaseMessage]:
    """What was said up to the thread's last human message, as plain text."""
    spoken: list[BaseMessage] = []
    for turn in state.get("earlier") or []:
        spoken += [HumanMessage(turn["prompt"]), AIMessage(turn["text"])]
    for message in state.get("messages") or []:
        if isinstance(message, HumanMessage):
            spoken.append(HumanMessage(printable(str(message.text))))
        elif isinstance(message, AIMessage) and message.text:
            spoken.append(AIMessage(str(message.text)))
    while spoken and not isinstance(spoken[-1], HumanMessage):
        spoken.pop()
    return spoken


def attachments_of(state: Mapping[str, Any]) -> tuple[Attachment, ...]:
    return tuple(Attachment(**each) for each in state.get("attachments") or ())


def inputs_of(state: Mapping[str, Any]) -> tuple[Input, ...]:
    return tuple(
        Input(**{**each, "provenance": Provenance(**each["provenance"])})
        for each in state.get("inputs") or ()
    )


def demand_of(state: Mapping[str, Any]) -> Demand | None:
    """Raises InputError if it is none."""
    given = state.get("demand")
    if not given:
        return None
    if not isinstance(given, Mapping) or not set(given) <= {"pictures", "kinds"}:
        raise InputError(f"demand must be an object with pictures and kinds, not {given!r:.80}")
    kinds = given.get("kinds") or ()
    try:
        if not isinstance(kinds, list | tuple):
            raise ValueError(f"kinds {kinds!r:.80}: a list of names")
        return Demand(**{**given, "kinds": tuple(kinds)})
    except (TypeError, ValueError) as error:
        raise InputError(f"demand: {error}") from None
