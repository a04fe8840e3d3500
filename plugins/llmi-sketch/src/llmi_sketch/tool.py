"""The tool: a prompt in, a labelled placeholder picture out."""

from __future__ import annotations

import asyncio
import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from llmi_agent.contract import (
    BaseTool,
    DiffusionParams,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
)
from llmi_sketch.scene import paint
from llmi_sketch.words import scene_of

if TYPE_CHECKING:
    from llmi_agent.contract import ToolResult

NOTE = "a placeholder drawn from the prompt's words; bind a diffusion tool for a real one"
_QUALITY = 92
_LEAST = 0.25
"""The smallest scale: of a smaller picture nothing but the badge could be seen."""


class Sketch(BaseTool):
    """Draws something for every prompt, and says that it is a placeholder."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Draw the prompt with the run's seed."""
        assert isinstance(call.params, DiffusionParams)
        scale = _scale(context)
        data = await asyncio.to_thread(sketch, call.params.prompt, context.seed, scale)
        provenance = Provenance("llmi-sketch", seed=context.seed, placeholder=True)
        return Produced((Image(data, provenance),), note=NOTE, usd=0.0)


def sketch(prompt: str, seed: int = 0, scale: float = 1.0) -> bytes:
    """A JPEG. The same prompt, seed and scale give the same bytes.

    scale: of its width and height, from 0.25 to 1; what is drawn smaller takes less time.
    """
    scene = scene_of(prompt, seed)
    width, height = (round(side * scale) for side in scene.size)
    out = io.BytesIO()
    paint(replace(scene, size=(width, height))).save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue()


def _scale(context: ToolContext) -> float:
    """Raises ToolFailed for one that cannot be."""
    given = context.settings.get("scale", 1.0)
    known = isinstance(given, int | float) and not isinstance(given, bool)
    if not known or not _LEAST <= given <= 1 or not math.isfinite(given):
        raise ToolFailed(
            f"[tools.llmi_sketch] scale: must be a number from {_LEAST} to 1, not {given!r:.80}",
            "unavailable",
        )
    return float(given)
