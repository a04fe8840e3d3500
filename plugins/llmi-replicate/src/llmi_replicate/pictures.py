"""Pictures on their way to Replicate, and from it."""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from typing import Any

from PIL import Image as Pillow

from llmi_agent.contract import ToolContext, ToolFailed

MOST_SENT = 1_000_000
"""Bytes of a picture; a larger one is made smaller (https://replicate.com/docs/topics/predictions/input-files)."""
SIDES = (2048, 1536, 1024, 768)
"""Pixels of the longer side of one that is made smaller: the first that is enough. Models look at about 1024."""
MOST_OUTPUTS = 8
MOST_INLINE = 32 * 1024 * 1024
"""Bytes of a picture that lies in the answer itself."""
_SENT_AS_IT_IS = {"PNG": "image/png", "JPEG": "image/jpeg"}
"""What the framework's intake writes; other bytes in the store have not passed it, and are not decoded here."""
_TRANSIENT = ("unreachable", "timeout")


def data_uri(data: bytes) -> str:
    """A picture as the API takes it within an input. Raises ToolFailed (bad_params) if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            media_type, sent = _fitting(data)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Pillow.DecompressionBombError,
        Pillow.DecompressionBombWarning,
    ) as error:
        raise ToolFailed(
            f"the picture to change cannot be read ({error}); start from another one",
            "bad_params",
            usd=0.0,
        ) from error
    return f"data:{media_type};base64,{base64.b64encode(sent).decode()}"


def _fitting(data: bytes) -> tuple[str, bytes]:
    with Pillow.open(io.BytesIO(data), formats=tuple(_SENT_AS_IT_IS)) as picture:
        if len(data) <= MOST_SENT:
            return _SENT_AS_IT_IS[str(picture.format)], data
        coloured = picture.convert("RGBA")
        flat = Pillow.new("RGB", picture.size, "white")
        flat.paste(coloured, mask=coloured)
    return "image/jpeg", _jpeg(flat)


def _jpeg(picture: Pillow.Image) -> bytes:
    data = b""
    for side in SIDES:
        picture.thumbnail((side, side))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=92)
        data = out.getvalue()
        if len(data) <= MOST_SENT:
            break
    return data


async def fetched(output: Any, context: ToolContext, usd: float | None) -> list[bytes]:
    """The pictures of a prediction's output: an address, or a list of them. `usd` is the price, which is paid already.

    Raises ToolFailed with the reason `bad_output`: another call would be paid for again.

    They are downloaded by the framework, never by the SDK, which would send the token to wherever they lie.
    """
    addresses = [output] if isinstance(output, str) else output
    if addresses is None or addresses == []:
        raise ToolFailed("the model at Replicate has made no picture", "bad_output", usd=usd)
    if not isinstance(addresses, list) or not all(isinstance(each, str) for each in addresses):
        raise ToolFailed(
            "the model's output is no picture; name a model that makes pictures",
            "bad_output",
            usd=usd,
        )
    try:
        return [await _picture(each, context) for each in addresses[:MOST_OUTPUTS]]
    except ToolFailed as failed:
        words = f"the picture that Replicate has made cannot be used: {failed}"
        raise ToolFailed(words, "bad_output", usd=usd) from failed


async def _picture(address: str, context: ToolContext) -> bytes:
    if address.startswith("data:"):
        return _inline(address)
    try:
        return await context.download(address)
    except ToolFailed as failed:
        if failed.reason not in _TRANSIENT:
            raise
    return await context.download(address)


def _inline(address: str) -> bytes:
    head, _, data = address.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64")):
        raise ToolFailed(f"the model's output is no picture: {head[:80]}", "bad_output")
    if len(data) > MOST_INLINE * 4 // 3:
        raise ToolFailed(f"the model's picture is larger than {MOST_INLINE >> 20} MB", "bad_output")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ToolFailed(f"the model's picture cannot be read: {error}", "bad_output") from error
