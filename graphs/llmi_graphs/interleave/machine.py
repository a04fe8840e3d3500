"""What the nodes close over: the toolkit, the policy, and the open sessions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.messages import Images, picture_url
from llmi_agent.draft import BadSlot, Draft, DraftReader, Slot, parse
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.run.ask import Policy
from llmi_agent.run.session import Emit, Input, Session
from llmi_agent.run.sessions import Sessions
from llmi_agent.run.toolkit import Toolkit


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

    def session(self, state: Mapping[str, Any], config: RunnableConfig) -> Session:
        """The live half of this state's episode, writing its events to the running node's stream."""

        def make() -> Session:
            return Session(
                state["episode"],
                self.toolkit,
                attachments_of(state),
                inputs_of(state),
                self._writer(),
                state["seed"],
            )

        return self.sessions.get(state["episode"], config, make)

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
        """What is on record of an episode."""
        return EpisodeJournal(self.toolkit.journal, self.toolkit.store, episode)

    def reader(self, inputs: int) -> DraftReader:
        """A reader of drafts as this graph's options say; `inputs` is how many pictures the run starts with."""
        return DraftReader(self.toolkit.bindings.params, inputs=inputs, **self._form)

    def read(self, text: str, inputs: int) -> Draft:
        """A whole draft, read in the same way."""
        return parse(text, self.toolkit.bindings.params, inputs=inputs, **self._form)

    @property
    def _form(self) -> dict[str, Any]:
        options = self.toolkit.options
        return {"dialect": options.dialect, "reader": options.reader}


def slot_digest(slot: Slot | BadSlot) -> str:
    """By which a verdict on record is told to hold for a slot."""
    return hashlib.sha256(json.dumps(asdict(slot), sort_keys=True).encode()).hexdigest()[:16]


def attachments_of(state: Mapping[str, Any]) -> tuple[Attachment, ...]:
    return tuple(Attachment(**each) for each in state.get("attachments") or ())


def inputs_of(state: Mapping[str, Any]) -> tuple[Input, ...]:
    return tuple(
        Input(**{**each, "provenance": Provenance(**each["provenance"])})
        for each in state.get("inputs") or ()
    )
