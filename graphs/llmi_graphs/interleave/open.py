"""open: a fresh episode. Nothing of the thread's earlier turn remains but its figures, as input images."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Overwrite

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.messages import (
    NAME,
    blocks_of,
    episode_of,
    picture_bytes,
    pictures_of,
    referred,
    with_references,
)
from llmi_agent.document.model import Document
from llmi_agent.run.session import Input
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_graphs.interleave.machine import Machine, attachments_of
from llmi_graphs.interleave.state import State


async def open_(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """A fresh episode, or the one that `resume` names, as its journal has it.

    Raises InputError if there is no human message, a picture in it cannot be read, or nothing is known
    of the episode to resume.
    """
    if resume := state.get("resume"):
        update = _resumed(machine, resume)
    else:
        message = _last_human(state.get("messages") or [])
        known = attachments_of(state)
        attached = await _attached(message, machine.toolkit.store, len(known) + 1)
        update = _begun(machine, state, message, (*known, *attached))
    session = machine.session(update, config)
    if session.journal.opened is None:
        session.journal.open(_request(machine, update))
    session.emit({"type": "opened", "episode": session.episode})
    if _nested(config):
        update = {**update, "messages": []}
    return {**update, "resume": "", "draft": "", "results": Overwrite({})}


def _begun(
    machine: Machine, state: State, message: HumanMessage, attachments: tuple[Attachment, ...]
) -> dict[str, Any]:
    figures = _last_figures(machine, state.get("messages") or [], state.get("document"))
    inputs = (*_attached_inputs(attachments), *figures)
    known = len(state.get("attachments") or [])
    return {
        "messages": [with_references(message, attachments[known:])],
        "episode": uuid4().hex,
        "seed": state.get("seed", machine.toolkit.options.seed),
        "attachments": [asdict(each) for each in attachments],
        "inputs": [asdict(each) for each in inputs],
    }


def _resumed(machine: Machine, episode: str) -> dict[str, Any]:
    opened = machine.journal(episode).opened
    if opened is None:
        raise InputError(f"there is no run {episode} in the store {machine.toolkit.store.root}")
    for each in opened["attachments"]:
        if each["digest"] not in machine.toolkit.store:
            raise InputError(
                f"the attachment {each['name']} of run {episode} is gone from the store"
            )
    return {
        "messages": [HumanMessage(opened["prompt"], id=opened["message"])],
        "episode": episode,
        "seed": opened.get("seed", machine.toolkit.options.seed),
        "attachments": opened["attachments"],
        "inputs": opened["inputs"],
    }


def _nested(config: RunnableConfig) -> bool:
    """Whether the graph runs inside another one, whose messages are not ours to change."""
    namespace = (config.get("configurable") or {}).get("checkpoint_ns", "")
    return "|" in str(namespace)


def _request(machine: Machine, update: dict[str, Any]) -> dict[str, Any]:
    """What the journal keeps of how the run began."""
    return {
        "prompt": machine.toolkit.redactor.text(str(update["messages"][-1].text)),
        "message": update["messages"][-1].id,
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
) -> Iterator[Input]:
    """The figures of the thread's last document; where only messages are shared, from its message."""
    if document:
        for figure in Document.model_validate(document).figures:
            label = f"Figure {figure.number} of the last document: {figure.caption}"
            yield Input(figure.digest, figure.media_type, label, figure.provenance)
        return
    ours = [each for each in messages if isinstance(each, AIMessage) and each.name == NAME]
    if not ours:
        return
    journal = machine.journal(episode_of(ours[-1]))
    caption = ""
    for block in blocks_of(ours[-1]):
        digest = referred(block)
        if block.get("type") == "text":
            caption = str(block.get("text", "")).strip().removeprefix("[").removesuffix("]")
        elif digest and digest in machine.toolkit.store:
            label = f"{caption} (in the last document)"
            media_type = str(block.get("mime_type", "image/png"))
            known = journal.provenance(digest) or Provenance("an earlier document")
            yield Input(digest, media_type, label, known)


async def _attached(message: HumanMessage, store: ArtifactStore, start: int) -> list[Attachment]:
    """The pictures of a message, numbered on from the thread's earlier attachments."""
    return [
        await asyncio.to_thread(
            attach_bytes, store, f"picture-{number}.png", picture_bytes(block, store)
        )
        for number, block in enumerate(pictures_of(message), start)
    ]
