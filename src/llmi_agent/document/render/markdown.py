"""The document as Markdown for other tools to read: GitHub, editors, static sites."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmi_agent.document.model import Figure, Missing, TextBlock
from llmi_agent.document.render import wording
from llmi_agent.document.render.composed import Part, composed
from llmi_agent.document.render.facts import Fact, credit, how_made, program
from llmi_agent.document.render.outline import take_title
from llmi_agent.document.render.parser import parser
from llmi_agent.document.render.pictures import file_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from llmi_agent.document.model import Document

_MARKS = re.compile(r"[\\`*\[\]<>~&|$!#]|(?<!\w)_|_(?!\w)")


def markdown(document: Document, absent: Collection[int] = ()) -> str:
    """`document` as Markdown; figures whose number is in `absent` have no picture to show."""
    return composed(list(_parts(document, absent)))


def _parts(document: Document, absent: Collection[int]) -> Iterator[Part]:
    if not _says_its_title(document):
        yield Part(f"# {escaped(document.title) or 'Untitled'}")
    for block in document.blocks:
        match block:
            case TextBlock():
                yield Part(wording.clean(block.markdown), ours=False)
            case Figure():
                yield Part(_figure(block, block.number in absent))
            case Missing():
                yield Part(_missing(block))
    if document.cut:
        yield Part(f"> **The text ends early:** {escaped(wording.line(document.cut))}")
    for note in document.notes:
        yield Part(f"> **Note:** {escaped(wording.line(note))}")
    yield Part(_colophon(document))


def _says_its_title(document: Document) -> bool:
    texts = (block.markdown for block in document.blocks if isinstance(block, TextBlock))
    return take_title([parser().parse(text) for text in texts], document.title) is not None


def _figure(figure: Figure, absent: bool) -> str:
    caption = escaped(figure.caption)
    picture = f"![{caption}](images/{file_name(figure)})"
    if absent:
        picture = "> The picture is missing: it is not the one that this document was made with."
    label = f"**Figure {figure.number}.** {caption}"
    small = _small_print(figure)
    return "\n\n".join([picture, f"{label}  \n{small}" if small else label, _details(figure)])


def _small_print(figure: Figure) -> str:
    parts = ["Placeholder, not the picture asked for"] if figure.provenance.placeholder else []
    if figure.edited_from is not None:
        parts.append(f"Edited from Figure {figure.edited_from}")
    parts += [_linked(fact) for fact in credit(figure)]
    if figure.note:
        parts.append(escaped(figure.note))
    return f"<sub>{' · '.join(parts)}</sub>"


def _details(figure: Figure) -> str:
    rows = "\n".join(f"- {escaped(fact.label)}: {_linked(fact)}" for fact in how_made(figure))
    code = program(figure)
    listing = f"\n\n{_fenced(code, 'python')}" if code else ""
    return (
        f"<details>\n<summary>How this picture was made</summary>\n\n{rows}{listing}\n\n</details>"
    )


def _missing(missing: Missing) -> str:
    return (
        f"> **Figure missing: {escaped(missing.caption)}**  \n> {escaped(wording.reason(missing))}"
    )


def _colophon(document: Document) -> str:
    made = f"Made with LLMI. {wording.tally(document)}. Every figure carries how it was made."
    by = f"Written by {wording.author(document)}, {wording.day(document.created)}."
    names = ", ".join(attachment.name for attachment in document.attachments)
    source = f" From {names}." if names else ""
    return f"---\n\n<sub>{escaped(f'{made} {by}{source} Episode {document.episode}.')}</sub>"


def _linked(fact: Fact) -> str:
    value = escaped(fact.value)
    return f"[{value}](<{fact.url}>)" if fact.url else value


def _fenced(code: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def escaped(text: str) -> str:
    """`text` on one line, as Markdown that shows just these words."""
    return _MARKS.sub(r"\\\g<0>", wording.line(text)).replace("\\<", "&lt;")
