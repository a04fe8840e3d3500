"""The policy's Markdown for files that other programs will show: as written, unless it could do harm.

Nobody knows which program that is, so HTML must not be HTML, pictures from other machines must be links,
and links must be plain. Harmless text stays byte for byte. What is rewritten is parsed again, and what is
still not harmless then loses every mark that could start a link, a picture or a tag.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from llmi_agent.document.render.links import is_fragment, safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LIVE = re.compile(
    r"(?P<kept>\\.|<(?:https?|mailto):[^\s<>]*>|(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)|`+)"
    r"|(?P<tag><(?=[A-Za-z/!?]))"
    r"|(?P<picture>!+(?=\[))"
)
_BARE = frozenset(
    f"<{mark}{tag}>" for mark in ("", "/") for tag in ("sub", "sup", "kbd", "mark")
) | {
    "<br>",
    "<br/>",
    "<br />",
}


def inert(markdown: str) -> str:
    """`markdown` without HTML, pictures from elsewhere, and links to anything but web, mail or itself."""
    if _harmless(markdown):
        return markdown
    softened = _softened(markdown)
    return softened if _harmless(softened) else _blunted(markdown)


def closed(markdown: str) -> str:
    """`markdown` with its last code fence closed, so that it does not swallow what follows."""
    tokens = _reader().parse(markdown)
    if not tokens or tokens[-1].type != "fence" or tokens[-1].map is None:
        return markdown
    first, end = tokens[-1].map
    lines = markdown.splitlines()
    fence = tokens[-1].markup
    last = lines[min(end, len(lines)) - 1].strip()
    whole = end - first > 1 and set(last) == {fence[0]} and len(last) >= len(fence)
    return markdown if whole else f"{markdown.rstrip(chr(10))}\n{fence}"


@cache
def _reader() -> MarkdownIt:
    """Reads as the most permissive program would: HTML is HTML, and every address is a link."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    return markdown


def _harmless(markdown: str) -> bool:
    return not any(_harms(token) for token in _all(_reader().parse(markdown)))


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _harms(token: Token) -> bool:
    match token.type:
        case "image" | "html_block":
            return True
        case "html_inline":
            return token.content.lower() not in _BARE
        case "link_open":
            address = str(token.attrs.get("href", ""))
            return not (is_fragment(address) or safe_url(address))
    return False


def _softened(markdown: str) -> str:
    """Tags shown as words and pictures made links, everywhere but in code."""
    lines = markdown.split("\n")
    listing = set(_code_lines(markdown))
    return "\n".join(
        text if number in listing else _LIVE.sub(_defused, text)
        for number, text in enumerate(lines)
    )


def _code_lines(markdown: str) -> Iterator[int]:
    for token in _all(_reader().parse(markdown)):
        if token.type in ("fence", "code_block") and token.map:
            yield from range(*token.map)


def _defused(match: re.Match[str]) -> str:
    if match["tag"]:
        return "&lt;"
    return "" if match["picture"] else match[0]


def _blunted(markdown: str) -> str:
    """No link, picture or tag can start without these two marks."""
    return markdown.replace("[", "&#91;").replace("<", "&lt;")
