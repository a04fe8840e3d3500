"""The tool: a prompt in, a labelled placeholder picture out."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

from llmi_agent.contract import (
    BaseTool,
    DiffusionParams,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
)
from llmi_sketch.scene import paint
from llmi_sketch.words import scene_of

if TYPE_CHECKING:
    from llmi_agent.contract import ToolResult

NOTE = "a placeholder drawn from the prompt's words; bind a diffusion tool for a real one"
_QUALITY = 92


class Sketch(BaseTool):
    """Draws something for every prompt, and says that it is a placeholder."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Draw the prompt with the run's seed."""
        assert isinstance(call.params, DiffusionParams)
        data = await asyncio.to_thread(sketch, call.params.prompt, context.seed)
        provenance = Provenance("llmi-sketch", seed=context.seed, placeholder=True)
        return Produced((Image(data, provenance),), note=NOTE, usd=0.0)


def sketch(prompt: str, seed: int = 0) -> bytes:
    """A JPEG. The same prompt and seed give the same bytes."""
    out = io.BytesIO()
    paint(scene_of(prompt, seed)).save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue()
