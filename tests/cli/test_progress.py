"""Live progress: what is remembered of a run's events, and what is drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from rich.console import Console

from llmi_agent.cli.progress import Quiet, Screen, watch
from llmi_agent.cli.run_view import RunView, SlotView, StreamedHeading


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def slot(number: int, state: str, **fields: Any) -> dict[str, Any]:
    return {"type": "slot", "slot": number, "state": state, **fields}


@pytest.fixture
def view() -> RunView:
    ticks: Iterator[int] = count()
    return RunView(clock=lambda: next(ticks))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_headings_are_told_once_each_when_their_line_is_written(view: RunView, size: int) -> None:
    draft = "# One\n\ntext\n```\n# no heading\n```\n\n## Two\nmore\n"
    pieces = [draft[start : start + size] for start in range(0, len(draft), size)]
    news = [each for piece in pieces for each in view.tell(text(piece))]
    assert news == [StreamedHeading(1, "One"), StreamedHeading(2, "Two")]


def test_a_heading_without_its_newline_is_told_when_a_slot_follows(view: RunView) -> None:
    assert view.tell(text("# One")) == []
    assert view.tell(slot(0, "planned", kind="search")) == [StreamedHeading(1, "One")]


def test_a_slot_is_told_when_it_is_settled(view: RunView) -> None:
    assert view.tell(slot(3, "planned", kind="search", description="A harbour")) == []
    assert view.tell(slot(3, "started", kind="search", tool="s")) == []
    assert view.tell({"type": "progress", "slot": 3, "message": "half"}) == []
    assert view.slots[3].message == "half"
    assert view.tell(slot(3, "falling back", reason="unreachable", message="no")) == []
    assert view.tell(slot(3, "started", kind="diffusion", tool="d")) == []
    (settled,) = view.tell(slot(3, "kept", message="", attempts=2))
    assert isinstance(settled, SlotView)
    assert (settled.kind, settled.tool, settled.description) == ("search", "d", "A harbour")
    assert settled.seconds(99) == 1
    assert view.unsettled == []


def test_slots_at_work_come_before_those_that_wait(view: RunView) -> None:
    for number in range(4):
        view.tell(slot(number, "planned", kind="code"))
    view.tell(slot(2, "started", kind="code", tool="c"))
    assert [each.number for each in view.unsettled] == [2, 0, 1, 3]


def drawn(width: int, events: list[dict[str, Any]], **console: Any) -> str:
    file = io.StringIO()
    terminal = Console(
        file=file, force_terminal=True, width=width, height=8, markup=False, emoji=False, **console
    )
    with Screen(terminal) as screen:
        for event in events:
            screen.tell(event)
            screen.tick()
    return file.getvalue()


EVENTS = [
    text("# The [red]harbour[/red] \x1b[2Jat :smile: dusk\n"),
    *(slot(n, "planned", kind="search", description=f"[bold]D{n}\x1b]0;x\x07") for n in range(9)),
    slot(0, "started", kind="search", tool="s"),
    slot(0, "repairing", reason="bad_params", message="no [red]such\nthing"),
    slot(0, "missing", message="none [/]", attempts=2),
    slot(1, "kept", message="", attempts=1),
    {"type": "document", "title": "x"},
]


def test_words_of_others_are_neither_markup_nor_control_sequences() -> None:
    screen = drawn(120, EVENTS, no_color=True)
    assert "The [red]harbour[/red] at :smile: dusk" in screen
    assert "[bold]D0" in screen
    assert "none [/]" in screen
    assert "\x1b[2J" not in screen.replace("\x1b[2K", "")
    assert "\x07" not in screen


def test_more_slots_than_lines_are_counted() -> None:
    assert "and 3 more" in drawn(80, EVENTS)


@pytest.mark.parametrize("width", [1, 5, 30, 200])
def test_any_width_will_do(width: int) -> None:
    assert drawn(width, EVENTS)


def test_no_colours_are_sent_when_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in drawn(100, EVENTS)
    assert "\x1b[3" not in drawn(100, EVENTS)


def test_nothing_is_drawn_when_nobody_watches() -> None:
    with watch(live=False) as watcher:
        assert isinstance(watcher, Quiet)
