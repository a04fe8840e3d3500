"""What the nodes of a graph stand on: the toolkit, the policy, and the open sessions."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.options import ASIDE, Options, Recording
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.document.messages import Images, picture_url
from llmi_agent.draft import BadSlot, Choice, Draft, DraftReader, Slot, parse, slot_in
from llmi_agent.host.registry import LiveTool, Registry, discover, registry_of
from llmi_agent.models.resolve import resolve_models
from llmi_agent.records.episode import EpisodeJournal
from llmi_agent.records.events import Resumed
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.unrecorded import Unrecorded
from llmi_agent.run.ask import Policy
from llmi_agent.run.listeners import Emit
from llmi_agent.run.session import Session
from llmi_agent.run.sessions import Sessions
from llmi_agent.run.toolkit import Toolkit
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.home import default_store
from llmi_graphs.request import attachments_of, conversation, inputs_of


def assemble(
    *,
    model: str | BaseChatModel | None = None,
    fallback: Sequence[str | BaseChatModel] = (),
    api_base: str | None = None,
    tools: Registry | Sequence[ToolSpec | LiveTool] | None = None,
    use: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    environment: bool | None = None,
    options: Options | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    store: ArtifactStore | None = None,
    record: Recording | None = None,
    images: Images = "text",
    pictures_at: str = "",
    paths: bool = True,
) -> Machine:
    """What graphs stand on, from everything that can be chosen; several graphs may stand on the same.

    model: a chat model, or the name of one that an installed policy answers ("offline", "openai/gpt-5"); by default
        the policy that needs no key.
    fallback: models that write in its place when it fails, in this order.
    api_base: the address of an OpenAI-compatible server that serves the model.
    tools: a registry, or specs and live tools; by default every installed plugin.
    use: which tool serves a kind, by name, where the default order is not wanted.
    secrets: keys by name; by default the environment.
    environment: whether models may use the process's own credentials (a cloud account, a login); by default only where
        `secrets` is left out or is the environment, since they are perhaps not this tenant's.
    options: `llmi_agent.Options`.
    settings: each tool's own settings, by the tool's name.
    store: where pictures, attachments and the journal are kept; by default the user's.
    record: how much the journal keeps of an episode, in place of what the options say: "full", with the tokens that the model
        sampled, where it gives them; "events", without; "none": then no episode can be gone on with once it has ended.
    images: the final message is plain text with a line for each figure ("text"), or standard content blocks that hold the pictures
        ("inline") or their addresses ("url").
    pictures_at: the address below which you serve the store's pictures by their digest; events name it, too.
    paths: whether a request may name files by their paths as text; False if requests come from clients of yours. Under a
        LangGraph server it never may. `pathlib.Path` objects, which no client can send, are always taken.

    Raises ConfigError or UnavailableError if a tool or a model that is named does not exist or lacks its key.
    """
    _check_images(images, pictures_at)
    toolkit = _toolkit(tools, use, secrets, (options or Options()).keeping(record), settings, store)
    own = True if environment is None and secrets is None else environment
    policy = _policy(toolkit, model, fallback, own, api_base)
    return Machine(toolkit, policy, Sessions(), images, pictures_at, paths)


@dataclass(frozen=True)
class Machine:
    """Shared by all runs of the graphs that stand on it."""

    toolkit: Toolkit
    policy: Policy
    sessions: Sessions
    images: Images = "text"
    """How the final message carries pictures."""
    pictures_at: str = ""
    """The address below which clients fetch pictures by their digest; empty if there is none."""
    paths: bool = True
    """Whether a request may name files by their paths, as text."""

    async def session(
        self, state: Mapping[str, Any], config: RunnableConfig, *, new: bool = False
    ) -> Session:
        """The live half of this state's episode, writing its events to the running node's stream.

        Of an episode on record, it is as the record has it. new: there is nothing on record of it.
        """
        episode, toolkit = state["episode"], self.toolkit
        place = toolkit.journal, toolkit.store, episode
        journals = EpisodeJournal if self.records else Unrecorded

        async def make() -> Session:
            if new:
                journal = journals.fresh(*place)
            else:
                journal = await asyncio.to_thread(journals.held, *place)
            try:
                return await self._opened(journal, state)
            except BaseException:
                journal.release()
                raise

        return await self.sessions.get(episode, config, make)

    async def _opened(self, journal: EpisodeJournal, state: Mapping[str, Any]) -> Session:
        """Raises InputError if no model can be asked with the options of the request."""
        toolkit, opened = self.toolkit, journal.known.opened
        asked = opened.asked if opened else state.get("options") or {}
        group = opened.group if opened else toolkit.redactor.text(state.get("group") or "")
        session = Session(
            state["episode"],
            toolkit,
            opened.attachments if opened else attachments_of(state),
            opened.inputs if opened else inputs_of(state),
            self._writer(),
            options=self.policy.check(toolkit.options.overlaid(asked)),
            seed=opened.seed if opened else state["seed"],
            purse=await toolkit.purses.of(group),
            journal=journal,
        )
        if opened:
            session.tell(Resumed(**self.described(session.options)))
        return session

    def described(self, options: Options) -> dict[str, Any]:
        """What is put on record of this machine: the same `setup` is the same machine with the same options, but for `ASIDE`."""
        return self._own if options is self.toolkit.options else self._described(options)

    @cached_property
    def _own(self) -> dict[str, Any]:
        return self._described(self.toolkit.options)

    def _described(self, options: Options) -> dict[str, Any]:
        tools = self.toolkit.bindings.tools.values()
        versions = [f"{each.spec.name} {each.distribution} {each.version}" for each in tools]
        models = [each.name for each in self.policy.models]
        known = {
            "model": self.policy.name,
            "bindings": dict(self.toolkit.bindings.names),
            "options": options.model_dump(mode="json"),
            "llmi": version("llmi-agent"),
        }
        made_by = {**known, "options": options.model_dump(mode="json", exclude=set(ASIDE))}
        whole = json.dumps([made_by, models, sorted(versions)], sort_keys=True)
        return {**known, "setup": hashlib.sha256(whole.encode()).hexdigest()[:16]}

    def as_asked(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """The state, as an episode of its own if it was changed since it was opened (`update_state`).

        What is on record of an episode is an answer to what it was opened with, and to nothing else. The same change
        gives the same episode, so it can be gone on with, too.
        """
        now, opened = self.request(state), state.get("request") or ""
        if opened in ("", now):
            return state
        forked = hashlib.sha256(f"{state['episode']} {now}".encode()).hexdigest()[:32]
        return {**state, "episode": forked, "parent": state["episode"], "request": now}

    def request(self, state: Mapping[str, Any]) -> str:
        """A digest of what is asked: the conversation, all that it starts from, and how the draft is read."""
        spoken = [(message.type, message.text) for message in conversation(state)]
        given = [state.get("attachments") or [], state.get("inputs") or [], state.get("seed")]
        given += [state["options"]] if state.get("options") else []
        text = json.dumps([spoken, given, self._form], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def records(self) -> bool:
        """Whether anything of an episode is kept."""
        return self.toolkit.options.record != "none"

    @property
    def unkept(self) -> str:
        """What to say of an episode that is not there, if none of this machine's is."""
        return "" if self.records else ', and with record="none" nothing is kept there'

    def journal(self, episode: str) -> EpisodeJournal:
        """What is on record of an episode. It reads the disk: not for an event loop."""
        return EpisodeJournal(self.toolkit.journal, self.toolkit.store, episode)

    def reader(self, inputs: int) -> DraftReader:
        """A reader of drafts as this graph's options say; `inputs` is how many pictures the run starts with."""
        return DraftReader(self.toolkit.bindings.params, inputs=inputs, **self._form)

    def read(self, text: str, inputs: int) -> Draft:
        """A whole draft, read in the same way."""
        return parse(text, self.toolkit.bindings.params, inputs=inputs, **self._form)

    def read_repair(self, answer: str, inputs: int, choose: Choice) -> Slot | BadSlot | None:
        """The slot of an answer to a repair request, read in the same way; `choose` takes it from several."""
        known = self.toolkit.bindings.params
        return slot_in(answer, known, inputs=inputs, choose=choose, **self._form)

    @property
    def _form(self) -> dict[str, Any]:
        options = self.toolkit.options
        return {"dialect": options.dialect, "reader": options.reader}

    def _writer(self) -> Emit:
        """The running node's stream; a picture's event says where it can be fetched."""
        write = get_stream_writer()
        if not self.pictures_at:
            return write

        def with_address(event: Mapping[str, Any]) -> None:
            digest = event.get("digest")
            write({**event, "url": picture_url(self.pictures_at, digest)} if digest else event)

        return with_address


