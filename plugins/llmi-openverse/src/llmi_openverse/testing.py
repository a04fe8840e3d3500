"""Openverse and Wikimedia Commons on loopback, for tests: their searches as documented, and pictures that they serve.

with FakeOpenverse([Shown("A red boat", licence="by-sa")]) as openverse, FakeCommons() as commons:
    settings = {"openverse_images": {"openverse_base": openverse.url, "commons_base": commons.url}}
    options = Options(download_allow=(openverse.host, commons.host))  # loopback is private
"""

from __future__ import annotations

import io
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from llmi_agent.testing import Reply, Seen, Server, json_reply, random_png, redirect

INTERNAL = redirect("http://169.254.169.254/latest/meta-data/")
"""Leads to where a cloud keeps its machines' credentials."""
HUGE = Reply(body=(b"\x89PNG\r\n\x1a\n", *[bytes(1024 * 1024)] * 40), media_type="image/png")
"""More bytes than a picture may have, and no word of it in the headers."""
_NAMES = {"cc0": "CC0", "pdm": "Public domain"}
"""How Commons says what Openverse gives a code."""
_LICENCES = {"by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm"} | {
    "sampling+",
    "nc-sampling+",
}
_GROUPS = {
    "all": _LICENCES,
    "all-cc": _LICENCES - {"pdm"},
    "commercial": {each for each in _LICENCES if "nc" not in each},
    "modification": {each for each in _LICENCES if "nd" not in each},
}


