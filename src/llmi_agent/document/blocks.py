"""Files in chat messages: the content blocks of LangChain (new and old), OpenAI, Anthropic and Google, read as one thing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from llmi_agent.base.errors import InputError

SCHEME = "artifact:"
"""A file's `url` within LLMI is this and its digest: it names bytes in the graph's store."""

MOST_FILES = 64
"""Files that one request may bring."""
MOST_BYTES = 128 * 1024 * 1024
"""Of all files that one request brings as text or base64, in characters as they come."""

_PICTURES = ("image", "image_url", "input_image")
_FILES = (*_PICTURES, "file", "input_file", "text-plain", "document", "media")
_REFUSED = {"audio": "sound", "input_audio": "sound", "video": "a video", "video_url": "a video"}
_NESTED = ("extras", "metadata", "source", "file", "image_url")
_SUFFIXES = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/pdf": ".pdf",
}


@dataclass(frozen=True)
class File:
    """A file that a block brings: its bytes, its address, or its digest in the store."""

    what: str
    """How an error names it."""
    name: str
    media_type: str
    """Empty if the block does not say."""
    data: bytes | None = None
    url: str = ""
    digest: str = ""


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """The content blocks of a message's content; none if it is plain text."""
    return [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []


def brings_file(block: Mapping[str, Any]) -> bool:
    """Whether the block is one that `files_of` reads, or refuses."""
    return block.get("type") in (*_FILES, *_REFUSED)


def files_of(blocks: Iterable[Mapping[str, Any]], start: int = 1) -> list[File]:
    """The files that these blocks bring, in their order; what has no name is numbered from `start`.

    Raises InputError for sound, video, a file that only its provider has, what cannot be read, or too much of it.
    """
    found: list[File] = []
    room = MOST_BYTES
    for block in filter(brings_file, blocks):
        if len(found) == MOST_FILES:
            raise InputError(f"the message brings more than {MOST_FILES} files; send fewer")
        fields = _fields(block)
        room -= sum(len(v) for v in fields.values() if isinstance(v, str | bytes))
        if room < 0:
            raise InputError(
                f"the files in the message have more than {MOST_BYTES:,} characters; send less"
            )
        found.append(_file(fields, start + len(found)))
    return found


def referred(block: Mapping[str, Any]) -> str:
    """The digest that a block refers to; empty if it is no reference of ours."""
    url = str(block.get("url") or "")
    return url.removeprefix(SCHEME) if url.startswith(SCHEME) else ""


def _fields(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block's fields, wherever its makers have nested them."""
    fields = dict(block)
    for key in _NESTED:
        inner = block.get(key)
        if isinstance(inner, Mapping):
            fields = {**inner, **fields, "form": inner.get("type") or fields.get("form")}
    return fields


def _file(fields: Mapping[str, Any], number: int) -> File:
    kind = str(fields["type"])
    if kind in _REFUSED:
        raise InputError(
            f"the message brings {_REFUSED[kind]}, which cannot be used; send pictures, tables or text"
        )
    media_type = str(_first(fields, "mime_type", "mimeType", "media_type") or "")
    address = _address(fields)
    data, said = _bytes(fields, address)
    media_type = media_type or said or ("image/*" if kind in _PICTURES else "")
    given = str(_first(fields, "filename", "file_name", "name", "title") or "")
    name = _name(given, media_type, number)
    what = given or ("a picture in the message" if media_type.startswith("image/") else name)
    if data is not None:
        return File(what, name, media_type, data=data)
    if digest := referred({"url": address}):
        return File(what, name, media_type, digest=digest)
    if address:
        return File(what, name, media_type, url=address)
    if _first(fields, "file_id", "id") or fields.get("form") == "file":
        raise InputError(
            f"{what} is named by an id, which only its provider can read; send its bytes"
        )
    raise InputError(f"{what} has no content; send its bytes as base64, or a picture's address")


def _address(fields: Mapping[str, Any]) -> str:
    found = _first(fields, "url", "image_url", "file_url", "file_uri")
    return found if isinstance(found, str) else ""


def _bytes(fields: Mapping[str, Any], address: str) -> tuple[bytes | None, str]:
    """What the block holds, and the media type that a data URL names."""
    if isinstance(fields.get("text"), str):
        return fields["text"].encode("utf-8", "replace"), ""
    found = _first(fields, "base64", "data", "file_data")
    if isinstance(found, bytes):
        return found, ""
    encoded = found if isinstance(found, str) else address
    if encoded.startswith("data:"):
        head, _, body = encoded.removeprefix("data:").partition(",")
        plain = unquote_to_bytes(body)
        return (_decoded(plain) if head.endswith(";base64") else plain), head.partition(";")[0]
    if not isinstance(found, str):
        return None, ""
    if "text" in (fields.get("form"), fields.get("source_type")):
        return found.encode("utf-8", "replace"), ""
    return _decoded(found), ""


def _decoded(encoded: str | bytes) -> bytes:
    text = encoded.encode("utf-8", "replace") if isinstance(encoded, str) else encoded
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise InputError("a picture or file in the message is not valid base64") from None


def _name(given: str, media_type: str, number: int) -> str:
    """The file's name, with the ending that its kind is told by."""
    if media_type.startswith("image/"):
        return given or f"picture-{number}.png"
    suffix = _SUFFIXES.get(media_type.partition(";")[0].strip().lower(), "")
    stem = given or f"file-{number}"
    return stem if "." in stem[1:] else stem + suffix


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name)), None)
