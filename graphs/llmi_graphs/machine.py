"""What the nodes close over: the toolkit, the policy, and the open sessions."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.messages import Images, picture_url
from llmi_agent.draft import BadSlot, Draft, DraftReader, Slot, parse, slot_in
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.run.ask import Policy
from llmi_agent.run.session import Emit, Input, Session
from llmi_agent.run.sessions import Sessions
from llmi_agent.run.toolkit import Toolkit
from llmi_graphs.interleave.state import State


@dataclass(frozen=True)
class Machine:
    """Shared by all runs of one compiled graph."""

    toolkit: Toolkit
    policy: Policy
    sessions: Sessions
    images: Images = "text"
    """How the final message carries pictures."""
    pictures_at: str = ""
    """The address below which clients fetch pictures by their digest; empty if there is none."""
    paths: bool = True
    """Whether a request may name files by their paths, as text."""

    async def session(self, state: Mapping[str, Any], config: RunnableConfig) -> Session:
        """The live half of this state's episode, writing its events to the running node's stream."""
        episode, toolkit = state["episode"], self.toolkit

        async def make() -> Session:
            held = partial(EpisodeJournal.held, toolkit.journal, toolkit.store, episode)
            return Session(
                episode,
                toolkit,
                attachments_of(state),
                inputs_of(state),
                self._writer(),
                state["seed"],
                await asyncio.to_thread(held),
            )

        return await self.sessions.get(episode, config, make)

    def as_asked(self, state: State) -> State:
        """The state, as an episode of its own if it was changed since it was opened (`update_state`).

        What is on record of an episode is an answer to what it was opened with, and to nothing else. The same change
        gives the same episode, so it can be gone on with, too.
        """
        now, opened = self.request(state), state.get("request") or ""
        if opened in ("", now):
            return state
        forked = hashlib.sha256(f"{state['episode']} {now}".encode()).hexdigest()[:32]
        return {**state, "episode": forked, "request": now}

    def request(self, state: State) -> str:
        """A digest of what is asked: the conversation, all that it starts from, and how the draft is read."""
        spoken = [(message.type, message.text) for message in conversation(state)]
        given = [state.get("attachments") or [], state.get("inputs") or [], state.get("seed")]
        text = json.dumps([spoken, given, self._form], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _writer(self) -> Emit:
        """The running node's stream; a picture's event says where it can be fetched."""
        write = get_stream_writer()
        if not self.pictures_at:
            return write

        def with_address(event: Mapping[str, Any]) -> None:
            digest = event.get("digest")
            write({**event, "url": picture_url(self.pictures_at, digest)} if digest else event)

        return with_address

    def journal(self, episode: str) -> EpisodeJournal:
        """What is on record of an episode. It reads the disk: not for an event loop."""
        return EpisodeJournal(self.toolkit.journal, self.toolkit.store, episode)

    def reader(self, inputs: int) -> DraftReader:
        """A reader of drafts as this graph's options say; `inputs` is how many pictures the run starts with."""
        return DraftReader(self.toolkit.bindings.params, inputs=inputs, **self._form)

    def read(self, text: str, inputs: int) -> Draft:
        """A whole draft, read in the same way."""
        return parse(text, self.toolkit.bindings.params, inputs=inputs, **self._form)

    def read_repair(self, answer: str, inputs: int) -> Slot | BadSlot | None:
        """The slot of an answer to a repair request, read in the same way."""
        return slot_in(answer, self.toolkit.bindings.params, inputs=inputs, **self._form)

    @property
    def _form(self) -> dict[str, Any]:
        options = self.toolkit.options
        return {"dialect": options.dialect, "reader": options.reader}


def slot_digest(slot: Slot | BadSlot) -> str:
    """By which a verdict on record is told to hold for a slot."""
    return hashlib.sha256(json.dumps(asdict(slot), sort_keys=True).encode()).hexdigest()[:16]


def conversation(state: State) -> list[BaseMessage]:
    """What was said up to the thread's last human message, as plain text."""
    spoken: list[BaseMessage] = []
    for turn in state.get("earlier") or []:
        spoken += [HumanMessage(turn["prompt"]), AIMessage(turn["text"])]
    for message in state.get("messages") or []:
        if isinstance(message, HumanMessage):
            spoken.append(HumanMessage(str(message.text)))
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
