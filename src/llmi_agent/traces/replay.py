"""A document written again from its record alone: no tool, no model and no plugin is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from llmi_agent.base.errors import InputError
from llmi_agent.document.model import Document, Figure
from llmi_agent.document.render import Pictures, write_document
from llmi_agent.document.render.pictures import AnyOf, gone
from llmi_agent.traces.trace import Trace


@dataclass(frozen=True)
class Replayed:
    """What was written."""

    document: Document
    files: tuple[Path, ...]
    gone: tuple[Figure, ...]
    """Figures whose pictures are not to be had: each is said in its place."""
    altered: tuple[Figure, ...] = ()
    """Those of them where something is there, and it is not the picture that was made."""


def replay(
    trace: Trace, pictures: Pictures | None, out: Path, formats: Collection[str]
) -> Replayed:
    """Write the document of a trace into a folder, as its run did.

    pictures: where their bytes are. Raises InputError if the run has no document on record, LlmiError if a file cannot
    be written.
    """
    document = document_of(trace)
    places = AnyOf(pictures) if pictures is not None else AnyOf()
    missing = tuple(gone(places, document.figures))
    files = tuple(write_document(document, places, out, formats))
    altered = tuple(each for each in missing if pictures and _is_there(pictures, each.digest))
    return Replayed(document, files, missing, altered)


def _is_there(pictures: Pictures, digest: str) -> bool:
    """Whether anything is, picture or not."""
    try:
        pictures.read(digest)
    except (KeyError, OSError):
        return False
    except InputError:  # it does not match its digest
        return True
    return True


def document_of(trace: Trace) -> Document:
    """The document that a run handed over. Raises InputError, saying why, if there was none."""
    if trace.state == "done" and trace.known.read is None:
        raise InputError(
            f"the run {trace.episode} was made by a version of LLMI that did not record how it had read the draft, so that "
            "its document cannot be written again"
        )
    document = trace.document() if trace.draft is not None else None
    if document is not None:
        return document
    if trace.draft is None:
        left = "its draft is not complete"
    else:
        settled = sum(each.verdict is not None for each in trace.slots)
        left = f"its draft is complete, and {settled} of {len(trace.slots)} figures are settled"
    why = "it is going on, or was cut with its process"
    if trace.state == "halted":
        why = f"it ended without one: {trace.halted}"
    raise InputError(f"the run {trace.episode} has no document to write again: {why}; {left}")
