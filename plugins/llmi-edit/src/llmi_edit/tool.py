"""The tool: bytes of a picture and an instruction in, bytes of the changed picture out."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

from PIL import Image as Pillow, UnidentifiedImageError

from llmi_agent.contract import (
    BaseTool,
    EditParams,
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
)
from llmi_edit.reader import CAN_DO, Operations, read
from llmi_edit.values import EditError
from llmi_edit.wording import NotUnderstood

if TYPE_CHECKING:
    from llmi_agent.contract import ToolResult

_PROVIDER = "llmi-edit"
_JPEG_QUALITY = 92
_TAKEN = ("PNG", "JPEG")
"""Pictures in the store have passed the framework's intake, which writes these two."""


class Edit(BaseTool):
    """Reads the instruction, then does all of it. What it cannot read it refuses whole."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Edit the picture that the call points at."""
        assert isinstance(call.params, EditParams)
        try:
            operations = read(call.params.prompt)
        except NotUnderstood as error:
            return _refused(error)
        if not call.inputs:
            return Failed(
                "bad_params", "no picture to edit: img_index points at none", retryable=True
            )
        source = context.artifacts.read(call.inputs[0])
        try:
            data = await asyncio.to_thread(edit, source, operations)
        except EditError as error:
            return Failed("refused", str(error), retryable=True)
        note = ", ".join(operation.note for operation in operations)
        return Produced((Image(data, Provenance(_PROVIDER)),), note=note, usd=0.0)


def edit(source: bytes, operations: Operations) -> bytes:
    """The encoded result; JPEG where the source is a JPEG, else PNG. Raises EditError."""
    image, is_jpeg = _decoded(source)
    for operation in operations:
        image = operation.apply(image)
    out = io.BytesIO()
    if is_jpeg and image.mode == "RGB":
        image.save(out, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        image.save(out, "PNG")
    return out.getvalue()


def _decoded(source: bytes) -> tuple[Pillow.Image, bool]:
    try:
        with Pillow.open(io.BytesIO(source), formats=_TAKEN) as opened:
            is_jpeg = opened.format == "JPEG"
            see_through = opened.has_transparency_data
            return opened.convert("RGBA" if see_through else "RGB"), is_jpeg
    except (UnidentifiedImageError, OSError, ValueError, Pillow.DecompressionBombError) as error:
        raise EditError(f"the picture cannot be decoded: {error}") from None


def _refused(error: NotUnderstood) -> Failed:
    return Failed(
        "refused",
        f"cannot read this part of the instruction: {error}. It can do, to the whole picture: {CAN_DO}.",
        retryable=True,
    )
