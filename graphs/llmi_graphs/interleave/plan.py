"""plan: the policy streams a draft; every slot of it is sent on its way."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Literal

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
    messages_from_dict,
)
from langchain_core.runnables import RunnableConfig
from langgraph.types import Send

from llmi_agent.contract.policy import ATTACHMENTS, PROMPT
from llmi_agent.document.messages import reference
from llmi_agent.draft import BadSlot, Block, Draft, Slot, Text, Void, joined, slot_digest
from llmi_agent.records.events import DraftRead, Restarted, Text as ShownText
from llmi_agent.run.answer import Question
from llmi_agent.run.ask import Restart
from llmi_agent.run.previews import COPIES, describe
from llmi_agent.run.prompt import system_prompt, user_message
from llmi_agent.run.session import Session
from llmi_agent.run.stray_tasks import disowned
from llmi_graphs.interleave.blocks import draft_of, plain
from llmi_graphs.interleave.given import planned
from llmi_graphs.interleave.observe import ahead
from llmi_graphs.interleave.open import tell_opened
from llmi_graphs.interleave.redacted import redacted
from llmi_graphs.interleave.state import State, Turn
from llmi_graphs.machine import Machine
from llmi_graphs.request import attachments_of, conversation

_REASONED = "what the model wrote so far was its reasoning; the document begins here"


async def plan(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """The draft's blocks. A draft that is complete in the journal is not asked for again.

    Raises PolicyError if the model gives no draft.
    """
    own = machine.as_asked(state)
    session = await machine.session(own, config)
    tell_opened(machine, session, own)
    draft = session.known.draft
    if draft is None:
        slots = await _written(machine, own, config, session)
    else:
        slots = _Slots(machine, session, own)
        await slots.take(draft)
    await slots.end()
    return {
        "draft": [plain(block) for block in slots.blocks],
        "episode": own["episode"],
        "parent": own.get("parent", ""),
        "request": own.get("request", ""),
    }


async def _written(
    machine: Machine, state: Mapping[str, Any], config: RunnableConfig, session: Session
) -> _Slots:
    """The slots of the policy's draft, which is put on record as it comes."""
    policy = machine.policy
    messages = messages_from_dict(session.known.last_asked)
    if not messages:
        messages = await _messages(machine, state, session)
    slots, writer = _Slots(machine, session, state), policy.name
    question = Question("draft", messages)
    quiet = machine.sessions.left_out(config)
    async with aclosing(policy.stream(question, session, quiet)) as stream:
        async for piece in stream:
            if isinstance(piece, Restart):
                session.tell(Restarted(model=piece.model, message=piece.message))
                await session.discard()
                slots, writer = _Slots(machine, session, state), piece.model
            elif isinstance(piece, str):
                await slots.take(piece, writer)
    return slots


class _Slots:
    """Reads the draft as it comes, tells of its text, and sends each slot on its way the moment its tag closes."""

    def __init__(self, machine: Machine, session: Session, state: Mapping[str, Any]) -> None:
        self._machine, self._session, self._state = machine, session, state
        self._reader = machine.reader(len(session.inputs))
        self._read: list[Block | Void] = []
        self._origins: list[str] = []

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What the draft is made of, so far."""
        return joined(self._read)

    async def take(self, piece: str, writer: str = "") -> None:
        """The next piece of the draft, by this model."""
        for block in self._reader.feed(piece):
            await self._take(block, writer)

    async def end(self) -> None:
        """The draft is complete, which may close what is still open."""
        for block in self._reader.close():
            await self._take(block, "")
        spans = Draft(self.blocks).text_spans
        self._session.tell(DraftRead(texts=spans, wrapper=self._reader.wrapper))

    async def _take(self, block: Block | Void, writer: str) -> None:
        if isinstance(block, Slot | BadSlot):
            block = redacted(self._machine, block)
        self._read.append(block)
        if isinstance(block, Void):
            self._session.tell(Restarted(model=writer, message=_REASONED))
            self._origins.clear()
            await self._session.discard()
        elif isinstance(block, Text):
            self._session.tell(ShownText(text=block.text))
        else:
            self._send(block)

    def _send(self, block: Slot | BadSlot) -> None:
        origin = slot_digest(block)
        self._origins.append(origin)
        self._session.tell(planned(block))
        known = self._session.journal.verdict(block.index, origin)
        if isinstance(block, Slot) and known is None:
            turn = _start(self._state, plain(block), list(self._origins))
            self._session.begin(block.index, ahead(self._machine, self._session, turn))


async def slots_of(
    machine: Machine, state: State, config: RunnableConfig
) -> list[Send] | Literal["compose"]:
    """One Send per slot, in slot order; straight to compose if the draft has none.

    Async although it awaits nothing: LangGraph would give it a thread of its own otherwise.
    """
    own = machine.as_asked(state)
    slots = [each for each in own["draft"] if each["type"] != "text"]
    origins = [slot_digest(slot) for slot in draft_of(slots).slots]
    fork: dict[str, Any] = {} if own is state else {"fork": dict(own)}
    turns = [{**_start(own, slot, origins), **fork} for slot in slots]
    return [Send("slot", {"turn": turn}) for turn in turns] or "compose"


def _start(state: Mapping[str, Any], slot: dict[str, Any], origins: list[str]) -> Turn:
    return {
        "episode": state["episode"],
        "seed": state["seed"],
        "options": state.get("options") or {},
        "group": state.get("group") or "",
        "attachments": state.get("attachments") or [],
        "inputs": state.get("inputs") or [],
        "slot": slot,
        "origins": origins,
        "attempt": 0,
        "retries": 0,
        "repairs": 0,
        "exchange": [],
    }


async def _messages(
    machine: Machine, state: Mapping[str, Any], session: Session
) -> list[BaseMessage]:
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
