"""A document that was written before, as its journal has it: what a later request goes on from."""

from __future__ import annotations

from dataclasses import dataclass

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment
from llmi_agent.draft import Text
from llmi_agent.records.outcome import Kept
from llmi_agent.run.session import Input
from llmi_graphs.machine import Machine, attachments_of, slot_digest


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
    if journal.opened is None or journal.draft is None:
        raise InputError(
            f"there is no document {episode} in the store; give the id that came with the document"
        )
    parts: list[str] = []
    figures: list[Input] = []
    for block in machine.read(journal.draft, len(journal.opened["inputs"])).blocks:
        if isinstance(block, Text):
            parts.append(block.text.strip())
            continue
        verdict = journal.verdict(block.index, slot_digest(block))
        if not isinstance(verdict, Kept):
            parts.append("[Missing figure]")
            continue
        caption = f"Figure {len(figures) + 1}: {verdict.description}"
        parts.append(f"[{caption}]")
        figures.append(_input(verdict, caption))
    return Recalled(
        journal.opened["prompt"],
        "\n\n".join(filter(None, parts)),
        attachments_of(journal.opened),
        tuple(figures),
    )


def _input(verdict: Kept, caption: str) -> Input:
    artifact, label = verdict.artifact, f"{caption} (in the last document)"
    return Input(artifact.digest, artifact.media_type, label, verdict.provenance)
