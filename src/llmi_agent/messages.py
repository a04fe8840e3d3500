"""A document as a chat message: text, and references to pictures or the pictures themselves."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from langchain_core.messages import AIMessage, BaseMessage

from llmi_agent.artifacts import ArtifactStore
from llmi_agent.document import Document, Figure, TextBlock

SCHEME = "artifact:"
"""A picture's `url` in a message is this and its digest: it names a picture in the graph's store."""

Images = Literal["reference", "inline"]
M = TypeVar("M", bound=BaseMessage)


def document_message(document: Document, store: ArtifactStore, images: Images) -> AIMessage:
    """The message that hands a document over, in LangChain's standard content blocks."""
    content: list[str | dict[str, Any]] = []
    for block in document.blocks:
        if isinstance(block, TextBlock):
            content.append(_paragraph(block.markdown))
        elif isinstance(block, Figure):
            content.append(_paragraph(f"[Figure {block.number}: {block.caption}]"))
            content.append(reference(block.digest, block.media_type))
        else:
            content.append(_paragraph(f"[Missing figure: {block.caption}]"))
    message = AIMessage(content=content, id=f"{document.episode}-document", name="llmi")
    return with_pictures(message, store) if images == "inline" else message


def _paragraph(text: str) -> dict[str, Any]:
    """The blocks of a message are read as one text: each ends as a paragraph does."""
    return {"type": "text", "text": text.rstrip() + "\n\n"}


def with_pictures(message: M, store: ArtifactStore, side: int | None = None) -> M:
    """The same message with each reference replaced by the picture, as a model provider accepts it.

    Use it before a message of LLMI goes to a multimodal model. `side`: the most pixels of a picture's longer side,
    to which a larger one is shrunk. A picture that is no longer in the store stays a line of text.
    """
    if not isinstance(message.content, list):
        return message
    return message.model_copy(
        update={"content": [_inlined(each, store, side) for each in message.content]}
    )


def without_pictures(message: M) -> M:
    """The same message as text alone, for a model that sees nothing."""
    if not isinstance(message.content, list):
        return message
    return message.model_copy(update={"content": str(message.text)})


def reference(digest: str, media_type: str) -> dict[str, Any]:
    """The block of a message that refers to a picture in the store."""
    return {"type": "image", "url": SCHEME + digest, "mime_type": media_type}


def referred(block: Mapping[str, Any]) -> str:
    """The digest that a block refers to; empty if it is no reference of ours."""
    url = str(block.get("url") or "")
    return url.removeprefix(SCHEME) if url.startswith(SCHEME) else ""


def _inlined(
    block: str | dict[str, Any], store: ArtifactStore, side: int | None
) -> str | dict[str, Any]:
    digest = referred(block) if isinstance(block, dict) else ""
    if isinstance(block, str) or not digest:
        return block
    try:
        data = store.read(digest)
    except KeyError:
        return {"type": "text", "text": "[a picture that is no longer in the store]"}
    media_type = str(block.get("mime_type", "image/png"))
    if side:
        data, media_type = _shrunk(data, media_type, side)
    encoded = base64.b64encode(data).decode("ascii")
    return {"type": "image", "base64": encoded, "mime_type": media_type}


def _shrunk(data: bytes, media_type: str, side: int) -> tuple[bytes, str]:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        if max(picture.size) <= side:
            return data, media_type
        picture.thumbnail((side, side))
        out = io.BytesIO()
        picture.save(out, "PNG" if picture.mode == "RGBA" else "JPEG", quality=85)
    return out.getvalue(), "image/png" if picture.mode == "RGBA" else "image/jpeg"
