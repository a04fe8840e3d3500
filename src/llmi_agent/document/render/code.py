"""Programs as HTML, coloured where the language is known."""

from __future__ import annotations

from html import escape

_KNOWN = (
    "bash c cpp css diff go html ini java javascript js json julia python python3 py r ruby rust sh sql "
    "toml ts typescript xml yaml yml"
)
LANGUAGES = frozenset(_KNOWN.split())
_LONGEST = 60_000


def highlight(code: str, language: str) -> str:
    """`code` as HTML: escaped, with spans of class names that Pygments chose."""
    if language not in LANGUAGES or len(code) > _LONGEST:
        return escape(code)
    import pygments
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    return pygments.highlight(code, lexer, HtmlFormatter(nowrap=True))
