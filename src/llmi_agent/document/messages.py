"""Pictures in chat messages: references to the store, or bytes in the forms that providers accept."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import Attachment
from llmi_agent.document.model import Document, Figure, TextBlock
from llmi_agent.store.artifacts import ArtifactStore

SCHEME = "artifact:"
"""A picture's `url` in a message is this and its digest: it names a picture in the graph's store."""

NAME = "llmi"
"""The `name` of a message that holds a document."""
_SUFFIX = "-document"
_PICTURES = ("image", "image_url")

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
    message = AIMessage(content=content, id=document.episode + _SUFFIX, name=NAME)
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


def with_references(message: HumanMessage, attached: Sequence[Attachment]) -> HumanMessage:
    """The same message, by its id, with a reference for each picture: the bytes live in the store.

    `attached` are the pictures of the message, in its order.
    """
    if not attached:
        return message
    rest = iter(attached)
    content: list[str | dict[str, Any]] = []
    for block in message.content:
        if isinstance(block, dict) and block.get("type") in _PICTURES:
            picture = next(rest)
            content.append(reference(picture.digest, picture.media_type))
        else:
            content.append(block)
    return message.model_copy(update={"content": content})


def episode_of(message: BaseMessage) -> str:
    """The episode whose document the message holds."""
    return str(message.id).removesuffix(_SUFFIX)


def blocks_of(message: BaseMessage) -> list[dict[str, Any]]:
    """The content blocks of a message; none if it is plain text."""
    content = message.content
    return [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []


def pictures_of(message: BaseMessage) -> list[dict[str, Any]]:
    """The blocks of a message that are pictures, in whatever form."""
    return [block for block in blocks_of(message) if block.get("type") in _PICTURES]


def picture_bytes(block: Mapping[str, Any], store: ArtifactStore) -> bytes:
    """A picture in LangChain's, OpenAI's or Anthropic's form, or one of our own references.

    Raises InputError if it cannot be read, or is only an address.
    """
    source = block.get("source") if isinstance(block.get("source"), dict) else {}
    encoded = block.get("base64") or block.get("data") or (source or {}).get("data")
    encoded = encoded or _data_url(block)
    try:
        if digest := referred(block):
            return store.read(digest)
        if encoded:
            return base64.b64decode(str(encoded), validate=True)
    except binascii.Error:
        raise InputError("a picture in the message is not valid base64") from None
    except KeyError:
        raise InputError("a picture that the message refers to is not in the store") from None
    raise InputError(
        "a picture in the message is only an address, which is not fetched; attach its bytes as base64"
    )


def _data_url(block: Mapping[str, Any]) -> str:
    url = block.get("image_url") or block.get("url") or ""
    url = url.get("url", "") if isinstance(url, dict) else url
    head, _, data = str(url).partition(";base64,")
    return data if head.startswith("data:image/") else ""


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
