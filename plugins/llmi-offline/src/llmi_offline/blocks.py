"""A draft under construction: paragraphs and figures in order, numbered only at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

WriteSlot: TypeAlias = Callable[[str, str, Mapping[str, Any]], str]
"""(kind, description, params) -> the slot as the run's dialect writes it."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A slot that does not know its number yet."""

    kind: str
    description: str
    """Caption and alternative text: one plain sentence."""
    params: Mapping[str, Any]
    edits: Figure | int | None = None
    """For an edit: the earlier figure, or the number of an attached picture."""
    intro: str = ""
    """A sentence that leads the reader from the paragraph before to the figure; gone if the figure is."""


Block: TypeAlias = str | Figure


def chart_figure(description: str, code: str, intro: str = "") -> Figure:
    """A figure that the sandbox draws."""
    return Figure("code", description, {"code": code}, intro=intro)


def draft_of(
    blocks: Sequence[Block], kinds: frozenset[str], pictures: int, write_slot: WriteSlot
) -> str:
    """The draft's text: figures of unknown kinds left out, edits pointed at their picture."""
    wanted = [block for block in blocks if isinstance(block, Figure) and block.kind in kinds]
    figures = [f for f in wanted if not isinstance(f.edits, Figure) or f.edits in wanted]
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, str):
            parts.append(block)
        elif block in figures:
            parts = _introduced(parts, block.intro)
            params = _params(block, figures, pictures)
            parts.append(write_slot(block.kind, block.description, params))
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduced(parts: list[str], intro: str) -> list[str]:
    """The parts with the sentence at the end of the last paragraph, or as a paragraph of its own."""
    if not intro:
        return parts
    if parts and not parts[-1].startswith(("#", "|", "<")):
        return [*parts[:-1], f"{parts[-1]} {intro}"]
    return [*parts, intro]


def _params(figure: Figure, figures: list[Figure], pictures: int) -> dict[str, Any]:
    params = dict(figure.params)
    if isinstance(figure.edits, Figure):
        params["img_index"] = pictures + figures.index(figure.edits)
    elif figure.edits is not None:
        params["img_index"] = figure.edits
    return params
