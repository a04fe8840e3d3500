"""What in a Markdown file is live: read as the most permissive of the programs would that may show it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from llmi_agent.document.render.links import is_fragment, safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LINE_END = re.compile(r"\r\n?|\n")
_DEEPEST = 40
"""Levels of nesting; what is deeper is not read, and so not trusted."""
_DEFINITION = re.compile(
    r"\[((?:\\.|[^\[\]\\]){1,999})\]:\s*(?:<([^<>\n]*)>|(\S+))[ \t]*(?:$|[\"'(])", re.MULTILINE
)
_BRACKETS = re.compile(r"\\.|\n\s*\n|[\[\]]")
_STEPS = {"[": 1, "]": -1}
_FOOTNOTE = re.compile(r"^((?:[ >]|[-*+] |\d{1,9}[.)] )*)\[\^[^\]\n]+\]:[ \t]*", re.MULTILINE)
_BARE_ADDRESS = re.compile(
    r"(?<!`)(?P<ticks>`+)(?!`)(?:[^\n]|\n(?!\s*\n))*?(?<!`)(?P=ticks)(?!`)"
    r"|(?P<address>(?:(?:https?|ftp)://|www\.)[^\s<]+)",
    re.IGNORECASE,
)
_UNESCAPED = re.compile(r"\\+(?=<)")
_OWN_PICTURE = re.compile(r"images/figure-\d+\.(?:png|jpg)")
_BARE = frozenset(
    f"<{mark}{tag}>" for mark in ("", "/") for tag in ("sub", "sup", "kbd", "mark")
) | {
    "<br>",
    "<br/>",
    "<br />",
}
_OWN_TAGS = ("<details>\n<summary>How this picture was made</summary>", "</details>")


def lines_of(markdown: str) -> list[str]:
    """Its lines, as readers of Markdown count them."""
    return _LINE_END.split(markdown)


def block_starts(markdown: str) -> set[int]:
    """The lines on which a block begins that stands in no other."""
    try:
        return {token.map[0] for token in read(markdown) if token.map and token.level == 0}
    except RecursionError:
        return set()


def line_count(markdown: str) -> int:
    return len(lines_of(markdown))


def read(markdown: str, references: dict[str, Any] | None = None) -> list[Token]:
    """Tokens, with HTML as HTML and every address as a link. Raises RecursionError for what is nested too deep."""
    if _nested(markdown) > _DEEPEST:
        raise RecursionError
    return _reader().parse(markdown, {"references": references or {}})


def harmless(markdown: str) -> bool:
    """Whether `markdown` holds nothing that `harmful_lines` would name, nor a picture or tag of LLMI's own."""
    return not any(True for _ in _harmful(markdown, own=False))


def harmful_lines(markdown: str) -> list[range]:
    """Where a file of LLMI's has a picture that is not its own, a tag but for a few, or a link that is no web or mail address."""
    return list(_harmful(markdown, own=True))


def _harmful(markdown: str, own: bool) -> Iterator[range]:
    try:
        for view, references in _views(_LINE_END.sub("\n", markdown)):
            yield from _live(read(view, references), own)
    except RecursionError:
        yield range(line_count(markdown))


def _nested(markdown: str) -> int:
    """How deep brackets stand in brackets, at most: a reader takes the square of it in time."""
    deepest = depth = 0
    for mark in _BRACKETS.findall(markdown):
        if mark[0] != "\\":
            depth = max(depth + _STEPS.get(mark, -depth), 0)
        deepest = max(deepest, depth)
    return deepest


def _views(markdown: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ways in which programs read the same text; each has its lines."""
    yield markdown, {}
    if "]:" in markdown:
        yield markdown, _definitions(markdown)
    if "[^" in markdown:
        listed = _FOOTNOTE.sub(r"\1-   ", markdown)
        yield listed, _definitions(listed)
    if "`" in markdown and ("://" in markdown or "www." in markdown.lower()):
        yield _BARE_ADDRESS.sub(_with_its_ticks, markdown), {}
    if "\\<" in markdown:
        yield _UNESCAPED.sub("", markdown), {}


def _with_its_ticks(match: re.Match[str]) -> str:
    """GitHub's reader makes a link of an address in the text, and takes a backtick in it for a part of the address."""
    return match[0].replace("`", "-") if match["address"] else match[0]


def _definitions(markdown: str) -> dict[str, Any]:
    """All that some program may take for a definition, wherever it stands; of one label, the worst."""
    from markdown_it.common.utils import normalizeReference

    found: dict[str, Any] = {}
    for match in _DEFINITION.finditer(markdown):
        label, address = normalizeReference(match[1]), match[2] or match[3] or ""
        if label not in found or _is_safe(str(found[label]["href"])):
            found[label] = {"title": "", "href": address}
    return found


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": 2 * _DEEPEST})
    markdown.enable(["table", "strikethrough"])
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    return markdown


def _live(tokens: list[Token], own: bool) -> Iterator[range]:
    lines = range(0)
    for token in tokens:
        lines = range(*token.map) if token.map else lines
        if any(_harms(each, own) for each in _all([token])):
            yield lines


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _harms(token: Token, own: bool) -> bool:
    match token.type:
        case "image":
            return not (own and _OWN_PICTURE.fullmatch(str(token.attrs.get("src", ""))))
        case "html_block":
            return not (own and token.content.strip() in _OWN_TAGS)
        case "html_inline":
            return token.content.lower() not in _BARE
        case "link_open":
            return not _is_safe(str(token.attrs.get("href", "")))
    return token.level > _DEEPEST


def _is_safe(address: str) -> bool:
    return is_fragment(address) or safe_url(address) is not None
