"""A picture that a search found, whichever service it was."""

from __future__ import annotations

from dataclasses import dataclass

from llmi_agent.tool import Provenance
from llmi_openverse.licences import Licence
from llmi_openverse.text import MOST_READ, plain, web_address

MOST_TITLE = 200
MOST_NAME = 120
MOST_ATTRIBUTION = 700
"""Characters."""


@dataclass(frozen=True)
class Hit:
    """A picture worth downloading. Its texts are plain, and its addresses are http(s)."""

    provider: str
    addresses: tuple[str, ...]
    """Where the picture is, the best place first; the next one is tried if a place fails."""
    licence: Licence
    page_url: str | None = None
    title: str | None = None
    creator: str | None = None
    attribution: str = ""
    """The service's own line, if it has one."""
    about: str = ""
    """Title, tags and description: what the query is compared with."""
    shorter_side: int | None = None
    """In pixels, of the original, as the service says it; None if it does not, or if the picture has no fixed size."""

    def provenance(self, address: str) -> Provenance:
        """Of the picture that was fetched from `address`."""
        return Provenance(
            self.provider,
            source_url=address,
            page_url=self.page_url,
            title=self.title,
            creator=self.creator,
            licence=self.licence.name,
            licence_url=self.licence.url,
            attribution=self.attribution or self._credit(),
        )

    def _credit(self) -> str:
        by = f" by {self.creator}" if self.creator else ""
        return f"{self.title or 'Untitled'}{by}, {self.licence.words}, via {self.provider}"


def raster_addresses(*urls: str | None) -> tuple[str, ...]:
    """Those that are web addresses, each once; no SVG, which LLMI does not take."""
    fit = (web_address(url) for url in urls if url)
    return tuple(dict.fromkeys(url for url in fit if url and not _is_svg(url)))


def own_line(text: str) -> str:
    """A service's own attribution; empty if it is so long that its end, the licence, would be cut off."""
    line = plain(text, MOST_READ) if len(text) <= MOST_READ else ""
    return line if len(line) <= MOST_ATTRIBUTION else ""


def _is_svg(url: str) -> bool:
    return url.partition("?")[0].lower().endswith((".svg", ".svgz"))
