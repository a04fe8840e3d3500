"""Messages as others know them: a role, and content that is text, or parts of text and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmi_agent.document.blocks import referred

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of LangChain's form (`message_to_dict`); pictures are parts that name their digests."""
    data = message.get("data") or {}
    kind = str(message.get("type", ""))
    role = str(data.get("role") or "user") if kind == "chat" else _ROLES.get(kind, kind or "user")
    return {"role": role, "content": _content(data.get("content"))}


def _content(content: Any) -> str | list[dict[str, Any]]:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    parts = [_part(each) for each in content]
    if all(each["type"] == "text" for each in parts):
        return "".join(each["text"] for each in parts)
    return parts


def _part(block: Any) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, Mapping):
        return {"type": "text", "text": ""}
    if digest := referred(block):
        media_type = str(block.get("mime_type") or "image/png")
        return {"type": "image", "digest": digest, "media_type": media_type}
    if isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    if block.get("type") == "image" and isinstance(block.get("url"), str):
        return {"type": "image", "url": block["url"]}
    return {"type": "text", "text": f"[a block of the type {str(block.get('type'))[:40]}]"}


def pictures_in(messages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Digest and media type of each picture that plain messages show, in their order."""
    for message in messages:
        if isinstance(message["content"], list):
            for part in message["content"]:
                if part["type"] == "image" and "digest" in part:
                    yield part["digest"], part["media_type"]
