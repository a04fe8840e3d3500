"""What judges are shown of an episode, read from its records."""

from __future__ import annotations

from llmi_agent.contract.judging import Exhibit, Shown
from llmi_agent.document.model import Document, Figure, TextBlock
from llmi_agent.traces.trace import Trace


def exhibit_of(trace: Trace) -> Exhibit:
    """What is judged of an episode: its first draft, and its document.

    A run without a draft or a document has an empty one; whose fault that is, its trace says. Raises InputError if the trace
    cannot be read.
    """
    document = trace.document()
    return Exhibit(
        prompt=trace.prompt,
        draft=first_draft(trace),
        text="" if document is None else shown_text(document),
        figures=() if document is None else tuple(map(_shown, document.figures)),
        pictures=trace.pictures,
        demand=trace.opened.demand,
    )


def first_draft(trace: Trace) -> str:
    """The first draft that the run went on with, as the model wrote it; empty if there was none."""
    for call in trace.calls:
        if call.purpose == "draft" and call.accepted:
            return call.raw
    return trace.draft or ""


def shown_text(document: Document) -> str:
    """The document in Markdown, with a line in words where each picture stands or is missing."""
    parts = []
    for block in document.blocks:
        if isinstance(block, TextBlock):
            parts.append(block.markdown)
        elif isinstance(block, Figure):
            parts.append(f"[Figure {block.number}: {block.caption}]")
        else:
            parts.append(f"[Missing figure: {block.caption}]")
    return "\n\n".join(parts)


def _shown(figure: Figure) -> Shown:
    return Shown(
        figure=figure.number,
        slot=figure.slot,
        kind=figure.kind,
        caption=figure.caption,
        digest=figure.digest,
        placeholder=figure.provenance.placeholder,
    )
