"""Openverse: openly licensed pictures of Flickr, museums, Wikimedia Commons and others.

`GET /v1/images/`, as https://api.openverse.org/v1/ documents it; without an account, 20 results at most.
"""

from __future__ import annotations

from typing import Annotated, Any

import httpx
from pydantic import BaseModel, BeforeValidator, ValidationError

from llmi_agent.contract.image_search import Hit
from llmi_openverse.api import Text, ask
from llmi_openverse.credit import MOST_NAME, MOST_TITLE, credited, own_line
from llmi_openverse.licences import from_code
from llmi_openverse.settings import Settings
from llmi_openverse.text import MOST_READ, plain, raster_addresses, web_address

NAME = "Openverse"
RESULTS = 20
"""The most that Openverse gives to those without an account."""
_PROVIDERS = {"stocksnap": "StockSnap", "wikimedia": "Wikimedia Commons"}
"""What `provider` means, where its words in capitals are not the name."""


def _as_list(value: Any) -> Any:
    return () if value is None else value


class Tag(BaseModel):
    """A word that somebody or something put to a picture."""

    name: Text = ""


class Result(BaseModel):
    """A picture of the answer."""

    title: Text = ""
    url: Text = ""
    thumbnail: Text = ""
    foreign_landing_url: Text = ""
    creator: Text = ""
    license: Text = ""
    license_version: Text = ""
    license_url: Text = ""
    attribution: Text = ""
    provider: Text = ""
    width: int | None = None
    height: int | None = None
    tags: Annotated[tuple[Tag, ...], BeforeValidator(_as_list)] = ()
    mature: bool | None = None
    unstable__sensitivity: Annotated[tuple[Any, ...], BeforeValidator(_as_list)] = ()

    @property
    def is_sensitive(self) -> bool:
        return bool(self.mature or self.unstable__sensitivity)

    @property
    def shorter_side(self) -> int | None:
        """In pixels."""
        return min(self.width or 0, self.height or 0) or None


class Answer(BaseModel):
    """As much of the answer as is used here."""

    results: tuple[Any, ...]
    """Each is read by itself: an odd one is left out."""


async def search(
    http: httpx.AsyncClient, query: str, settings: Settings, until: float
) -> list[Hit]:
    """Pictures that the settings want and whose licence is known, in Openverse's order. Raises ToolFailed."""
    params = {"q": query, "page_size": str(RESULTS), **_filters(settings)}
    answer, _ = await ask(http, NAME, settings.openverse_base, "/v1/images/", params, Answer, until)
    results = filter(None, map(_read, answer.results))
    shown = (each for each in results if settings.mature or not each.is_sensitive)
    return [hit for each in shown if (hit := _hit(each, settings))]


def _read(result: Any) -> Result | None:
    try:
        return Result.model_validate(result)
    except ValidationError:
        return None


def _filters(settings: Settings) -> dict[str, str]:
    filters = {"mature": "true"} if settings.mature else {}
    if settings.licence == "public-domain":
        return {**filters, "license": "cc0,pdm"}
    return filters if settings.licence == "any" else {**filters, "license_type": settings.licence}


def _hit(result: Result, settings: Settings) -> Hit | None:
    """None for a picture without an address, without a licence that is wanted, or known to be too small."""
    licence = from_code(result.license, result.license_version, result.license_url)
    addresses = raster_addresses(result.url, result.thumbnail)
    if licence is None or not addresses or not settings.large_enough(result.shorter_side):
        return None
    if not licence.grants(settings.licence):
        return None
    title = plain(result.title, MOST_TITLE)
    tags = plain(" ".join(tag.name for tag in result.tags), MOST_READ)
    provenance = credited(
        _provider(result.provider),
        licence,
        page_url=web_address(result.foreign_landing_url),
        title=title or None,
        creator=plain(result.creator, MOST_NAME) or None,
        attribution=own_line(result.attribution),
    )
    return Hit(addresses, provenance, about=f"{title} {tags}")


def _provider(code: str) -> str:
    """Ours, with theirs: "flickr" -> "Openverse (Flickr)"."""
    code = plain(code, 40)
    name = _PROVIDERS.get(code) or code.replace("_", " ").title()
    return f"{NAME} ({name})" if name else NAME
