"""Who made a picture and what may be done with it, as it is printed under the picture."""

from __future__ import annotations

from llmi_agent.contract import Provenance
from llmi_openverse.licences import Licence
from llmi_openverse.text import MOST_READ, plain

MOST_TITLE = 200
MOST_NAME = 120
MOST_ATTRIBUTION = 700
"""Characters."""


def credited(
    provider: str,
    licence: Licence,
    page_url: str | None = None,
    title: str | None = None,
    creator: str | None = None,
    attribution: str = "",
) -> Provenance:
    """A picture's provenance with a line to print; the texts are plain.

    attribution: the service's own line; empty if it has none, and one is made of the rest.
    """
    by = f" by {creator}" if creator else ""
    return Provenance(
        provider,
        page_url=page_url,
        title=title,
        creator=creator,
        licence=licence.name,
        licence_url=licence.url,
        attribution=attribution or f"{title or 'Untitled'}{by}, {licence.words}, via {provider}",
    )


def own_line(text: str) -> str:
    """A service's own attribution; empty if it is so long that its end, the licence, would be cut off."""
    line = plain(text, MOST_READ) if len(text) <= MOST_READ else ""
    return line if len(line) <= MOST_ATTRIBUTION else ""
