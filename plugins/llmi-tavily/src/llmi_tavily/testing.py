"""Tavily on loopback, for tests: `POST /search` and `GET /usage` as documented, and pictures that it serves itself.

with FakeTavily([Shown("a red boat"), Shown("a quay", reply=A_PAGE)]) as fake:
    settings = {"tavily_images": {"api_base": fake.url}}
    options = Options(download_allow=(fake.host,))  # its pictures lie on loopback, which is private
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llmi_agent.testing import Reply, Seen, Server, json_reply, random_png, redirect

A_PAGE = Reply(body=b"<!doctype html><p>Sign in to see this.", media_type="image/jpeg")
"""A web page under a picture's name and type."""
INTERNAL = redirect("http://169.254.169.254/latest/meta-data/")
"""Leads to where a cloud keeps its machines' credentials."""
HUGE = Reply(body=(b"\x89PNG\r\n\x1a\n", *[bytes(1024 * 1024)] * 40), media_type="image/png")
"""More bytes than a picture may have, and no word of it in the headers."""
_DEPTHS = {"basic": 1, "advanced": 2, "fast": 1, "ultra-fast": 1}
"""Search depth -> credits."""


@dataclass(frozen=True)
class Shown:
    """A picture that the search finds."""

    description: str = ""
    width: int = 640
    height: int = 480
    jpeg: bool = False
    page: str | None = None
    """The path of the page that shows it, as in `/story`; only newer versions of the API say so."""
    title: str = ""
    """That page's title."""
    only_on_page: bool = False
    """It is not among the answer's own pictures, only among the page's."""
    reply: Reply | None = None
    """What is served in its place."""

    @cached_property
    def data(self) -> bytes:
        """The encoded picture."""
        png = random_png(self.width, self.height, seed=zlib.crc32(self.description.encode()))
        return _as_jpeg(png) if self.jpeg else png


class FakeTavily(Server):
    """pictures: what every search finds. key: the one key that is accepted. tells_usage: whether credits are told."""

    def __init__(
        self,
        pictures: Sequence[Shown] = (),
        *,
        key: str = "tvly-a-key-for-tests",
        tells_usage: bool = True,
    ) -> None:
        super().__init__()
        self.key = key
        self.pictures = tuple(pictures)
        self.credits = 0
        """Spent so far."""
        self._tells_usage = tells_usage

    def address(self, number: int) -> str:
        """Where picture `number` lies, from 0."""
        return f"{self.url}/images/{number}.{'jpg' if self.pictures[number].jpeg else 'png'}"

    def answer(self, request: Seen) -> Reply:
        """The real service's answer, as far as it is documented."""
        if request.path.startswith("/images/"):
            return self._picture(request.path)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return _refusal(401, "Unauthorized: missing or invalid API key.")
        match request.method, request.path:
            case "POST", "/search":
                return self._search(request.json)
            case "GET", "/usage":
                return self._usage()
        return json_reply({"detail": "Not Found"}, 404)

    def _picture(self, path: str) -> Reply:
        number = path.removeprefix("/images/").partition(".")[0]
        if not number.isdigit() or int(number) >= len(self.pictures):
            return Reply(404, b"nothing here", "text/plain")
        shown = self.pictures[int(number)]
        media_type = "image/jpeg" if shown.jpeg else "image/png"
        return shown.reply or Reply(body=shown.data, media_type=media_type)

    def _search(self, asked: dict[str, Any]) -> Reply:
        if trouble := _trouble(asked):
            return _refusal(400, trouble)
        spent = _DEPTHS[asked.get("search_depth", "basic")]
        self.credits += spent
        answer = {
            "query": asked["query"],
            "follow_up_questions": None,
            "answer": None,
            "images": self._images(asked, None),
            "results": self._results(asked),
            "response_time": 0.1,
            "request_id": "00000000-0000-0000-0000-000000000000",
        }
        if asked.get("include_usage") and self._tells_usage:
            answer["usage"] = {"credits": spent}
        return json_reply(answer)

    def _images(self, asked: dict[str, Any], page: str | None) -> list[Any]:
        """The answer's own pictures, or those of a page."""
        if not asked.get("include_images"):
            return []
        found = [
            (self.address(number), shown.description)
            for number, shown in enumerate(self.pictures)
            if (shown.page == page if page else not shown.only_on_page)
        ]
        if asked.get("include_image_descriptions"):
            return [{"url": url, "description": description} for url, description in found]
        return [url for url, _ in found]

    def _results(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        titles = {shown.page: shown.title for shown in self.pictures if shown.page}
        results = [
            {
                "url": f"{self.url}{page}",
                "title": title,
                "content": "Some text.",
                "score": 0.9,
                "raw_content": None,
                "images": self._images(asked, page),
            }
            for page, title in titles.items()
        ]
        return results[: asked.get("max_results", 5)]

    def _usage(self) -> Reply:
        key = {"usage": self.credits, "limit": None, "search_usage": self.credits}
        plan = {"current_plan": "Researcher", "plan_usage": self.credits, "plan_limit": 1000}
        return json_reply({"key": key, "account": {**plan, "paygo_usage": 0, "paygo_limit": None}})


def _trouble(asked: dict[str, Any]) -> str:
    """What the service would not accept, in its words; empty if all is well."""
    query, most = asked.get("query"), asked.get("max_results", 5)
    if not isinstance(query, str) or not query:
        return "Query is missing."
    if len(query) > 400:
        return "Query is too long. Max query length is 400 characters."
    if asked.get("search_depth", "basic") not in _DEPTHS:
        return "Invalid search depth."
    if not isinstance(most, int) or not 0 <= most <= 20:
        return "Max results must be between 0 and 20."
    return ""


def _refusal(status: int, words: str) -> Reply:
    return json_reply({"detail": {"error": words}}, status)


def _as_jpeg(png: bytes) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).save(out, "JPEG")
    return out.getvalue()
