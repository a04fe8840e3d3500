"""What came of a run: for people, for logs, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from llmi_agent.base.text import one_line
from llmi_agent.cli.text import plural
from llmi_agent.document.model import Document, Figure, Missing
from llmi_agent.document.render.pictures import Pictures, gone
from llmi_agent.document.render.wording import bill


def data(document: Document, files: Sequence[Path], seconds: float) -> dict[str, Any]:
    """The object that `llmi run --json` prints."""
    return {
        "document": next((str(path) for path in files if path.suffix == ".json"), None),
        "files": [str(path) for path in files],
        "title": document.title,
        "figures": len(document.figures),
        "missing": [
            {"slot": m.slot, "kind": m.kind, "reason": m.reason, "message": m.message}
            for m in document.missing
        ],
        "episode": document.episode,
        "model": document.policy,
        "bindings": document.bindings,
        "seconds": round(seconds, 3),
        "usd": document.costs.total,
        "costs": document.costs.model_dump(mode="json"),
    }


def warnings(document: Document) -> Iterator[str]:
    """A sentence if the text ends early, for each note on it, for each figure that another kind stands in for or that is missing, and if all are."""
    if document.cut:
        yield f"the text ends early: {one_line(document.cut)}"
    yield from map(one_line, document.notes)
    for figure in document.figures:
        if figure.instead_of:
            yield f"figure {figure.number}: {figure.tool} stands in for {figure.kind}: {one_line(figure.instead_of)}"
    for missing in document.missing:
        yield f"figure missing: {_why(missing)}"
    if document.missing and not document.figures:
        yield "not one figure could be made; the document says why in each place"


def gone_figures(document: Document, pictures: Pictures, places: str) -> list[str]:
    """A sentence for each figure whose picture is not to be had any more.

    places: where it was looked for, "A nor in B".
    """
    return [
        f"figure missing: {_named(figure)}: its picture is neither in {places}, or has been changed"
        for figure in gone(pictures, document.figures)
    ]


def show(document: Document, seconds: float) -> None:
    """The same on stderr for somebody who has watched."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    console.print()
    console.print(Text(one_line(document.title), style="bold"))
    console.print(Text(_counts(document, seconds)))
    for sentence in warnings(document):
        console.print(Text(sentence, style="red"))


def _counts(document: Document, seconds: float) -> str:
    parts = [
        plural(len(document.figures), "figure"),
        f"{len(document.missing)} missing" if document.missing else "",
        f"{seconds:.1f} s",
        bill(document.costs),
    ]
    return ", ".join(part for part in parts if part)


def _why(missing: Missing) -> str:
    asked = one_line(missing.caption, 120) or f"slot {missing.slot}"
    return f"{missing.kind or 'unreadable slot'}, {asked}: {missing.reason}: {one_line(missing.message)}"


def _named(figure: Figure) -> str:
    caption = one_line(figure.caption, 120).rstrip(". ")
    return f"Figure {figure.number}, {caption}" if caption else f"Figure {figure.number}"
