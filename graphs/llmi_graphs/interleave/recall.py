"""A document that was written before, as its journal has it: what a later request goes on from."""

from __future__ import annotations

from dataclasses import dataclass

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment
from llmi_agent.document.compose import draft_of
from llmi_agent.draft import Text
from llmi_agent.records.events import Input
from llmi_agent.records.outcome import Kept
from llmi_graphs.machine import Machine


@dataclass(frozen=True)
class Recalled:
    """An earlier turn."""

    prompt: str
    text: str
    """The document as a message says it."""
    attachments: tuple[Attachment, ...] = ()
    figures: tuple[Input, ...] = ()


def recall(machine: Machine, episode: str) -> Recalled:
    """The document of an episode. Raises InputError if none is on record."""
    journal = machine.journal(episode)
    known = journal.known
    opened, source = known.opened, known.draft
    if opened is None or source is None:
        raise InputError(
            f"there is no document {episode} in the store{machine.unkept}; give the id that came with the document"
        )
    parts: list[str] = []
    figures: list[Input] = []
    # An episode of a former LLMI does not say how its draft was read.
    draft = draft_of(episode, known) if known.read else machine.read(source, len(opened.inputs))
    for block in draft.blocks:
        if isinstance(block, Text):
            parts.append(block.text.strip())
            continue
        settled = known.settled.get(block.index)
        verdict = journal.verdict(block.index, settled.origin) if settled else None
        if not isinstance(verdict, Kept):
            parts.append("[Missing figure]")
            continue
        caption = f"Figure {len(figures) + 1}: {verdict.caption}"
        parts.append(f"[{caption}]")
        figures.append(_input(verdict, caption))
    return Recalled(
        opened.prompt,
        "\n\n".join(filter(None, parts)),
        opened.attachments,
        tuple(figures),
    )


def _input(verdict: Kept, caption: str) -> Input:
    label = f"{caption} (in the last document)"
    return Input(verdict.digest, verdict.media_type, label, verdict.provenance)
