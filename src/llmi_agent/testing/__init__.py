"""For tests of plugins and of agents: public, documented, and used by our own tests.

The servers need `llmi-agent[testing]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_agent.base.lazy import lazy

if TYPE_CHECKING:
    from llmi_agent.testing.fakes import (
        FakeTool as FakeTool,
        ScriptedModel as ScriptedModel,
        attach as attach,
        check_light_import as check_light_import,
        check_tool as check_tool,
        make_call as make_call,
        make_context as make_context,
        make_session as make_session,
        random_png as random_png,
        slot as slot,
    )
    from llmi_agent.testing.judging import (
        Asked as Asked,
        asked_of as asked_of,
        ballot_for as ballot_for,
    )
    from llmi_agent.testing.openai_request import (
        content_refusal as content_refusal,
        openai_error as openai_error,
    )
    from llmi_agent.testing.openai_server import (
        OpenAIServer as OpenAIServer,
    )
    from llmi_agent.testing.server import (
        GARBAGE as GARBAGE,
        Cut as Cut,
        Fault as Fault,
        Hang as Hang,
        Mime as Mime,
        Reply as Reply,
        Seen as Seen,
        Server as Server,
        Slow as Slow,
        json_reply as json_reply,
        redirect as redirect,
    )

_PLACES = {
    "fakes": (
        "FakeTool",
        "ScriptedModel",
        "attach",
        "check_light_import",
        "check_tool",
        "make_call",
        "make_context",
        "make_session",
        "random_png",
        "slot",
    ),
    "judging": ("Asked", "asked_of", "ballot_for"),
    "openai_request": ("content_refusal", "openai_error"),
    "openai_server": ("OpenAIServer",),
    "server": (
        "GARBAGE",
        "Cut",
        "Fault",
        "Hang",
        "Mime",
        "Reply",
        "Seen",
        "Server",
        "Slow",
        "json_reply",
        "redirect",
    ),
}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists
    __getattr__, __all__ = lazy(__name__, _PLACES)
