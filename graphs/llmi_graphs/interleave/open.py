"""open: a fresh episode. Nothing of the thread's earlier turn remains but its figures, as input images."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import add_messages
from langgraph.types import Overwrite

from llmi_agent.base.errors import InputError
from llmi_agent.base.text import printable
from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.messages import NAME, episode_of, figures_of, without_files
from llmi_agent.document.model import Document
from llmi_agent.records.events import Input, Message, Opened
from llmi_agent.records.known import Known
from llmi_agent.run.seeds import member_seed
from llmi_agent.run.session import Session
from llmi_graphs.interleave.files import attachments_for, check_there
from llmi_graphs.interleave.recall import Recalled, recall
from llmi_graphs.interleave.state import State
from llmi_graphs.machine import Machine
from llmi_graphs.request import attachments_of, conversation, demand_of, inputs_of

GRAPH = "interleave"
"""What the record says that made an episode."""
MOST_NAME = 200


async def open_(machine: Machine, state: State, config: RunnableConfig) -> dict[str, Any]:
    """A fresh episode, or the one that `resume` names, as its journal has it.

    Raises InputError if there is no human message, a file or an option of the request cannot be used, or nothing is
    known of the episode to resume or to go on from; UnavailableError if an attachment is gone from the store.
    """
    resume = state.get("resume")
    if resume:
        update = await asyncio.to_thread(_resumed, machine, resume, bool(state.get("messages")))
    else:
        update = await _begun(machine, state)
    if _nested(config):
        update = {**update, "messages": []}
    thread = add_messages(cast(Any, state.get("messages") or []), update["messages"])
    session = await machine.session(update, config, new=not resume)
    tell_opened(machine, session, {**update, "messages": thread})
    update["request"] = machine.request({**update, "messages": thread})
    return {**update, "resume": "", "continues": "", "draft": [], "results": Overwrite({})}


def tell_opened(machine: Machine, session: Session, state: Mapping[str, Any]) -> None:
    """Put on record what the episode begins with, and say that it is open, unless that is on record."""
    if session.known.opened is not None:
        return
    *earlier, last = conversation(state)
    redacted = machine.toolkit.redactor.data
    messages = [Message.of(redacted(message_to_dict(each))) for each in earlier]
    session.tell(
        Opened(
            prompt=machine.toolkit.redactor.text(printable(str(last.text))),
            message=_last_human(state["messages"]).id,
            seed=session.seed,
            attachments=attachments_of(state),
            inputs=inputs_of(state),
            earlier=tuple(each.digest for each in messages),
            asked=state.get("options") or {},
            group=state.get("group") or "",
            member=state.get("member"),
            parent=state.get("parent") or "",
            split=state.get("split") or "",
            demand=demand_of(state),
            graph=GRAPH,
            **machine.described(session.options),
        )
    )
    for each in messages:
        session.tell(each)


async def _begun(machine: Machine, state: State) -> dict[str, Any]:
    _check(machine, state)
    messages = state.get("messages") or []
    message = _last_human(messages)
    continues = state.get("continues") or ""
    known = await _recalled(machine, continues)
    attachments, with_message = await attachments_for(
        machine,
        state.get("attachments") or [],
        message,
        known.attachments if known else (),
    )
    if known:
        figures = list(known.figures)
    else:
        figures = await _last_figures(machine, messages, state.get("document"))
    inputs = (*_attached_inputs(attachments), *figures)
    told = [asdict(each) for each in with_message]
    return {
        "messages": [message if machine.images == "inline" else without_files(message, told)],
        "episode": uuid4().hex,
        "parent": continues or _last_episode(messages, state.get("document")),
        "seed": state.get("seed", member_seed(machine.toolkit.options.seed, state.get("member"))),
        "options": state.get("options") or {},
        "group": state.get("group") or "",
        "member": state.get("member"),
        "split": state.get("split") or "",
        "demand": state.get("demand") or None,
        "attachments": [asdict(each) for each in attachments],
        "inputs": [asdict(each) for each in inputs],
        "earlier": [{"prompt": known.prompt, "text": known.text}] if known else [],
    }


def _check(machine: Machine, state: State) -> None:
    """Raises InputError for what no run can be started with."""
    given: dict[str, Any] = {**state}
    options = {} if given.get("options") is None else given["options"]
    if not isinstance(options, Mapping):
        raise InputError(f"options must be an object of names and values, not {options!r}")
    machine.toolkit.options.overlaid(options)
    for name in ("seed", "member"):
        number = given.get(name)
        if number is not None and (type(number) is not int or abs(number) >= 2**63):
            raise InputError(f"{name} must be a whole number of at most 63 bits, not {number!r}")
    if (given.get("member") or 0) < 0:
        raise InputError(f"member must be a number from 0, not {given['member']}")
    for name in ("group", "split"):
        word = given.get(name) or ""
        if not isinstance(word, str) or len(word) > MOST_NAME or not word.isprintable():
            raise InputError(
                f"{name} must be a name of at most {MOST_NAME} printable characters, not {word!r:.80}"
            )
    demand_of(given)


async def _recalled(machine: Machine, episode: str) -> Recalled | None:
    return await asyncio.to_thread(recall, machine, episode) if episode else None


def _resumed(machine: Machine, episode: str, in_thread: bool) -> dict[str, Any]:
    """in_thread: what was said before is in the state already."""
    known = machine.journal(episode).known
    opened = known.opened
    if opened is None:
        place = f"{machine.toolkit.store.place}{machine.unkept}"
        raise InputError(f"there is no run {episode} in the store {place}")
    check_there(machine.toolkit.store, opened.attachments)
    return {
        "messages": [HumanMessage(opened.prompt, id=opened.message)],
        "episode": episode,
        "parent": opened.parent,
        "seed": opened.seed,
        "options": opened.asked,
        "group": opened.group,
        "member": opened.member,
        "split": opened.split,
        "demand": asdict(opened.demand) if opened.demand else None,
        "attachments": [asdict(each) for each in opened.attachments],
        "inputs": [asdict(each) for each in opened.inputs],
        "earlier": [] if in_thread else _turns(known, opened),
    }


def _turns(known: Known, opened: Opened) -> list[dict[str, str]]:
    """What was said before, as prompts and what was written to each."""
    turns: list[dict[str, str]] = []
    for message in messages_from_dict(list(known.conversation(opened.earlier))):
        if isinstance(message, HumanMessage):
            turns.append({"prompt": str(message.text), "text": ""})
        elif turns:
            turns[-1]["text"] += str(message.text)
    return turns


def _nested(config: RunnableConfig) -> bool:
    """Whether the graph runs inside another one, whose messages are not ours to change."""
    namespace = (config.get("configurable") or {}).get("checkpoint_ns", "")
    return "|" in str(namespace)


def _last_human(messages: list[AnyMessage]) -> HumanMessage:
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return message
    raise InputError("there is no prompt: start the graph with a human message")


def _attached_inputs(attachments: tuple[Attachment, ...]) -> Iterator[Input]:
    for each in attachments:
        if each.is_image:
            yield Input(each.digest, each.media_type, f"{each.name} (attached)")


def _last_episode(messages: list[AnyMessage], document: dict[str, Any] | None) -> str:
    """That of the thread's last document; empty if there is none."""
    if document:
        return str(document["episode"])
    last = _last_answer(messages)
    return episode_of(last) if last else ""


def _last_answer(messages: list[AnyMessage]) -> AIMessage | None:
    """The last message of ours in the thread."""
    ours = (each for each in messages if isinstance(each, AIMessage) and each.name == NAME)
    return next(reversed([*ours]), None)


async def _last_figures(
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
    last = _last_answer(messages)
    if last is None or not (figures := figures_of(last)):
        return []
    return await asyncio.to_thread(_known_figures, machine, episode_of(last), figures)


def _known_figures(
    machine: Machine, episode: str, figures: Sequence[Mapping[str, Any]]
) -> list[Input]:
    """Those that are still in the store, with what the journal knows of them."""
    journal = machine.journal(episode)
    found: list[Input] = []
    for figure in figures:
        digest = str(figure.get("digest"))
        if digest in machine.toolkit.store:
            known = journal.provenance(digest) or Provenance("an earlier document")
            label = f"Figure {figure.get('number')}: {figure.get('caption')} (in the last document)"
            found.append(Input(digest, str(figure.get("media_type")), label, known))
    return found
