"""The last gate before the page: only these tags, attributes and addresses pass."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmi_agent.document.render.links import is_fragment

if TYPE_CHECKING:
    import nh3

_TAGS = (
    "a blockquote br code del div em h2 h3 h4 h5 h6 hr kbd li mark ol p pre s span strong sub sup table "
    "tbody td th thead tr ul"
)
_REGION = {"class", "tabindex", "role", "aria-label"}
_ATTRIBUTES = {
    "*": {"dir"},
    "a": {"href", "title"},
    "code": {"class"},
    "div": _REGION,
    "ol": {"start"},
    "pre": _REGION,
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
}
_REL = "noopener noreferrer nofollow"


def sanitise(html: str) -> str:
    """`html` with everything else gone, and every element closed."""
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=set(_TAGS.split()),
        attributes=_ATTRIBUTES,
        link_rel=_REL,
        url_schemes={"http", "https", "mailto"},
        url_relative=lambda address: address if is_fragment(address) else None,
    )
