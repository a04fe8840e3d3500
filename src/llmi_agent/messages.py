"""A document as a chat message: text, and references to pictures or the pictures themselves."""

from __future__ import annotations

import base64
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
            url = SCHEME + block.digest
            content.append({"type": "image", "url": url, "mime_type": block.media_type})
        else:
            content.append(_paragraph(f"[Missing figure: {block.caption}]"))
    message = AIMessage(content=content, id=f"{document.episode}-document", name="llmi")
    return with_pictures(message, store) if images == "inline" else message


def _paragraph(text: str) -> dict[str, Any]:
    """The blocks of a message are read as one text: each ends as a paragraph does."""
    return {"type": "text", "text": text.rstrip() + "\n\n"}


def with_pictures(message: M, store: ArtifactStore) -> M:
    """The same message with each reference replaced by the picture, as a model provider accepts it.

    Use it before a message of LLMI goes to a multimodal model. A picture that is no longer in the store
    stays a line of text.
    """
    if not isinstance(message.content, list):
        return message
    return message.model_copy(
        update={"content": [_inlined(each, store) for each in message.content]}
    )


def _inlined(block: str | dict[str, Any], store: ArtifactStore) -> str | dict[str, Any]:
    url = block.get("url") if isinstance(block, dict) else None
    if not isinstance(url, str) or not isinstance(block, dict) or not url.startswith(SCHEME):
        return block
    try:
        data = store.read(url.removeprefix(SCHEME))
    except KeyError:
        return {"type": "text", "text": "[a picture that is no longer in the store]"}
    encoded = base64.b64encode(data).decode("ascii")
    return {"type": "image", "base64": encoded, "mime_type": block.get("mime_type", "image/png")}
