"""The policy's Markdown as HTML that cannot do harm.

Each text block is rendered on its own, so that an unclosed fence ends with its block. What the blocks
share is the outline: one title, levels in order, and anchors that are unique in the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from llmi_agent.document.render.outline import Heading, settle, take_title
from llmi_agent.document.render.parser import parser
from llmi_agent.document.render.safe_tokens import tame
from llmi_agent.document.render.sanitise import sanitise
from llmi_agent.document.render.wording import clean, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token


@dataclass(frozen=True)
class Prose:
    """A document's text, rendered."""

    headline: str
    """The title as HTML."""
    bodies: tuple[str, ...]
    """One piece of HTML for each text block."""
    headings: tuple[Heading, ...]


def render(texts: Sequence[str], title: str) -> Prose:
    """Sanitised HTML of a document's text blocks, without a heading that only repeats `title`."""
    markdown = parser()
    texts = [clean(text) for text in texts]
    references = _references(texts)
    blocks = [markdown.parse(text, {"references": references}) for text in texts]
    own_title = take_title(blocks, title)
    headings = settle(blocks)
    anchors = {heading.anchor for heading in headings}
    for block in blocks:
        tame(block, anchors)
    return Prose(
        headline=_inline(own_title) if own_title else escape(line(title) or "Untitled"),
        bodies=tuple(_html(block) for block in blocks),
        headings=tuple(headings),
    )


def _html(tokens: Sequence[Token]) -> str:
    markdown = parser()
    return sanitise(markdown.renderer.render(tokens, markdown.options, {}))


def _inline(token: Token) -> str:
    """The words of a heading as HTML, without links: a title leads nowhere."""
    tame([token], set())
    links = ("link_open", "link_close")
    token.children = [child for child in token.children or () if child.type not in links]
    return _html([token])


def _references(texts: Sequence[str]) -> dict[str, Any]:
    """Link definitions of all blocks: a slot may stand between a link and its definition."""
    env: dict[str, Any] = {}
    for text in texts:
        if "]:" in text:
            parser().parse(text, env)
    references: dict[str, Any] = env.get("references", {})
    return references
