"""The policy's Markdown for files that other programs will show: as written, unless it could do harm.

Nobody knows which program that is, so HTML must not be HTML, pictures from other machines must be links,
and links must be plain. Harmless text stays byte for byte. What is rewritten is parsed again, and what is
still not harmless then loses every mark that could start a link, a picture or a tag.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmi_agent.document.render.harm import harmless, lines_of, read

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIVE = re.compile(
    r"(?P<kept><(?:https?|mailto):[^\s<>]*>|(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)|`+)"
    r"|(?P<tag>\\?<(?=[A-Za-z/!?]))"
    r"|(?P<escaped>\\.)"
    r"|(?P<picture>!+(?=\[))"
)
_ENTITIES = {"[": "&#91;", "<": "&lt;", "`": "&#96;", "~": "&#126;"}
_MARK = re.compile(r"\\?([\[<]|`(?=``)|~(?=~~))")


def inert(markdown: str) -> str:
    """`markdown` without HTML, pictures from elsewhere, and links to anything but web, mail or itself."""
    if harmless(markdown):
        return markdown
    soft = softened(markdown)
    return soft if harmless(soft) else blunted(markdown)


def closed(markdown: str) -> str:
    """`markdown` with its last code fence closed, so that it does not swallow what follows."""
    if "```" not in markdown and "~~~" not in markdown:
        return markdown
    try:
        tokens = read(markdown)
    except RecursionError:
        return markdown
    if not tokens or tokens[-1].type != "fence" or tokens[-1].map is None:
        return markdown
    first, end = tokens[-1].map
    lines = lines_of(markdown)
    fence = tokens[-1].markup
    last = lines[min(end, len(lines)) - 1].strip()
    whole = end - first > 1 and set(last) == {fence[0]} and len(last) >= len(fence)
    return markdown if whole else f"{markdown.rstrip(chr(10))}\n{fence}"


def softened(markdown: str) -> str:
    """Tags shown as words and pictures made links, everywhere but in code."""
    try:
        listing = set(_code_lines(markdown))
    except RecursionError:
        return blunted(markdown)
    return "\n".join(
        text if number in listing else _LIVE.sub(_defused, text)
        for number, text in enumerate(markdown.split("\n"))
    )


def blunted(markdown: str) -> str:
    """No link, picture, tag or listing can start without these marks."""
    return _MARK.sub(lambda match: _ENTITIES[match[1]], markdown)


def _code_lines(markdown: str) -> Iterator[int]:
    for token in read(markdown):
        if token.type in ("fence", "code_block") and token.map:
            yield from range(*token.map)


def _defused(match: re.Match[str]) -> str:
    if match["tag"]:
        return "&lt;"
    return "" if match["picture"] else match[0]
