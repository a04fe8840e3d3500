"""Live progress of a batch: how many documents are done, what they have cost, and how long it has taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from llmi_agent.cli.text import plural
from llmi_agent.document.render.wording import bill
from llmi_agent.records.costs import Costs

BAR = 24
"""Columns."""


class Count(Protocol):
    """How far something is; as text, what a person is told of it."""

    total: int
    failed: int

    @property
    def done(self) -> int: ...


class Tally:
    """The numbers of a batch so far."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.running = self.written = self.skipped = self.failed = 0
        self._clock = clock
        self._began = clock()
        self._usd = self._estimated = 0.0
        self._unknown = 0

    @property
    def done(self) -> int:
        return self.written + self.skipped

    @property
    def seconds(self) -> float:
        return self._clock() - self._began

    def count(self, state: Literal["written", "skipped", "failed"]) -> None:
        """A document has ended so."""
        self.written += state == "written"
        self.skipped += state == "skipped"
        self.failed += state == "failed"

    def tell(self, event: Mapping[str, Any]) -> None:
        """An event of any of the runs: some say what a call has cost."""
        if event.get("type") != "cost":
            return
        usd = event.get("usd")
        self._unknown += usd is None
        self._usd += usd or 0.0
        self._estimated += (usd or 0.0) if event.get("basis") == "estimated" else 0.0

    def __str__(self) -> str:
        """ "3 of 6 documents done, 1 of them before, 1 failed, 2 running, 12 s, $0.12"."""
        parts = [
            f"{self.done} of {plural(self.total, 'document')} done",
            f"{self.skipped} of them before" if self.skipped else "",
            f"{self.failed} failed" if self.failed else "",
            f"{self.running} running" if self.running else "",
            f"{self.seconds:.0f} s",
            bill(Costs(usd=self._usd, estimated=self._estimated, unknown=self._unknown)),
        ]
        return ", ".join(part for part in parts if part)


class Display(Protocol):
    """Where the tally is shown."""

    def tick(self) -> None:
        """Time has passed."""

    def aside(self) -> AbstractContextManager[None]:
        """While the block runs, nothing is in the way of what it prints."""


class _Nobody:
    """Nobody watches."""

    def tick(self) -> None:
        """Nothing is shown."""

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()


class Bar:
    """Draws on a console while its context is open."""

    def __init__(self, console: Console, tally: Count) -> None:
        self._tally = tally
        self._spinner = Spinner("line" if console.options.ascii_only else "dots")
        # No refreshing thread: when it draws while a line is printed, rich leaves torn lines behind. And no
        # redirecting of stdout: it may be a pipe, whose lines are not for the terminal.
        self._live = Live(
            console=console,
            get_renderable=self._now,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Bar:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tick(self) -> None:
        """Redraw."""
        self._live.refresh()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar away, and draw it again below."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=True)

    def _now(self) -> RenderableType:
        tally = self._tally
        ended = tally.done + tally.failed
        style = "red" if tally.failed else "bar.complete"
        bar = ProgressBar(tally.total, ended, width=BAR, complete_style=style)
        row = Table.grid(padding=(0, 1))
        row.add_row(self._spinner, bar, Text(str(tally), no_wrap=True, overflow="ellipsis"))
        return row


@contextmanager
def show(tally: Count, *, live: bool) -> Iterator[Display]:
    """A bar on stderr if somebody looks at it, else nothing."""
    if not live:
        yield _Nobody()
        return
    with Bar(Console(stderr=True, highlight=False, emoji=False, markup=False), tally) as bar:
        yield bar
