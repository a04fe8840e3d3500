"""How many runs were read, while they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llmi_agent.cli.batch_progress import show
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural

_EVERY = 64


class Reading:
    """A bar that has no end: how many there are is known when they are read."""

    total, done, failed = 1, 0, 0

    def __init__(self) -> None:
        self.read = 0

    def __str__(self) -> str:
        return f"{plural(self.read, 'run')} read"


@contextmanager
def reading(output: Output) -> Iterator[Callable[[int], None]]:
    """Shows it, as long as the block runs, if somebody watches; what it gives is told how many there are so far."""
    told = Reading()
    with show(told, live=output.live) as screen:

        def tell(read: int) -> None:
            told.read = read
            if read % _EVERY == 0:
                screen.tick()

        yield tell
