"""Live progress on a terminal: headings and settled slots stay, what is at work is redrawn below them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from llmi_agent.cli.run_view import RunView, SlotView, StreamedHeading
from llmi_agent.cli.text import plural

TICK = 0.125
"""Seconds between two redrawings of live progress."""

_STYLES = {"kept": "green", "missing": "red", "planned": "dim"}


class Ticked(Protocol):
    """Who is told that time passes."""

    def tick(self) -> None:
        """Time has passed."""


class Watcher(Ticked, Protocol):
    """Who is told of a run's events."""

    def tell(self, event: Mapping[str, Any]) -> None:
        """One custom event of the graph's stream."""


class Quiet:
    """Nobody watches."""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Nothing is shown."""

    def tick(self) -> None:
        """Nothing is shown."""


class Screen:
    """Draws on a console while its context is open. Words of others are never read as markup."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._story = RunView()
        self._began = self._story.clock()
        self._spinner = Spinner("line" if console.options.ascii_only else "dots")
        # No refreshing thread: when it draws while a line is printed, rich leaves torn lines behind.
        self._live = Live(
            console=console, get_renderable=self._now, auto_refresh=False, transient=True
        )

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tell(self, event: Mapping[str, Any]) -> None:
        """Show it."""
        for news in self._story.tell(event):
            line = _heading(news) if isinstance(news, StreamedHeading) else self._line(news)
            self._live.refresh()
            self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def tick(self) -> None:
        """Redraw what is at work."""
        self._live.refresh()

    def _now(self) -> RenderableType:
        """What is at work, cut to the height of the terminal."""
        room = max(1, self._console.height - 4)
        slots = self._story.unsettled if self._story.written else []
        lines: list[RenderableType] = [self._line(slot) for slot in slots[:room]]
        if len(slots) > room:
            lines.append(Text(f"    and {len(slots) - room} more", style="dim"))
        self._spinner.update(text=Text(f" {self._status()}", no_wrap=True, overflow="ellipsis"))
        return Group(*lines, self._spinner)

    def _status(self) -> str:
        view = self._story
        seconds = f"{view.clock() - self._began:.0f} s"
        settled = sum(slot.settled for slot in view.slots.values())
        if not view.words:
            return f"starting, {seconds}"
        if not view.written:
            slots = f", {plural(len(view.slots), 'picture')} asked for" if view.slots else ""
            return f"writing: {plural(view.words, 'word')}{slots}, {seconds}"
        return f"pictures: {settled} of {len(view.slots)}, {seconds}"

    def _line(self, slot: SlotView) -> Text:
        """Mark, kind, time, and what is being done by whom stand in columns; the rest as it fits."""
        seconds = slot.seconds(self._story.clock())
        style = _STYLES.get(slot.state, "cyan")
        line = Text("  ", no_wrap=True, overflow="ellipsis")
        line.append(f"{self._mark(slot)} {slot.kind or 'unreadable':<10}", style=style)
        line.append("" if seconds is None else f"{seconds:.1f} s".rjust(7), style="dim")
        line.append(f"  {self._doing(slot)}  ", style="dim" if slot.state == "kept" else style)
        line.append(slot.description or f"slot {slot.number}")
        return line.append(f"  {slot.message}" if slot.message else "", style="dim")

    def _doing(self, slot: SlotView) -> str:
        if slot.state in ("kept", "started"):
            return slot.tool
        return slot.state if slot.state != "planned" else "waits"

    def _mark(self, slot: SlotView) -> str:
        plain = self._console.options.ascii_only
        marks = {"kept": "+" if plain else "✓", "missing": "x" if plain else "✗", "planned": " "}
        return marks.get(slot.state, "." if plain else "•")


def _heading(heading: StreamedHeading) -> Text:
    indent = "  " * (heading.level - 1)
    style = "bold" if heading.level <= 2 else "none"
    return Text(indent + heading.words, style=style, no_wrap=True, overflow="ellipsis")


def watch(live: bool) -> AbstractContextManager[Watcher]:
    """A screen on stderr if somebody looks at it, else nothing."""
    if not live:
        return nullcontext(Quiet())
    return Screen(Console(stderr=True, highlight=False, emoji=False, markup=False))


@asynccontextmanager
async def ticking(watcher: Ticked) -> AsyncIterator[None]:
    """Tell it every `TICK` while the block runs."""

    async def tick() -> None:
        while True:
            watcher.tick()
            await asyncio.sleep(TICK)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
