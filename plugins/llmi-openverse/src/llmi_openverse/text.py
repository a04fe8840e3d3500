"""What strangers wrote about a picture, made fit to print: plain text on one line, and web addresses that are ones."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import urlsplit

MOST_READ = 4000
"""Characters of a text that are looked at; more is no title and no name."""
MOST_URL = 2000
"""Characters of an address."""
_JOINERS = "\u200c\u200d"
"""Invisible, but Persian and emoji need them."""
_ROUNDS = 3
"""How often text may have been escaped."""

# Each takes linear time on any text, which Python's own HTML parser does not.
_HIDDEN = re.compile(
    r"<(script|style)\b.*?(?:</\1\b[^<>]*>|\Z)|<!--.*?(?:-->|\Z)"
    r"|<(\w+)\b[^<>]*\bdisplay: ?none[^<>]*>.*?(?:</\2\b[^<>]*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
"""Programs, styles, comments, and what Wikimedia Commons hides from readers, such as labels for machines."""
_BREAK = re.compile(r"</?(?:br|div|li|p|td|tr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*(?:>|\Z)")
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)")
"""Where markup begins."""


def plain(text: str, most: int) -> str:
    """`text` without tags, entities, and control characters, on one line of at most `most` characters."""
    text = text[:MOST_READ]
    for _ in range(_ROUNDS):
        if _MARKUP.search(text):
            text = html.unescape(_TAG.sub("", _BREAK.sub(" ", _HIDDEN.sub("", text))))
    text = _MARKUP.sub("", text)
    text = " ".join("".join(map(_printable, text)).split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def web_address(url: str) -> str | None:
    """`url` if it is an http(s) address without a password in it, else None. `//host/...` is taken as https."""
    url = f"https:{url}" if url.startswith("//") else url
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname)
    except ValueError:
        return None
    fit = len(url) <= MOST_URL and url.isprintable() and not re.search(r'[\s<>"\\]', url)
    is_web = parts.scheme in ("http", "https") and named and "@" not in parts.netloc
    return url if fit and is_web else None


def raster_addresses(*urls: str | None) -> tuple[str, ...]:
    """Those that are web addresses, each once; no SVG, which LLMI does not take."""
    fit = (web_address(url) for url in urls if url)
    return tuple(dict.fromkeys(url for url in fit if url and not _is_svg(url)))


def _printable(character: str) -> str:
    """The character; a space for a control character; nothing for what turns or hides text, or is no character."""
    category = unicodedata.category(character)
    if category == "Cc" or category.startswith("Z"):
        return " "
    return "" if category in ("Cf", "Cs", "Co", "Cn") and character not in _JOINERS else character


def _is_svg(url: str) -> bool:
    return url.partition("?")[0].lower().endswith((".svg", ".svgz"))
