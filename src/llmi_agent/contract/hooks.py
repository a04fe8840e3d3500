"""The hooks that a plugin may implement, and the marker to do it with.

    from llmi_agent.contract.hooks import hookimpl

    @hookimpl
    def llmi_tools():
        return [ToolSpec(...)]

A plugin is an object (usually a module) under the entry-point group `llmi_agent.v1`. Hooks may be plain or
async functions: LLMI awaits them one by one in its own loop, since pluggy's `firstresult` would take the
first coroutine for an answer, even one that resolves to None.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pluggy

from llmi_agent.contract.judging import JudgeSpec, RewardSpec
from llmi_agent.contract.policy import PolicySpec
from llmi_agent.contract.preview import Preview
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import ArtifactReader, Attachment, ToolCall, ToolContext, ToolResult

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

ENTRY_POINTS = "llmi_agent.v1"

hookspec = pluggy.HookspecMarker("llmi_agent")
hookimpl = pluggy.HookimplMarker("llmi_agent")


@dataclass(frozen=True)
class ModelRequest:
    """One call of the policy."""

    purpose: str
    """`draft`, `repair`, or what else a graph asks for."""
    messages: tuple[BaseMessage, ...]
    model: str
    """The name the model goes by in this run."""


@dataclass(frozen=True)
class ModelContext:
    """Which episode a model call belongs to."""

    episode: str
    slot: int | None = None
    """The slot that it is about, such as one under repair."""


class Hooks:
    """The hook specifications of contract v1."""

    @hookspec
    def llmi_tools(self) -> Sequence[ToolSpec]:
        """The plugin's tools. Called once, when plugins are loaded; must not import an SDK."""
        raise NotImplementedError

    @hookspec
    def llmi_policies(self) -> Sequence[PolicySpec]:
        """The plugin's policies. Called once, when plugins are loaded; must not import an SDK."""
        raise NotImplementedError

    @hookspec
    def llmi_judges(self) -> Sequence[JudgeSpec]:
        """The plugin's judges. Called once, when plugins are loaded; must not import an SDK."""
        raise NotImplementedError

    @hookspec
    def llmi_rewards(self) -> Sequence[RewardSpec]:
        """The components that the plugin adds to the reward. Called once, when plugins are loaded; must not import an SDK."""
        raise NotImplementedError

    @hookspec
    def llmi_preview(
        self, attachment: Attachment, artifacts: ArtifactReader
    ) -> Preview | Awaitable[Preview | None] | None:
        """What a policy is told of a file, or None for a kind of file that the plugin does not read.

        The first answer that is not None wins. A plain function is called in a thread, since reading may take long.
        """

    @hookspec
    def llmi_before_call(
        self, call: ToolCall, spec: ToolSpec, context: ToolContext
    ) -> ToolResult | Awaitable[ToolResult | None] | None:
        """Answer in the tool's place (cache, replay, approval, veto), or None to let it run.

        The first answer that is not None wins and the tool is not run.
        """

    @hookspec
    def llmi_after_call(
        self, call: ToolCall, spec: ToolSpec, result: ToolResult, context: ToolContext
    ) -> Awaitable[None] | None:
        """See every call's result, failed ones too."""

    @hookspec
    def llmi_after_model(
        self,
        request: ModelRequest,
        response: AIMessage,
        context: ModelContext,
        error: str | None,
    ) -> Awaitable[None] | None:
        """See every answer of the policy, with its usage where the vendor tells it, and without secrets.

        error: what went wrong, for a call that failed or an answer that was cut short; `response` is then what was heard
        of it, perhaps nothing. A call that is made again is told of each time; one that ends with its run is not.
        """
