"""The outline of a document: one title, heading levels in order, unique anchors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmi_agent.document.render.wording import line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

_LEVELS = 6


@dataclass(frozen=True)
class Heading:
    """A heading of the page."""

    level: int
    """2 to 6."""
    words: str
    anchor: str


def words_of(token: Token) -> str:
    """What an inline token says, without its markup."""
    said = (
        child.content if child.type in ("text", "code_inline", "image") else " "
        for child in token.children or ()
        if child.type in ("text", "code_inline", "image", "softbreak", "hardbreak")
    )
    return line("".join(said))


def take_title(blocks: Sequence[list[Token]], title: str) -> Token | None:
    """Remove the document's first heading if it only repeats `title`; returns its words as a token.

    It must be the first thing said, or of the first level.
    """
    spoken = [block for block in blocks if block]
    for block in spoken:
        for index, token in enumerate(block):
            if token.type == "heading_open":
                inline = block[index + 1]
                leads = block is spoken[0] and index == 0
                if not (leads or token.tag == "h1") or not _repeats(inline, title):
                    return None
                del block[index : index + 3]
                return inline
    return None


def settle(blocks: Sequence[Sequence[Token]]) -> list[Heading]:
    """Give each heading a level below the title's that skips none, and an anchor."""
    openings = list(_headings(blocks))
    shift = 1 if any(opening.tag == "h1" for opening, _ in openings) else 0
    taken: dict[str, int] = {}
    found: list[Heading] = []
    level = 1
    for opening, inline in openings:
        level = min(int(opening.tag[1]) + shift, level + 1, _LEVELS)
        heading = Heading(level, words_of(inline), _anchor(words_of(inline), taken))
        opening.tag = f"h{level}"
        opening.attrs["id"] = heading.anchor
        found.append(heading)
    _close(blocks)
    return found


def _repeats(inline: Token, title: str) -> bool:
    return line(title) in (line(inline.content), words_of(inline))


def _headings(blocks: Sequence[Sequence[Token]]) -> Iterator[tuple[Token, Token]]:
    for block in blocks:
        for index, token in enumerate(block):
            if token.type == "heading_open":
                yield token, block[index + 1]


def _close(blocks: Sequence[Sequence[Token]]) -> None:
    for block in blocks:
        for index, token in enumerate(block):
            if token.type == "heading_close":
                token.tag = block[index - 2].tag


def _anchor(words: str, taken: dict[str, int]) -> str:
    """An anchor of its own, as people guess it: lower case, hyphens for spaces."""
    slug = re.sub(r"[^\w\s-]", "", words.lower())
    base = "s-" + (re.sub(r"[\s_-]+", "-", slug).strip("-")[:80] or "section")
    anchor = base
    while anchor in taken:
        taken[base] += 1
        anchor = f"{base}-{taken[base]}"
    taken[anchor] = 1
    return anchor
