"""plan: the policy streams a draft; every slot of it is sent on its way."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Literal

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.runnables import RunnableConfig
from langgraph.types import Send

from llmi_agent.contract.hooks import ModelContext
from llmi_agent.contract.policy import ATTACHMENTS, PROMPT
from llmi_agent.document.messages import reference
from llmi_agent.draft import BadSlot, Slot, Text, Void
from llmi_agent.run.ask import CutShort, Restart
from llmi_agent.run.previews import COPIES, describe
from llmi_agent.run.prompt import system_prompt, user_message
from llmi_agent.run.session import Session
from llmi_agent.run.stray_tasks import disowned
from llmi_graphs.interleave.observe import ahead
from llmi_graphs.interleave.open import tell_opened
from llmi_graphs.interleave.state import State, Turn
from llmi_graphs.machine import Machine, attachments_of, conversation, slot_digest

_REASONED = "what the model wrote so far was its reasoning; the document begins here"


async def plan(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """A draft that is complete in the journal is not asked for again.

    Raises PolicyError if the model gives no draft.
    """
    own = machine.as_asked(state)
    session = await machine.session(own, config)
    tell_opened(machine, session, own)
    draft = session.journal.draft
    if draft is None:
        draft = await _written(machine, own, config, session)
    else:
        await _Slots(machine, session, own).take(draft, end=True)
    return {"draft": draft, "episode": own["episode"], "request": own.get("request", "")}


async def _written(machine: Machine, state: State, config: RunnableConfig, session: Session) -> str:
    """The policy's draft, journalled as it comes."""
    journal, policy = session.journal, machine.policy
    messages = messages_from_dict(journal.asked)
    if not messages:
        messages = await _messages(machine, state, session)
    asked = machine.toolkit.redactor.data(messages_to_dict(messages))
    journal.ask(asked)
    pieces: list[str] = []
    slots, writer, cut = _Slots(machine, session, state), policy.name, ""
    context = ModelContext(session.episode)
    async with aclosing(policy.draft(messages, config, context, session.ledger)) as stream:
        async for piece in stream:
            if isinstance(piece, Restart):
                session.emit({"type": "restart", "model": piece.model, "message": piece.message})
                journal.ask(asked)
                pieces.clear()
                await session.discard()
                slots, writer = _Slots(machine, session, state), piece.model
                continue
            if isinstance(piece, CutShort):
                cut = piece.message
                continue
            pieces.append(piece)
            journal.text(piece)
            await slots.take(piece, writer=writer)
    draft = "".join(pieces)
    journal.drafted(draft, writer, cut)
    await slots.take("", writer=writer, end=True)
    return draft


class _Slots:
    """Reads the draft as it comes, tells of its text, and sends each slot on its way the moment its tag closes."""

    def __init__(self, machine: Machine, session: Session, state: State) -> None:
        self._machine, self._session, self._state = machine, session, state
        self._reader = machine.reader(len(session.inputs))
        self._origins: list[str] = []

    async def take(self, piece: str, *, writer: str = "", end: bool = False) -> None:
        """The next piece of the draft; its `end` may close what is still open."""
        for block in [*self._reader.feed(piece), *(self._reader.close() if end else [])]:
            if isinstance(block, Void):
                self._session.emit({"type": "restart", "model": writer, "message": _REASONED})
                self._origins.clear()
                await self._session.discard()
            elif isinstance(block, Text):
                self._session.emit({"type": "text", "text": block.text})
            else:
                self._send(block)

    def _send(self, block: Slot | BadSlot) -> None:
        self._origins.append(slot_digest(block))
        if isinstance(block, BadSlot):
            self._plan(block, "", block.reason)
            return
        self._plan(block, block.kind, block.description)
        if self._session.journal.verdict(block.index, self._origins[-1]) is None:
            turn = _start(self._state, asdict(block), list(self._origins))
            self._session.begin(block.index, ahead(self._machine, self._session, turn))

    def _plan(self, block: Slot | BadSlot, kind: str, description: str) -> None:
        self._session.slot_event(block.index, "planned", kind=kind, description=description)


def slots_of(machine: Machine, state: State) -> list[Send] | Literal["compose"]:
    """One Send per slot, in slot order; straight to compose if the draft has none."""
    own = machine.as_asked(state)
    inputs = own.get("inputs") or []
    slots = machine.read(own["draft"], len(inputs)).slots
    origins = [slot_digest(slot) for slot in slots]
    turns = [_start(own, asdict(slot), origins) for slot in slots]
    return [Send("slot", {"turn": turn}) for turn in turns] or "compose"


def _start(state: State, slot: dict[str, Any], origins: list[str]) -> Turn:
    return {
        "episode": state["episode"],
        "seed": state["seed"],
        "attachments": state.get("attachments") or [],
        "inputs": state.get("inputs") or [],
        "slot": slot,
        "origins": origins,
        "attempt": 0,
        "retries": 0,
        "repairs": 0,
        "exchange": [],
    }


async def _messages(machine: Machine, state: State, session: Session) -> list[BaseMessage]:
    """The system prompt, the thread so far, and the last human message with its attachments described."""
    attachments, toolkit = attachments_of(state), machine.toolkit
    *earlier, last = conversation(state)
    prompt = str(last.text)
    with disowned():
        files = await describe(attachments, toolkit.registry, toolkit.store)
    told = user_message(prompt, session.inputs, files.texts)
    pictures = [reference(each.digest, each.media_type) for each in session.inputs]
    asked = HumanMessage(
        [{"type": "text", "text": told}, *pictures] if pictures else told,
        additional_kwargs={
            ATTACHMENTS: [asdict(each) for each in attachments],
            COPIES: [asdict(each) for each in files.copies],
            PROMPT: prompt,
        },
    )
    system = SystemMessage(system_prompt(toolkit.kinds.values(), toolkit.options.dialect))
    # Providers refuse an empty message, which one with nothing but files is by now.
    return [system, *(each if each.text else HumanMessage("(files)") for each in earlier), asked]
