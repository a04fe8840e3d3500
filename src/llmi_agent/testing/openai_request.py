"""What an OpenAI server is sent, read and refused as OpenAI does."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from typing import Any

from pydantic import BaseModel, Field, PositiveInt

from llmi_agent.testing.server import Reply, Seen, json_reply

Json = dict[str, Any]

SHRUNK = 16
"""Pictures are this many times smaller than the size that was asked for."""

_TYPES = {429: "rate_limit_error"}


def openai_error(
    status: int, message: str, code: str | None = None, *, param: str | None = None, **headers: str
) -> Reply:
    """An error as OpenAI says it; underscores in the names of headers become hyphens."""
    default = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": _TYPES.get(status, default), "param": param, "code": code}
    return json_reply({"error": error}, status, **headers)


def content_refusal(code: str = "content_policy_violation") -> Reply:
    """The answer to a prompt that the vendor will not serve; gpt-image models say `moderation_blocked`."""
    return openai_error(
        400, "Your request was rejected as a result of our safety system.", code, param="prompt"
    )


class Refused(Exception):  # noqa: N818 - carries an answer, and is none of ours
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class StreamOptions(BaseModel):
    include_usage: bool = False


class Chat(BaseModel):
    model: str
    messages: list[Json] = Field(min_length=1)
    n: PositiveInt = 1
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    max_tokens: PositiveInt | None = None
    max_completion_tokens: PositiveInt | None = None
    logprobs: bool = False
    top_logprobs: int = Field(0, ge=0, le=20)
    return_token_ids: bool = False


class PictureRequest(BaseModel):
    model: str = "dall-e-2"
    prompt: str = Field(min_length=1)
    n: int = Field(1, ge=1, le=10)
    size: str = Field("auto", pattern=r"^(auto|[1-9]\d{2,3}x[1-9]\d{2,3})$")
    response_format: str | None = Field(None, pattern="^(url|b64_json)$")

    @property
    def pixels(self) -> tuple[int, int]:
        width, height = "1024x1024".split("x") if self.size == "auto" else self.size.split("x")
        return int(width) // SHRUNK, int(height) // SHRUNK


def decoded(request: Seen) -> Json:
    try:
        body = request.json
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(openai_error(400, "We could not parse the JSON body of your request."))
    return body


def given(body: Json) -> Json:
    """OpenAI takes null for what is not given."""
    return {name: value for name, value in body.items() if value is not None}


def parts_of(messages: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        content = message.get("content") or ""
        yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def pictures_in(messages: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """The pictures in the messages; this server has no network, so they must be data URIs."""
    found: list[bytes] = []
    for part in parts_of(messages):
        if part.get("type") != "image_url":
            continue
        head, _, data = part["image_url"]["url"].partition(";base64,")
        try:
            found.append(base64.b64decode(data, validate=True))
        except binascii.Error:
            data = ""
        if not head.startswith("data:image/") or not data:
            said = f"Failed to download image from {head[:80]}."
            raise Refused(openai_error(400, said, "invalid_image_url"))
    return found


def form_of(request: Seen) -> tuple[dict[str, str], list[bytes]]:
    """The fields of a multipart body, and the files in it named `image` or `image[]`."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n"
    fields: dict[str, str] = {}
    files: list[bytes] = []
    for part in message_from_bytes(head.encode() + request.body).walk():
        if part.is_multipart():
            continue
        name = part.get_param("name", header="content-disposition")
        if name in ("image", "image[]"):
            files.append(_payload(part))
        else:
            fields[str(name)] = _payload(part).decode()
    return fields, files


def _payload(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def inverted(picture: bytes, size: tuple[int, int]) -> bytes:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(picture)) as opened:
            source = opened.convert("RGB").resize(size)
    except UnidentifiedImageError:
        raise Refused(openai_error(400, "Invalid image file.", "invalid_image_file")) from None
    out = io.BytesIO()
    ImageOps.invert(source).save(out, "PNG")
    return out.getvalue()
