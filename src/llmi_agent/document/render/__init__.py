"""Renderers: a `Document` becomes one self-contained HTML page, a Markdown file, or JSON with its pictures.

Whatever a document says is untrusted: the words come from a language model, the rest from the web. Nothing
in a rendered file runs, and opening one asks no other machine for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_agent.document.render.files import FORMATS, load_document, write_document
from llmi_agent.document.render.pictures import Pictures, file_name

if TYPE_CHECKING:
    from llmi_agent.document.model import Document

__all__ = [
    "FORMATS",
    "Pictures",
    "file_name",
    "load_document",
    "render_html",
    "render_markdown",
    "write_document",
]


def render_html(document: Document, pictures: Pictures) -> str:
    """One HTML page with its pictures inside; a picture that `pictures` lacks is said in its place."""
    from llmi_agent.document.render.page import page

    return page(document, pictures)


def render_markdown(document: Document) -> str:
    """Markdown that refers to its pictures as `images/<file_name(figure)>`."""
    from llmi_agent.document.render.markdown import markdown

    return markdown(document)
