"""The Markdown that LLMI reads: CommonMark with tables, strikethrough and a few bare tags; no HTML."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from llmi_agent.document.render.code import highlight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_BARE_TAG = re.compile(r"<(?:/?(?:sub|sup|kbd|mark)|br ?/?)>", re.IGNORECASE)


@cache
def parser() -> MarkdownIt:
    """The parser, with renderer rules for code and tables. HTML but for bare `<br>`, `<sub>`,
    `<sup>`, `<kbd>` and `<mark>` is text."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.inline.ruler.before("html_inline", "bare_tag", _bare_tag)
    markdown.add_render_rule("fence", _code)
    markdown.add_render_rule("code_block", _code)
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    return markdown


@cache
def block_parser() -> MarkdownIt:
    """The same for those who ask where blocks begin and end: what is in their lines is not looked at."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return markdown.disable("inline")


def _bare_tag(state: StateInline, silent: bool) -> bool:
    match = _BARE_TAG.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = match[0].lower()
    state.pos = match.end()
    return True


def _code(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language = (token.info.split() or [""])[0].lower()
    shown = highlight(token.content.rstrip("\n"), language)
    label = escape(f"Code, {language}" if language else "Code", quote=True)
    return (
        f'<pre class="code" dir="ltr" tabindex="0" role="region" aria-label="{label}">'
        f"<code>{shown}</code></pre>\n"
    )


def _table_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    opening = tokens[index]
    direction = ' dir="rtl"' if opening.attrs.get("dir") == "rtl" else ""
    return f'<div class="table" tabindex="0" role="region" aria-label="Table"{direction}><table>\n'


def _table_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"
