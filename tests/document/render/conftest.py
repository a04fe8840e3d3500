"""A small document with everything in it, and a reader of finished pages."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.model import Document, Figure, Missing, TextBlock
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png

if TYPE_CHECKING:
    from collections.abc import Callable

_VOID = {"br", "hr", "img", "link", "meta"}


class Page(HTMLParser):
    """A page as a browser would read it: its elements with their attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.open: list[str] = []
        self._muted = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._muted = tag == "style"
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._muted = False
        assert self.open.pop() == tag
        self.words += " " if tag == "dt" else ""

    def handle_data(self, data: str) -> None:
        if not self._muted:
            self.words += data

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def text(self) -> str:
        return " ".join(self.words.split())


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    return ArtifactStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def figure(store: ArtifactStore) -> Callable[..., Figure]:
    """`figure(2, kind="search", ...)`: a figure whose picture is in `store`."""

    def make(number: int = 1, **fields: Any) -> Figure:
        artifact, _ = store.put_image(random_png(seed=number))
        values: dict[str, Any] = {
            "slot": number - 1,
            "kind": "code",
            "tool": "sandbox",
            "digest": artifact.digest,
            "media_type": artifact.media_type,
            "width": artifact.width,
            "height": artifact.height,
            "caption": f"Caption {number}",
            "params": {"code": "plt.plot([1, 2])"},
            "provenance": Provenance("llmi-sandbox", code="plt.plot([1, 2])"),
        }
        return Figure(number=number, **(values | fields))

    return make


@pytest.fixture(scope="session")
def document() -> Callable[..., Document]:
    """`document("# Text", figure(), ...)`: strings are text blocks."""

    def make(*blocks: str | Figure | Missing, **fields: Any) -> Document:
        values: dict[str, Any] = {
            "title": "A title",
            "prompt": "Write about boats",
            "policy": "some/model",
            "episode": "ep-1",
            "created": "2026-03-04T09:30:00+00:00",
            "blocks": tuple(
                TextBlock(markdown=block) if isinstance(block, str) else block for block in blocks
            ),
        }
        return Document(**(values | fields))

    return make


@pytest.fixture(scope="session")
def sample(document: Callable[..., Document], figure: Callable[..., Figure]) -> Document:
    """Text, a chart, a photograph, an edit of it, a placeholder and a missing figure."""
    photograph = Provenance(
        "Wikimedia Commons",
        source_url="https://upload.example.org/cup.jpg",
        page_url="https://commons.example.org/cup",
        title="Cup",
        creator="R. Michetti",
        licence="CC0-1.0",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
        attribution="Photo: R. Michetti",
    )
    return document(
        "# A title\n\nFirst words.\n\n## One\n\nSome *text*.",
        figure(1, attempts=2, usd=0.0034),
        "## Two\n\n| a | b |\n|---|--:|\n| 1 | 2 |",
        figure(2, kind="search", tool="gallery", params={"query": "a cup"}, provenance=photograph),
        figure(
            3,
            kind="edit",
            tool="pillow",
            params={"img_index": 1, "prompt": "make it grey"},
            provenance=Provenance("llmi-edit"),
            edited_from=2,
            note="Turned grey.",
        ),
        "## Three\n\nMore.",
        figure(
            4,
            kind="diffusion",
            tool="sketch",
            params={"prompt": "a boat at dawn"},
            provenance=Provenance("llmi-sketch", model="none", seed=7, placeholder=True),
        ),
        Missing(
            slot=4, kind="search", caption="A lost map", reason="timeout", message="60 s went by"
        ),
        "The end.",
        attachments=(Attachment("boats.csv", "text/csv", "a" * 64, 18_234),),
        bindings={"code": "sandbox", "search": "gallery"},
    )


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def assert_inert() -> Callable[[str], Page]:
    """Fails if anything in a page could run, load, post, restyle or move; returns the page, read."""

    def check(html: str) -> Page:
        page = Page(html)
        assert page.open == []
        never = {"script", "iframe", "object", "embed", "form", "input", "button", "base", "svg"}
        never |= {
            "math",
            "template",
            "video",
            "audio",
            "source",
            "frame",
            "area",
            "portal",
            "noscript",
        }
        assert never.isdisjoint(tag for tag, _ in page.elements)
        assert len(page.all("style")) == 1
        assert page.all("link") == [{"rel": "icon", "href": "data:,"}]
        policy, *_ = [meta for meta in page.all("meta") if "http-equiv" in meta]
        assert policy["http-equiv"] == "Content-Security-Policy"
        assert policy["content"].startswith("default-src 'none'; img-src data:;")
        for tag, attributes in page.elements:
            _check_attributes(tag, attributes)
        return page

    return check


def _check_attributes(tag: str, attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        assert not name.startswith("on")
        assert name not in (
            "style",
            "srcdoc",
            "srcset",
            "action",
            "formaction",
            "background",
            "poster",
        )
        if name == "src":
            assert tag == "img"
            assert value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,"))
        if name == "href" and tag == "a":
            assert value.lower().startswith(("#", "http://", "https://", "mailto:"))
            assert value.startswith("#") or attributes["rel"] == "noopener noreferrer nofollow"
