"""Tavily's answer to a search, and the pictures that it names.

The form is that of `POST /search` (https://docs.tavily.com/documentation/api-reference/endpoint/search). `images` holds
addresses, or objects with a description; so does each result's own `images`, which newer versions of the API send.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, BeforeValidator, Field

from llmi_agent.contract import Provenance
from llmi_agent.contract.image_search import Hit


def _as_object(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


def _as_list(value: Any) -> Any:
    return () if value is None else value


class Picture(BaseModel):
    """A picture that the answer names."""

    url: str | None = None
    description: str | None = None


Pictures = Annotated[
    tuple[Annotated[Picture, BeforeValidator(_as_object)], ...], BeforeValidator(_as_list)
]


class Result(BaseModel):
    """A page that the search found."""

    url: str | None = None
    title: str | None = None
    images: Pictures = ()


class Spent(BaseModel):
    """What the call cost, in credits."""

    credits: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class Answer(BaseModel):
    """As much of the answer as is used here."""

    images: Pictures = ()
    results: Annotated[tuple[Result, ...], BeforeValidator(_as_list)] = ()
    usage: Spent | None = None

    @property
    def credits(self) -> float | None:
        """What Tavily says that the search cost; None if it does not say."""
        return self.usage.credits if self.usage else None


def hits(answer: Answer, most: int) -> list[Hit]:
    """The first `most` pictures: those of the image search, then those of the pages.

    An address is taken once. Left out are addresses that are not http(s), and SVG, which LLMI does not take.
    """
    found: dict[str, Picture] = {}
    for picture in _all(answer):
        if picture.url and _is_raster(picture.url) and len(found) < most:
            found.setdefault(picture.url, picture)
    return [_hit(url, picture, answer) for url, picture in found.items()]


def _all(answer: Answer) -> Iterator[Picture]:
    yield from answer.images
    for result in answer.results:
        yield from result.images


def _hit(url: str, picture: Picture, answer: Answer) -> Hit:
    page = _page(url, answer.results)
    provenance = Provenance(
        "Tavily",
        page_url=page.url if page else None,
        title=(page.title or None) if page else None,
    )
    return Hit((url,), provenance, about=picture.description or "")


def _page(url: str, results: tuple[Result, ...]) -> Result | None:
    """The page that shows a picture: it lists the picture, or is the very folder that the picture lies in.

    To be of the same site is no reason to take a page: what is not known is not guessed.
    """
    pages = [result for result in results if result.url and _parts(result.url)]
    listing = (page for page in pages if any(image.url == url for image in page.images))
    folders = (page for page in pages if _is_folder_of(page.url or "", url))
    return next(listing, None) or next(folders, None)


def _is_folder_of(page_url: str, url: str) -> bool:
    page, picture = _parts(page_url), _parts(url)
    if page is None or picture is None or page.netloc.lower() != picture.netloc.lower():
        return False
    folder = page.path.rstrip("/")
    return bool(folder) and picture.path.rpartition("/")[0] == folder


def _is_raster(url: str) -> bool:
    parts = _parts(url)
    return parts is not None and not parts.path.lower().endswith((".svg", ".svgz"))


def _parts(url: str) -> SplitResult | None:
    """The parts of an http(s) address; None for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.netloc else None
