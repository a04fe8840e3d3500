"""The HTML page: one file that holds its pictures and its style, and runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmi_agent.document.model import Figure, Missing, TextBlock
from llmi_agent.document.render import wording
from llmi_agent.document.render.code import highlight
from llmi_agent.document.render.facts import Fact, credit, how_made, program
from llmi_agent.document.render.pictures import data_uri, find
from llmi_agent.document.render.prose import Prose, render
from llmi_agent.document.render.templating import resource, template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmi_agent.document.model import Document
    from llmi_agent.document.render.outline import Heading
    from llmi_agent.document.render.pictures import Pictures

_CONTENTS_FROM = 3
_WIDE_FROM = 1_000
_NAMED_FILES = 4


@dataclass(frozen=True)
class TextPart:
    """A text block, ready for the template."""

    html: str
    type: str = "text"


@dataclass(frozen=True)
class Gap:
    """A missing figure, ready for the template."""

    caption: str
    reason: str
    type: str = "missing"


@dataclass(frozen=True)
class Plate:
    """A figure, ready for the template."""

    figure: Figure
    caption: str
    source: str
    """The picture as a data: address; empty if it is gone."""
    style: str
    """Class names."""
    origin: int | None
    """The number of the figure it was edited from, if that is in the document."""
    credit: list[Fact] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    code: str = ""
    """The program as HTML."""
    type: str = "figure"


def page(document: Document, pictures: Pictures) -> str:
    """The document as one HTML page."""
    texts = [block.markdown for block in document.blocks if isinstance(block, TextBlock)]
    prose = render(texts, document.title)
    return template(__package__, "report.html.j2", wording.clean).render(
        document=document,
        headline=prose.headline,
        contents=_contents(prose.headings),
        blocks=list(_blocks(document, prose, pictures)),
        wording=wording,
        sources=_sources(document),
        style=resource(__package__, "report.css"),
    )


def _contents(headings: tuple[Heading, ...]) -> list[Heading]:
    """The sections worth listing: a short document needs no list."""
    sections = [heading for heading in headings if heading.level == 2 and heading.words]
    return sections if len(sections) >= _CONTENTS_FROM else []


def _blocks(
    document: Document, prose: Prose, pictures: Pictures
) -> Iterator[TextPart | Plate | Gap]:
    bodies = iter(prose.bodies)
    charts = _charts(document)
    numbers = {figure.number for figure in document.figures}
    for block in document.blocks:
        match block:
            case TextBlock():
                yield TextPart(next(bodies))
            case Figure():
                origin = block.edited_from if block.edited_from in numbers else None
                yield _plate(block, pictures, block.number in charts, origin)
            case Missing():
                yield Gap(wording.line(block.caption), wording.reason(block))


def _plate(figure: Figure, pictures: Pictures, chart: bool, origin: int | None) -> Plate:
    data = find(pictures, figure.digest)
    wide = figure.width >= _WIDE_FROM and figure.width > 1.2 * figure.height
    return Plate(
        figure=figure,
        caption=wording.line(figure.caption),
        source=data_uri(data) if data else "",
        style=" ".join(name for name, holds in (("chart", chart), ("wide", wide)) if holds),
        origin=origin,
        credit=credit(figure),
        facts=how_made(figure),
        code=highlight(program(figure), "python"),
    )


def _charts(document: Document) -> set[int]:
    """Numbers of the figures with paper-white grounds: drawn by code, or edited from such a one."""
    found: set[int] = set()
    for figure in document.figures:
        if wording.made_kind(figure) == "code" or figure.edited_from in found:
            found.add(figure.number)
    return found


def _sources(document: Document) -> str:
    """What the document was made from: the names of a few attachments, or how many there are."""
    names = [wording.line(attachment.name) for attachment in document.attachments]
    if len(names) > _NAMED_FILES:
        return f"{len(names)} attached files"
    return ", ".join(names)
