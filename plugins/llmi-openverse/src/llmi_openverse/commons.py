"""Wikimedia Commons through the API of MediaWiki: a search as generator, and the `imageinfo` of the files it finds.

https://www.mediawiki.org/wiki/API:Search, API:Imageinfo and Extension:CommonsMetadata
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, BeforeValidator

from llmi_agent.contract import MOST_DETAIL, Reason, ToolFailed, retry_after
from llmi_agent.contract.image_search import Hit
from llmi_openverse.api import Text, ask
from llmi_openverse.credit import MOST_NAME, MOST_TITLE, credited, own_line
from llmi_openverse.licences import Licence, from_name
from llmi_openverse.settings import Settings
from llmi_openverse.text import MOST_READ, plain, raster_addresses, web_address

NAME = "Wikimedia Commons"
RESULTS = 20
THUMB_WIDTH = 1920
"""Pixels: Wikimedia serves thumbnails in standard widths only (https://w.wiki/GHai), and 1600 is none."""
_FIELDS = (
    "LicenseShortName",
    "LicenseUrl",
    "Artist",
    "ObjectName",
    "Attribution",
    "ImageDescription",
    "Categories",
)
_OPERATORS = re.compile(r'[:"~*?\\/|!(){}<>=^\[\]]|(?<!\S)[-+]+')
"""What the search engine would take for a command, such as another namespace."""


def _as_fields(value: Any) -> Any:
    """PHP writes an empty map as a list."""
    return {} if value in ([], None) else value


class Value(BaseModel):
    """A field of the metadata; HTML, as a rule."""

    value: Text = ""


class File(BaseModel):
    """`imageinfo`: the latest version of a file."""

    url: Text = ""
    thumburl: Text = ""
    descriptionurl: Text = ""
    mime: Text = ""
    width: int | None = None
    height: int | None = None
    extmetadata: Annotated[dict[str, Value], BeforeValidator(_as_fields)] = {}

    def field(self, name: str) -> str:
        """A field of the metadata as it is; empty if there is none."""
        return self.extmetadata.get(name, Value()).value

    @property
    def shorter_side(self) -> int | None:
        """In pixels; None for a drawing, which has as many as one likes."""
        if self.mime == "image/svg+xml":
            return None
        return min(self.width or 0, self.height or 0) or None


class Page(BaseModel):
    """A file's page."""

    title: Text = ""
    index: int = 0
    """Its place in the results."""
    imageinfo: tuple[File, ...] = ()


class Found(BaseModel):
    """`query`."""

    pages: tuple[Page, ...] = ()


class Complaint(BaseModel):
    """What MediaWiki says, with status 200, when something is wrong."""

    code: Text = ""
    info: Text = ""


class Answer(BaseModel):
    """As much of the answer as is used here."""

    batchcomplete: bool = False
    query: Found | None = None
    """Missing if nothing was found."""
    error: Complaint | None = None


async def search(
    http: httpx.AsyncClient, query: str, settings: Settings, until: float
) -> list[Hit]:
    """Pictures that the settings want and whose licence is known, in the order of Commons. Raises ToolFailed."""
    words = " ".join(_OPERATORS.sub(" ", query).split())
    if not words:
        return []  # a search for nothing would find everything
    params = _params(words)
    answer, headers = await ask(
        http, NAME, settings.commons_base, "/w/api.php", params, Answer, until
    )
    if answer.error:
        raise _failure(answer.error, headers)
    if answer.query is None and not answer.batchcomplete:
        words = f"the answer of {NAME} cannot be read: it has not the documented form"
        raise ToolFailed(words, "bad_output", usd=0.0)
    pages = answer.query.pages if answer.query else ()
    in_order = sorted(pages, key=lambda page: page.index)
    return [hit for page in in_order if (hit := _hit(page, settings))]


def _params(words: str) -> dict[str, str]:
    return {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "generator": "search",
        "gsrnamespace": "6",
        "gsrsearch": f"{words} filetype:bitmap|drawing",
        "gsrlimit": str(RESULTS),
        "prop": "imageinfo",
        "iiprop": "url|size|mime|extmetadata",
        "iiurlwidth": str(THUMB_WIDTH),
        "iiextmetadatafilter": "|".join(_FIELDS),
    }


def _failure(error: Complaint, headers: httpx.Headers) -> ToolFailed:
    said = plain(f"{error.code}: {error.info}", MOST_DETAIL)
    reason: Reason = "quota" if error.code == "ratelimited" else "unreachable"
    words = "allows no more calls for now" if reason == "quota" else "is out of order"
    return ToolFailed(f"{NAME} {words} ({said})", reason, retry_after=retry_after(headers), usd=0.0)


def _hit(page: Page, settings: Settings) -> Hit | None:
    """None for what is no picture, has no licence that is wanted, or is known to be too small."""
    file = page.imageinfo[0] if page.imageinfo else None
    if file is None or not file.mime.startswith("image/"):
        return None
    licence = from_name(file.field("LicenseShortName"), file.field("LicenseUrl"))
    addresses = raster_addresses(file.thumburl, file.url)
    if licence is None or not addresses or not settings.large_enough(file.shorter_side):
        return None
    if not licence.grants(settings.licence):
        return None
    title = plain(file.field("ObjectName"), MOST_TITLE) or _file_title(page.title)
    about = plain(
        f"{file.field('ImageDescription')[: MOST_READ // 2]} {file.field('Categories')}", MOST_READ
    )
    provenance = credited(
        NAME,
        licence,
        page_url=web_address(file.descriptionurl),
        title=title or None,
        creator=plain(file.field("Artist"), MOST_NAME) or None,
        attribution=_attribution(file, licence),
    )
    return Hit(addresses, provenance, about=f"{title} {about}")


def _attribution(file: File, licence: Licence) -> str:
    """The line that the author asks for, with what it may lack; empty if the author asks for none."""
    asked = own_line(file.field("Attribution"))
    return f"{asked}, {licence.words}, via {NAME}" if asked else ""


def _file_title(title: str) -> str:
    """What a file is called: "File:Red boat.jpg" -> "Red boat"."""
    name = plain(title, MOST_TITLE).removeprefix("File:")
    return name.rpartition(".")[0] or name
