"""What LLMI says in chat messages, and how it shows pictures to a model."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.contract.picture_header import picture_size
from llmi_agent.contract.tool import ArtifactReader, Attachment
from llmi_agent.document.blocks import SCHEME, blocks_of, brings_file, files_of, referred
from llmi_agent.document.model import Document, Figure, TextBlock
from llmi_agent.store.intake import IntakeError, shrink

NAME = "llmi"
"""The `name` of a message that holds a document, and the key of what is ours in `additional_kwargs`."""
_SUFFIX = "-document"

Images = Literal["text", "inline", "url"]
M = TypeVar("M", bound=BaseMessage)


class PictureStore(ArtifactReader, Protocol):
    """Where pictures are read from, and put into: the artifact store, mostly."""

    def put(self, data: bytes) -> str:
        """Keep the bytes; returns their digest."""


def document_message(
    document: Document, store: ArtifactReader, images: Images, pictures_at: str = ""
) -> AIMessage:
    """The message that hands a document over.

    Its content is plain text, which the next model of a shared thread can read; its figures are named in
    `additional_kwargs["llmi"]`. With `images` "inline" or "url" the content is standard content blocks, with each picture or
    its address below `pictures_at`.
    """
    content: list[str | dict[str, Any]] = []
    for block in document.blocks:
        if isinstance(block, TextBlock):
            content.append(_paragraph(block.markdown))
        elif isinstance(block, Figure):
            content.append(_paragraph(f"[Figure {block.number}: {block.caption}]"))
            content.append(_picture(block, images, pictures_at))
        else:
            content.append(_paragraph(f"[Missing figure: {block.caption}]"))
    message = AIMessage(
        content=content,
        id=document.episode + _SUFFIX,
        name=NAME,
        additional_kwargs={NAME: {"figures": [_named(each) for each in document.figures]}},
    )
    if images == "text":
        return message.model_copy(update={"content": str(message.text)})
    return with_pictures(message, store)


def _picture(figure: Figure, images: Images, pictures_at: str) -> dict[str, Any]:
    if images == "url":
        url = picture_url(pictures_at, figure.digest)
        return {"type": "image", "url": url, "mime_type": figure.media_type}
    return reference(figure.digest, figure.media_type)


def picture_url(pictures_at: str, digest: str) -> str:
    """Where a client fetches a picture."""
    return f"{pictures_at.rstrip('/')}/{digest}"


def _named(figure: Figure) -> dict[str, Any]:
    return {
        "number": figure.number,
        "caption": figure.caption,
        "digest": figure.digest,
        "media_type": figure.media_type,
    }


def figures_of(message: BaseMessage) -> list[dict[str, Any]]:
    """The figures that a document's message names, with the keys `number`, `caption`, `digest`, `media_type`."""
    figures = _ours(message).get("figures")
    return [each for each in figures if isinstance(each, dict)] if isinstance(figures, list) else []


def _paragraph(text: str) -> dict[str, Any]:
    """The blocks of a message are read as one text: each ends as a paragraph does."""
    return {"type": "text", "text": text.rstrip() + "\n\n"}


def with_pictures(message: M, store: ArtifactReader, side: int | None = None) -> M:
    """The same message with each reference replaced by the picture, as a model provider accepts it.

    `side`: the most pixels of a picture's longer side, to which a larger one is shrunk. A picture that is no longer
    in the store stays a line of text.
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


def holds_bytes(message: BaseMessage) -> bool:
    """Whether there is a picture or another file in it, and not only its digest or its address."""
    blocks = (b for b in blocks_of(message.content) if brings_file(b))
    return any(not referred(block) for block in blocks)


def with_digests(message: M, store: PictureStore) -> M:
    """The same message with each picture that it holds put into the store, and named by its digest.

    Of other files nothing but their type stays.
    """
    if not isinstance(message.content, list):
        return message
    return message.model_copy(update={"content": [_referred(b, store) for b in message.content]})


def _referred(block: str | dict[str, Any], store: PictureStore) -> str | dict[str, Any]:
    if isinstance(block, str) or not brings_file(block) or referred(block):
        return block
    try:
        (file,) = files_of([block])
    except InputError:
        return {"type": "text", "text": f"[a block of the type {block['type']!r:.40}]"}
    if file.data is None:
        return block
    if not file.media_type.startswith("image/"):
        return {"type": "text", "text": f"[a file of the type {file.media_type!r:.80}]"}
    return reference(store.put(file.data), file.media_type)


def reference(digest: str, media_type: str) -> dict[str, Any]:
    """The block that refers to a picture in the store, until a model is shown it."""
    return {"type": "image", "url": SCHEME + digest, "mime_type": media_type}


def without_files(message: HumanMessage, attached: Sequence[Mapping[str, Any]]) -> HumanMessage:
    """The same message, by its id, without the files that it brought: their bytes live in the store.

    `attached` are these files, as dicts; they are named in `additional_kwargs["llmi"]`.
    """
    if not attached or not isinstance(message.content, list):
        return message
    rest = [b for b in message.content if isinstance(b, str) or not brings_file(b)]
    known = {**message.additional_kwargs, NAME: {"attachments": list(attached)}}
    return message.model_copy(update={"content": rest or "", "additional_kwargs": known})


def attachments_in(message: BaseMessage) -> list[Any]:
    """What `without_files` has put aside."""
    attached = _ours(message).get("attachments")
    return attached if isinstance(attached, list) else []


def attachment_of(data: Mapping[str, Any]) -> Attachment | None:
    """An attachment from its dict; None if it is something else."""
    texts = {name: data.get(name) for name in ("name", "media_type", "digest")}
    size = data.get("size")
    if set(data) != {*texts, "size"} or not isinstance(size, int):
        return None
    if not all(isinstance(text, str) for text in texts.values()):
        return None
    return Attachment(**{name: str(text) for name, text in texts.items()}, size=size)


def episode_of(message: BaseMessage) -> str:
    """The episode whose document the message holds."""
    return str(message.id).removesuffix(_SUFFIX)


def _ours(message: BaseMessage) -> Mapping[str, Any]:
    ours = message.additional_kwargs.get(NAME)
    return ours if isinstance(ours, Mapping) else {}


def _inlined(
    block: str | dict[str, Any], store: ArtifactReader, side: int | None
) -> str | dict[str, Any]:
    digest = referred(block) if isinstance(block, dict) else ""
    if isinstance(block, str) or not digest:
        return block
    try:
        data = store.read(digest)
    except KeyError:
        return {"type": "text", "text": "[a picture that is no longer in the store]"}
    media_type = str(block.get("mime_type", "image/png"))
    if side and max(picture_size(data) or (side + 1,)) > side:
        try:
            picture = shrink(data, side)
        except IntakeError as error:
            return {"type": "text", "text": f"[a picture that cannot be shown: {error}]"}
        data, media_type = picture.data, picture.media_type
    encoded = base64.b64encode(data).decode("ascii")
    return {"type": "image", "base64": encoded, "mime_type": media_type}