@dataclass(frozen=True)
class Shown:
    """A picture that a search finds."""

    title: str
    width: int = 320
    height: int = 240
    licence: str = "by"
    """Openverse's code: by, by-sa, ..., cc0, pdm; empty for a picture without one."""
    version: str = "2.0"
    creator: str = "Ada Byron"
    tags: tuple[str, ...] = ()
    mature: bool = False
    provider: str = "flickr"
    reply: Reply | None = None
    """What is served in place of the original."""
    thumb_reply: Reply | None = None
    """What is served in place of the thumbnail."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the answer (for Commons: of `extmetadata`, or of `imageinfo` if it has one of the name) that replace the true ones."""

    @property
    def licence_url(self) -> str:
        """Where the licence's text is."""
        match self.licence:
            case "cc0":
                return "https://creativecommons.org/publicdomain/zero/1.0/"
            case "pdm":
                return "https://creativecommons.org/publicdomain/mark/1.0/"
        return f"https://creativecommons.org/licenses/{self.licence}/{self.version}/"

    @cached_property
    def data(self) -> bytes:
        """The original, a PNG."""
        return random_png(self.width, self.height, seed=zlib.crc32(self.title.encode()))

    def thumb(self, width: int) -> bytes:
        """A JPEG of this width in pixels."""
        from PIL import Image

        out = io.BytesIO()
        with Image.open(io.BytesIO(self.data)) as picture:
            picture.resize((width, max(1, self.height * width // self.width))).save(out, "JPEG")
        return out.getvalue()


class FakeOpenverse(Server):
    """pictures: what every search finds, as far as its filters let it."""

    def __init__(self, pictures: Sequence[Shown] = ()) -> None:
        super().__init__()
        self.pictures = tuple(pictures)

    def address(self, number: int) -> str:
        """Where the original of picture `number` lies, from 0."""
        return f"{self.url}/originals/{number}.png"

    def thumbnail(self, number: int) -> str:
        """Where its thumbnail lies."""
        return f"{self.url}/v1/images/{_identifier(number)}/thumb/"

    def answer(self, request: Seen) -> Reply:
        """The real service's answer, as far as it is documented."""
        if request.method == "GET" and request.path == "/v1/images/":
            return self._search(request.args)
        for number, shown in enumerate(self.pictures):
            if self.address(number).endswith(request.path):
                return shown.reply or Reply(body=shown.data, media_type="image/png")
            if self.thumbnail(number).endswith(request.path):
                thumb = Reply(body=shown.thumb(min(600, shown.width)), media_type="image/jpeg")
                return shown.thumb_reply or thumb
        return json_reply({"detail": "Not found."}, 404)

    def _search(self, asked: dict[str, str]) -> Reply:
        size = int(asked.get("page_size", 20))
        if size > 20:
            words = "Ensure this value is less than or equal to 20."
            return json_reply({"detail": words}, 401)
        licences, trouble = _wanted_licences(asked)
        if trouble:
            detail = f"Invalid input given for fields. {trouble}"
            return json_reply({"error": "InputError", "detail": detail}, 400)
        results = [
            self._result(number, shown)
            for number, shown in enumerate(self.pictures)
            if (not shown.licence or shown.licence in licences)
            and (asked.get("mature") == "true" or not shown.mature)
        ]
        page = {"result_count": len(results), "page_count": 1, "page_size": size, "page": 1}
        return json_reply({**page, "results": results[:size]})

    def _result(self, number: int, shown: Shown) -> dict[str, Any]:
        identifier = _identifier(number)
        return {
            "id": identifier,
            "title": shown.title,
            "indexed_on": "2022-08-27T17:39:48Z",
            "foreign_landing_url": f"https://www.flickr.com/photos/ada/{number}",
            "url": self.address(number),
            "creator": shown.creator,
            "creator_url": "https://www.flickr.com/photos/ada",
            "license": shown.licence,
            "license_version": "1.0" if shown.licence in ("cc0", "pdm") else shown.version,
            "license_url": shown.licence_url,
            "provider": shown.provider,
            "source": shown.provider,
            "category": None,
            "filesize": None,
            "filetype": "png",
            "tags": [{"accuracy": None, "name": name} for name in shown.tags],
            "attribution": _openverse_line(shown),
            "fields_matched": ["title"],
            "mature": shown.mature,
            "height": shown.height,
            "width": shown.width,
            "thumbnail": self.thumbnail(number),
            "detail_url": f"{self.url}/v1/images/{identifier}/",
            "related_url": f"{self.url}/v1/images/{identifier}/related/",
            "unstable__sensitivity": ["user_reported_sensitive_text"] if shown.mature else [],
            **shown.fields,
        }


class FakeCommons(Server):
    """pictures: what every search finds. As the real one, it refuses clients that do not say whose they are."""

    def __init__(self, pictures: Sequence[Shown] = ()) -> None:
        super().__init__()
        self.pictures = tuple(pictures)

    def address(self, number: int) -> str:
        """Where the original of picture `number` lies, from 0."""
        return f"{self.url}/wikipedia/commons/{number}.png"

    def thumbnail(self, number: int, width: int) -> str:
        """Where it lies, so many pixels wide."""
        return f"{self.url}/wikipedia/commons/thumb/{number}.png/{width}px-{number}.png"

    def answer(self, request: Seen) -> Reply:
        """The real service's answer, as far as it is documented."""
        agent = request.headers.get("user-agent", "")
        if "http" not in agent.partition("/")[2] and "@" not in agent:
            return Reply(403, b"Please set a user-agent and respect our robot policy", "text/plain")
        if request.method == "GET" and request.path == "/w/api.php":
            return self._search(request.args)
        for number, shown in enumerate(self.pictures):
            if self.address(number).endswith(request.path):
                return shown.reply or Reply(body=shown.data, media_type="image/png")
            if f"/thumb/{number}.png/" in request.path:
                width = int(request.path.rpartition("/")[2].partition("px-")[0])
                thumb = Reply(body=shown.thumb(width), media_type="image/jpeg")
                return shown.thumb_reply or thumb
        return Reply(404, b"File not found", "text/plain")

    def _search(self, asked: dict[str, str]) -> Reply:
        if trouble := _commons_trouble(asked):
            words = {"code": "badvalue", "info": trouble, "docref": "See /w/api.php for API usage."}
            headers = {"MediaWiki-API-Error": "badvalue"}
            return Reply(200, json_reply({"error": words}).body, headers=headers)
        if not self.pictures:
            return json_reply({"batchcomplete": True})
        width = int(asked["iiurlwidth"])
        pages = [self._page(number, width) for number in range(len(self.pictures))]
        pages = pages[: int(asked.get("gsrlimit", 10))]
        # The order of the list is that of the page ids; the place in the results is `index`.
        return json_reply({"batchcomplete": True, "query": {"pages": pages[::-1]}})

    def _page(self, number: int, width: int) -> dict[str, Any]:
        shown = self.pictures[number]
        title = f"File:{shown.title} {number}.png"
        is_large = shown.width > width
        info = {
            "size": 1000,
            "width": shown.width,
            "height": shown.height,
            "thumburl": self.thumbnail(number, width) if is_large else self.address(number),
            "thumbwidth": min(width, shown.width),
            "url": self.address(number),
            "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{number}.png",
            "mime": "image/png",
        }
        changed = {name: value for name, value in shown.fields.items() if name in info}
        metadata: Any = {
            name: {"value": value, "source": "commons-desc-page", "hidden": ""}
            for name, value in (_metadata(shown) | dict(shown.fields)).items()
            if value is not None and name not in info
        }
        # PHP writes an empty map as a list.
        info = {**info, **changed, "extmetadata": metadata or []}
        return {
            "pageid": 1000 - number,
            "ns": 6,
            "title": title,
            "index": number + 1,
            "imagerepository": "local",
            "imageinfo": [info],
        }


def _metadata(shown: Shown) -> dict[str, Any]:
    """As the real one: the artist is a link, and a work in the public domain has no licence's address."""
    artist = f'<a href="//commons.wikimedia.org/wiki/User:A" title="User:A">{shown.creator}</a>'
    name = _NAMES.get(shown.licence) or f"CC {shown.licence.upper()} {shown.version}"
    return {
        "ObjectName": shown.title,
        "Artist": artist if shown.creator else None,
        "ImageDescription": f"<p>{shown.title}</p>",
        "Categories": "|".join(shown.tags),
        "LicenseShortName": name if shown.licence else None,
        "LicenseUrl": None if shown.licence in ("pdm", "") else shown.licence_url,
    }


def _commons_trouble(asked: dict[str, str]) -> str:
    """What the service would not accept, in its words; empty if all is well."""
    needed = {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "generator": "search",
        "gsrnamespace": "6",
        "prop": "imageinfo",
    }
    for name, value in needed.items():
        if asked.get(name) != value:
            return f'Unrecognized value for parameter "{name}": {asked.get(name, "")}.'
    if missing := {"url", "size", "mime", "extmetadata"} - set(asked.get("iiprop", "").split("|")):
        return f'"iiprop" lacks {", ".join(sorted(missing))}.'
    if not asked.get("gsrsearch"):
        return 'The "gsrsearch" parameter must be set.'
    return "" if asked.get("iiurlwidth", "").isdigit() else '"iiurlwidth" must be a number.'


def _wanted_licences(asked: dict[str, str]) -> tuple[set[str], str]:
    """The licences that a search asks for, and what is wrong with the question."""
    licences = set(_LICENCES)
    for code in filter(None, asked.get("license", "").split(",")):
        if code not in _LICENCES:
            return set(), f"'license' -> License '{code}' does not exist."
    if asked.get("license"):
        licences = set(asked["license"].split(","))
    for group in filter(None, asked.get("license_type", "").split(",")):
        if group not in _GROUPS:
            return set(), f"'license_type' -> License type '{group}' does not exist."
        licences &= _GROUPS[group]
    return licences, ""


def _openverse_line(shown: Shown) -> str:
    name = f"CC {shown.licence.upper()} {shown.version}"
    match shown.licence:
        case "cc0":
            name = "CC0 1.0"
        case "pdm":
            name = "Public Domain Mark 1.0"
    verb = "is marked with" if shown.licence in ("cc0", "pdm") else "is licensed under"
    by = f" by {shown.creator}" if shown.creator else ""
    where = f"To view a copy of this license, visit {shown.licence_url}."
    return f'"{shown.title}"{by} {verb} {name}. {where}'


def _identifier(number: int) -> str:
    return str(uuid.UUID(int=number))
