"""The door of llmi-litellm-images: what the tools are, without loading what they do."""

from __future__ import annotations

from collections.abc import Sequence

from llmi_agent.contract import ToolSpec, hookimpl

KEY = "OPENAI_API_KEY"

# The prices are the most that gpt-image-1 asks: quality "high", 1536x1024 (https://platform.openai.com/docs/pricing).
DRAW = ToolSpec(
    name="litellm_image",
    kind="diffusion",
    description="pictures drawn by OpenAI's models, or by any server with OpenAI's images API",
    load="llmi_litellm_images.tool:Draw",
    needs=(KEY,),
    usd=0.25,
    seconds=30.0,
    timeout=180.0,
    opt_in=True,
)
EDIT = ToolSpec(
    name="litellm_image_edit",
    kind="edit",
    description="pictures changed by OpenAI's models, or by any server with OpenAI's images API",
    load="llmi_litellm_images.tool:Edit",
    needs=(KEY,),
    usd=0.3,
    seconds=40.0,
    timeout=180.0,
    opt_in=True,
)


@hookimpl
def llmi_tools() -> Sequence[ToolSpec]:
    """A tool that draws, and one that edits."""
    return [DRAW, EDIT]
