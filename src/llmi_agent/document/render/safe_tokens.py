"""Changes to parsed Markdown before it is rendered: links, pictures, alignment, direction of writing."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from llmi_agent.document.render.links import is_fragment, safe_url
from llmi_agent.document.render.outline import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token


def tame(tokens: Sequence[Token], anchors: set[str]) -> None:
    """Make one block safe to render: links go to the web or to `anchors`, pictures become links."""
    for token in tokens:
        _align(token)
        if token.children is not None:
            token.children = list(_without_traps(token.children, anchors))
    _direct(tokens)


def _without_traps(children: Iterable[Token], anchors: set[str]) -> Iterator[Token]:
    """The inline tokens with bad links opened up and pictures turned into links or words."""
    opened: list[bool] = []
    for child in children:
        if child.type == "link_open":
            target = _target(str(child.attrs.get("href", "")), anchors)
            opened.append(target is not None)
            if target is None:
                continue
            child.attrs["href"] = target
        elif child.type == "link_close" and not opened.pop():
            continue
        if child.type == "image":
            yield from _as_link(child, linked=any(opened))
        else:
            yield child


def _target(address: str, anchors: set[str]) -> str | None:
    if is_fragment(address):
        heading = f"#s-{address[1:].lower()}"
        if heading[1:] in anchors:
            return heading
        return address if address.startswith("#figure-") else None
    return safe_url(address)


def _as_link(image: Token, linked: bool) -> Iterator[Token]:
    """A picture of the policy's own: it would make readers ask another machine, so it is a link."""
    from markdown_it.token import Token

    address = safe_url(str(image.attrs.get("src", "")))
    words = Token("text", "", 0, content=words_of(image) or address or "")
    if address is None or linked:
        yield words
        return
    yield Token("link_open", "a", 1, attrs={"href": address})
    yield words
    yield Token("link_close", "a", -1)


def _align(token: Token) -> None:
    """Cells say how they are aligned in a class: a style attribute does not pass."""
    style = str(token.attrs.pop("style", ""))
    if style.startswith("text-align:"):
        token.attrs["class"] = style.removeprefix("text-align:")


def _direct(tokens: Sequence[Token]) -> None:
    """Write each outermost block in the direction of its first letter."""
    opening: Token | None = None
    for token in tokens:
        if token.nesting == 1 and token.level == 0:
            opening = token
        elif opening is not None and token.type == "inline":
            side = first_strong(token.content)
            if side == "R":
                opening.attrs["dir"] = "rtl"
            if side:
                opening = None


def first_strong(text: str) -> str:
    """ "R" or "L", after the first letter that has a direction; empty if none has."""
    for letter in text:
        side = unicodedata.bidirectional(letter)
        if side in ("R", "AL"):
            return "R"
        if side == "L":
            return "L"
    return ""
