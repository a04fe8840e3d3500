"""A trace as one page: it holds its pictures and its style, runs nothing and asks no other machine for anything.

All that stands in it was written by a model, a tool, a file or a stranger: everything is escaped, what cannot be seen is
shown as what it is, and of what is very long a part is left out, which the page says.
"""

from __future__ import annotations

from pathlib import Path

from llmi_agent.document.render.templating import resource, template
from llmi_agent.traces.exchange.whole import write_whole
from llmi_agent.traces.page.calls import answers, void
from llmi_agent.traces.page.draft import drafted
from llmi_agent.traces.page.facts import about, bills, given, numbers
from llmi_agent.traces.page.room import Room, visible
from llmi_agent.traces.page.timeline import timeline
from llmi_agent.traces.trace import Trace

_TITLE = 120


def write_page(trace: Trace, path: Path) -> Path:
    """Write the page of a trace, whole or not at all. Raises LlmiError if that cannot be done."""
    write_whole(path, page(trace).encode())
    return path


def page(trace: Trace) -> str:
    """The page. Raises InputError if the trace cannot be read."""
    room = Room(trace.pictures)
    room.hold(
        each.verdict.digest
        for each in trace.slots
        if each.verdict and each.verdict.status == "kept"
    )
    return template(__package__, "trace.html.j2", visible).render(
        trace=trace,
        title=_title(trace.prompt),
        prompt=room.text(trace.prompt, 20_000),
        model=all(each.language_model for each in trace.calls),
        numbers=numbers(trace),
        inputs=[room.picture(each.digest, each.label) for each in trace.inputs],
        draft=drafted(trace, room),
        timeline=timeline(trace),
        answers=answers(trace, room),
        void=void(trace, room),
        bills=bills(trace),
        rewards=given(trace),
        about=about(trace, room),
        room=room,
        style=resource(__package__, "trace.css"),
    )


def _title(prompt: str) -> str:
    first = next((line.strip() for line in prompt.splitlines() if line.strip()), "An empty prompt")
    return first if len(first) <= _TITLE else first[: _TITLE - 1].rstrip() + "…"
