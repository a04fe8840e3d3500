"""The main job, as `make demo` does it: the real command, tools, data and page."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from llmi_agent.document.model import Document
from llmi_agent.document.render import load_document

ROOT = Path(__file__).parents[1]


class Page(HTMLParser):
    """Every address that a page would fetch, and the pictures it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.alts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.fetched += [names[n] or "" for n in ("src", "srcset", "poster", "data") if n in names]
        if tag == "link":
            self.fetched.append(names.get("href") or "")
        if tag == "img":
            self.alts.append(names.get("alt") or "")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the Makefile's own command line wrote to."""
    recipe = re.search(r"^demo:.*?\n\n", (ROOT / "Makefile").read_text(), re.M | re.S)
    assert recipe
    command = recipe[0].partition("llmi ")[2].replace("\\\n", " ").strip()
    out = tmp_path_factory.mktemp("demo")
    command = command.replace("--out demo", f"--out '{out}'")
    shell = f"'{sys.executable}' -c 'from llmi_agent.cli import main; main()' {command}"
    done = subprocess.run(
        ["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(out / "report.html")
    return out


def test_the_demo_has_all_kinds_of_figures_and_one_edit_of_another(demo: Path) -> None:
    document, pictures = load_document(demo / "document.json")
    assert isinstance(document, Document)
    assert len(document.figures) >= 6
    assert document.missing == ()
    assert {figure.kind for figure in document.figures} == {"search", "diffusion", "code", "edit"}
    assert any(figure.edited_from for figure in document.figures)
    for figure in document.figures:
        image = Image.open(io.BytesIO(pictures.read(figure.digest)))
        image.load()
        assert image.size == (figure.width, figure.height)
        assert figure.provenance.provider


def test_the_demos_page_asks_nobody_for_anything(demo: Path) -> None:
    page = Page()
    html = (demo / "report.html").read_text(encoding="utf-8")
    page.feed(html)
    assert len(page.alts) >= 6
    assert all(page.alts)
    assert all(address.startswith("data:") for address in page.fetched)
    assert "<script" not in html
    assert not re.search(r"url\(|@import", html.partition("<body")[0])


def test_the_demos_photo_keeps_its_licence(demo: Path) -> None:
    figures = json.loads((demo / "document.json").read_text(encoding="utf-8"))["blocks"]
    (photo,) = [block for block in figures if block.get("kind") == "search"]
    assert photo["provenance"]["licence"] in ("CC0-1.0", "CC-BY-4.0")
    html = (demo / "report.html").read_text(encoding="utf-8")
    assert photo["provenance"]["attribution"] in html
