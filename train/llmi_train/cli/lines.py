"""Progress where nobody watches a bar: a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from llmi_agent.cli.batch_progress import Count, Display, show
from llmi_agent.cli.output import Output

SECONDS = 30.0
"""Between two lines."""


Say = Callable[[str], None]


def now_and_then(say: Say, clock: Callable[[], float] = time.monotonic) -> Say:
    """It, but it says nothing of what it is told less than so many seconds after the last line."""
    said = clock()

    def seldom(line: str) -> None:
        nonlocal said
        if clock() - said >= SECONDS:
            said = clock()
            say(line)

    return seldom


class Lines:
    """Says how far it is, each so many seconds."""

    def __init__(self, count: Count, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._say = count, now_and_then(say, clock)

    def tick(self) -> None:
        """Time has passed."""
        self._say(str(self._count))

    def aside(self) -> AbstractContextManager[None]:
        """Nothing is in the way of what is printed."""
        return nullcontext()


@contextmanager
def told(count: Count, output: Output) -> Iterator[Display]:
    """A bar on stderr if somebody looks at it, else lines there."""
    if output.live:
        with show(count, live=True) as bar:
            yield bar
        return
    yield Lines(count, lambda line: output.say(line, "progress"))
