"""open: a fresh episode. Nothing of the thread's earlier turn remains but its figures, as input images."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import add_messages
from langgraph.types import Overwrite

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.messages import NAME, episode_of, figures_of, without_files
from llmi_agent.document.model import Document
from llmi_agent.run.session import Input, Session
from llmi_graphs.interleave.files import attachments_for, check_there
from llmi_graphs.interleave.recall import Recalled, recall
from llmi_graphs.interleave.state import State
from llmi_graphs.machine import Machine, attachments_of


async def open_(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """A fresh episode, or the one that `resume` names, as its journal has it.

    Raises InputError if there is no human message, a file of the request cannot be used, or nothing is known of the episode
    to resume or to go on from; UnavailableError if an attachment is gone from the store.
    """
    if resume := state.get("resume"):
        update = await asyncio.to_thread(_resumed, machine, resume)
    else:
        update = await _begun(machine, state)
    session = await machine.session(update, config)
    tell_opened(machine, session, update, again=True)
    if _nested(config):
        update = {**update, "messages": []}
    thread = add_messages(cast(Any, state.get("messages") or []), update["messages"])
    update["request"] = machine.request(cast(State, {**update, "messages": thread}))
    return {**update, "resume": "", "continues": "", "draft": "", "results": Overwrite({})}


def tell_opened(
    machine: Machine, session: Session, state: Mapping[str, Any], *, again: bool = False
) -> None:
    """Put on record what the episode begins with, and say that it is open; of one on record, only if `again`."""
    if session.journal.opened is None:
        session.journal.open(_request(machine, state))
    elif not again:
        return
    session.emit({"type": "opened", "episode": session.episode})


async def _begun(machine: Machine, state: State) -> dict[str, Any]:
    messages = state.get("messages") or []
    message = _last_human(messages)
    known = await _recalled(machine, state.get("continues") or "")
    attachments, with_message = await attachments_for(
        machine,
        state.get("attachments") or [],
        message,
        known.attachments if known else (),
    )
    if known:
        figures = list(known.figures)
    else:
        figures = await asyncio.to_thread(_last_figures, machine, messages, state.get("document"))
    inputs = (*_attached_inputs(attachments), *figures)
    told = [asdict(each) for each in with_message]
    return {
        "messages": [message if machine.images == "inline" else without_files(message, told)],
        "episode": uuid4().hex,
        "seed": state.get("seed", machine.toolkit.options.seed),
        "attachments": [asdict(each) for each in attachments],
        "inputs": [asdict(each) for each in inputs],
        "earlier": [{"prompt": known.prompt, "text": known.text}] if known else [],
    }


async def _recalled(machine: Machine, episode: str) -> Recalled | None:
    return await asyncio.to_thread(recall, machine, episode) if episode else None


def _resumed(machine: Machine, episode: str) -> dict[str, Any]:
    opened = machine.journal(episode).opened
    if opened is None:
        raise InputError(f"there is no run {episode} in the store {machine.toolkit.store.root}")
    check_there(machine.toolkit.store, attachments_of(opened))
    return {
        "messages": [HumanMessage(opened["prompt"], id=opened["message"])],
        "episode": episode,
        "seed": opened.get("seed", machine.toolkit.options.seed),
        "attachments": opened["attachments"],
        "inputs": opened["inputs"],
        "earlier": [],
    }


def _nested(config: RunnableConfig) -> bool:
    """Whether the graph runs inside another one, whose messages are not ours to change."""
    namespace = (config.get("configurable") or {}).get("checkpoint_ns", "")
    return "|" in str(namespace)


def _request(machine: Machine, update: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of how the run began."""
    message = _last_human(update["messages"])
    return {
        "prompt": machine.toolkit.redactor.text(str(message.text)),
        "message": message.id,
        "seed": update["seed"],
        "attachments": update["attachments"],
        "inputs": update["inputs"],
        "model": machine.policy.name,
        "bindings": machine.toolkit.bindings.names,
        "options": machine.toolkit.options.model_dump(mode="json"),
    }


def _last_human(messages: list[AnyMessage]) -> HumanMessage:
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return message
    raise InputError("there is no prompt: start the graph with a human message")


def _attached_inputs(attachments: tuple[Attachment, ...]) -> Iterator[Input]:
    for each in attachments:
        if each.is_image:
            yield Input(each.digest, each.media_type, f"{each.name} (attached)")


def _last_figures(
    machine: Machine, messages: list[AnyMessage], document: dict[str, Any] | None
) -> list[Input]:
    """The figures of the thread's last document; where only messages are shared, from its message."""
    if document:
        return [
            Input(
                figure.digest,
                figure.media_type,
                f"Figure {figure.number} of the last document: {figure.caption}",
                figure.provenance,
            )
            for figure in Document.model_validate(document).figures
        ]
    ours = [each for each in messages if isinstance(each, AIMessage) and each.name == NAME]
    if not ours or not (figures := figures_of(ours[-1])):
        return []
    journal = machine.journal(episode_of(ours[-1]))
    found: list[Input] = []
    for figure in figures:
        digest = str(figure.get("digest"))
        if digest in machine.toolkit.store:
            known = journal.provenance(digest) or Provenance("an earlier document")
            label = f"Figure {figure.get('number')}: {figure.get('caption')} (in the last document)"
            found.append(Input(digest, str(figure.get("media_type")), label, known))
    return found
