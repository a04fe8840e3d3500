"""An installed plugin as the tests of the command line need it: tools, a broken entry point, and graphs.

The graph "echo" has a model that answers with the prompt: a test gives the draft as PROMPT. A search for "slow"
takes a minute and leaves a file in the working folder when it is cancelled; one for "nothing" finds nothing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llmi_agent.contract.hooks import hookimpl
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    Health,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
)
from llmi_agent.testing import ScriptedModel, random_png


class Search:
    """Does what its query says."""

    async def run(self, call: ToolCall, context: ToolContext) -> Produced:
        query = call.params.model_dump().get("query")
        print("a tool that prints")
        if query == "nothing":
            raise ToolFailed("nothing matches [bold]\x1b[31m", "bad_params")
        if query == "slow":
            await self._slow()
        return Produced((Image(random_png(), Provenance("fake-pictures")),), usd=0.25)

    async def verify(self, context: ToolContext) -> Health:
        """The vendor accepts one key."""
        key = context.secrets.get("FAKE_KEY")
        return Health(ok=key in (None, "good-key-0123"), message=f"the vendor saw {key}")

    async def _slow(self) -> None:
        _leave("started")
        try:
            await asyncio.sleep(60)
        finally:
            _leave("cancelled")


def _leave(name: str) -> None:
    Path(name).touch()


@hookimpl
def llmi_tools() -> list[ToolSpec]:
    """One tool that works, one that lacks its key."""
    load = "fake_pictures:Search"
    return [
        ToolSpec(name="fake_search", kind="search", description="a fake", load=load),
        ToolSpec(
            name="fake_paint",
            kind="diffusion",
            description="a fake",
            load=load,
            needs=("FAKE_KEY",),
        ),
    ]


def build_echo(**arguments: Any) -> Any:
    """The real graph with a model that repeats the prompt."""
    from llmi_graphs import build_graph

    def echo(messages: list[Any]) -> str:
        return str(messages[1].additional_kwargs["prompt"]) if len(messages) == 2 else "SKIP"

    return build_graph(**{**arguments, "model": ScriptedModel(script=echo)})


def build_crash(**arguments: Any) -> Any:
    """A graph that cannot be built, for a reason that mentions a secret."""
    raise RuntimeError(f"cannot reach the model with {arguments['secrets']['FAKE_KEY']}")
