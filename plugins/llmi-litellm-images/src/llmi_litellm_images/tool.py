"""The tools `litellm_image` and `litellm_image_edit`: a prompt in, one picture out."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from llmi_agent.contract import (
    BaseTool,
    DiffusionParams,
    EditParams,
    Health,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
    read_settings,
    secret_of,
)
from llmi_litellm_images.connection import Connection
from llmi_litellm_images.plugin import DRAW, EDIT, KEY
from llmi_litellm_images.settings import Settings

if TYPE_CHECKING:
    from llmi_litellm_images.api import Drawn

_KEYS = (
    "https://platform.openai.com/api-keys, or set it to any word if your own server wants no key"
)


class _Tool(BaseTool):
    name: ClassVar[str]

    async def check(self, context: ToolContext) -> Health:
        """Whether there is a key, and the settings are right."""
        try:
            settings, _ = self._access(context)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True, message=f"{settings.name} at {settings.vendor}")

    async def verify(self, context: ToolContext) -> Health:
        """Ask for the list of models, which costs nothing (https://platform.openai.com/docs/api-reference/models)."""
        try:
            settings, key = self._access(context)
            async with Connection(settings) as connection:
                headers = {"Authorization": f"Bearer {key}"}
                await connection.get(f"{settings.base}/models", headers=headers)
        except ToolFailed as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True, message=f"{settings.vendor} accepts {KEY}")

    def _access(self, context: ToolContext) -> tuple[Settings, str]:
        """The settings and the key. Raises ToolFailed if one of them is no good."""
        settings = read_settings(context.settings, Settings, self.name)
        return settings, secret_of(context, KEY, _KEYS)


class Draw(_Tool):
    """Draws a picture from a prompt."""

    name = DRAW.name

    async def run(self, call: ToolCall, context: ToolContext) -> Produced:
        """One picture. Raises ToolFailed."""
        assert isinstance(call.params, DiffusionParams)
        settings, key = self._access(context)
        await _load_litellm()
        from llmi_litellm_images import api

        drawn = await api.draw(call.params.prompt, settings, key)
        return await _produced(drawn, settings, context)


class Edit(_Tool):
    """Changes a picture as a prompt says."""

    name = EDIT.name

    async def run(self, call: ToolCall, context: ToolContext) -> Produced:
        """One picture. Raises ToolFailed."""
        assert isinstance(call.params, EditParams)
        settings, key = self._access(context)
        await _load_litellm()
        from llmi_litellm_images import api

        picture = context.artifacts.read(call.inputs[0])
        drawn = await api.edit(picture, call.params.prompt, settings, key)
        return await _produced(drawn, settings, context)


async def _load_litellm() -> None:
    """Import it in a thread: it takes seconds, and other calls go on meanwhile."""
    log = logging.getLogger("LiteLLM")
    if (
        log.level == logging.NOTSET
    ):  # it writes to stderr by a handler of its own, already while it is imported
        log.setLevel(logging.CRITICAL)
    await asyncio.to_thread(import_module, "llmi_litellm_images.api")


async def _produced(drawn: Drawn, settings: Settings, context: ToolContext) -> Produced:
    data = drawn.data
    if drawn.url:
        try:
            data = await context.download(drawn.url)
        except ToolFailed as error:  # it is paid for, and another call would be paid for again
            words = f"{settings.vendor} drew a picture that cannot be fetched: {error}"
            raise ToolFailed(words, "bad_output", usd=drawn.usd) from error
    provenance = Provenance(settings.vendor, model=settings.name, source_url=drawn.url or None)
    return Produced((Image(data, provenance),), usd=drawn.usd)