def _check_images(images: str, pictures_at: str) -> None:
    if images not in get_args(Images):
        known = ", ".join(map(repr, get_args(Images)))
        raise ConfigError(f"images cannot be {images!r}; known: {known}")
    if images == "url" and not pictures_at:
        raise ConfigError(
            'images="url" needs pictures_at, the address below which you serve the pictures'
        )


def _toolkit(
    tools: Registry | Sequence[ToolSpec | LiveTool] | None,
    use: Mapping[str, str] | None,
    secrets: Mapping[str, str] | None,
    options: Options,
    settings: Mapping[str, Mapping[str, Any]] | None,
    store: ArtifactStore | None,
) -> Toolkit:
    registry = _registry(tools)
    secrets = dict(os.environ) if secrets is None else dict(secrets)
    store = store or default_store()
    return Toolkit(
        registry=registry,
        bindings=registry.bind(use or {}, secrets),
        store=store,
        journal=journal_beside(store),
        options=options,
        settings=settings or {},
        secrets=secrets,
    )


def _policy(
    toolkit: Toolkit,
    model: str | BaseChatModel | None,
    fallback: Sequence[str | BaseChatModel],
    environment: bool | None,
    api_base: str | None,
) -> Policy:
    models = resolve_models(
        model,
        fallback,
        policies=toolkit.registry.policies,
        store=toolkit.store,
        kinds=toolkit.kinds,
        options=toolkit.options,
        secrets=toolkit.secrets,
        environment=environment,
        api_base=api_base,
    )
    return Policy(models, toolkit.registry.host, toolkit.store, toolkit.limits, toolkit.redactor)


def _registry(tools: Registry | Sequence[ToolSpec | LiveTool] | None) -> Registry:
    if tools is None:
        return discover()
    return tools if isinstance(tools, Registry) else registry_of(*tools)
