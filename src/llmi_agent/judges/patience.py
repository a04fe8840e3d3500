"""Patience with a model that has never answered: its key, name or address may be wrong, and then each document fails alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from llmi_agent.judges.tally import Cast, shortfall

MOST = 8
"""Judgements in a row that came to nothing, after which there is no more asking."""
A_WHILE = 60.0
"""Seconds that failures which may pass (an outage, a rate limit) must have gone on for; and after which one more is tried."""


class Patience:
    """Ends if nothing was ever answered; with the first answer it lasts for ever. In one event loop at a time.

    clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answered = False
        self._failures = 0
        self._since = 0.0
        self._tried = 0.0
        self._why = ""

    def refusal(self, name: str) -> str:
        """Why the model of this name is not asked now; empty if it is. Once in a while it is asked all the same."""
        if not self._why:
            return ""
        if self._clock() - self._tried >= A_WHILE:
            self._tried = self._clock()
            return ""
        return (
            f"{name} is not asked for now: it has answered nothing yet, {self._failures} documents in a row "
            f"({self._why}); it is tried again every {A_WHILE:g} s"
        )

    def take(self, casts: Sequence[Cast]) -> None:
        """What came of one judgement."""
        if self._answered:
            return
        if any(each.fate == "answered" for each in casts):
            self._answered, self._why = True, ""
            return
        now = self._clock()
        self._since = self._since if self._failures else now
        self._failures += 1
        sure = all(each.fate == "hopeless" for each in casts)
        if self._failures >= MOST and (sure or now - self._since >= A_WHILE):
            self._why, self._tried = shortfall(casts), now
