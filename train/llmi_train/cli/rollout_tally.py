"""The numbers of fresh episodes so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from llmi_agent.cli.text import plural
from llmi_agent.document.render.wording import bill
from llmi_agent.records.costs import Costs
from llmi_agent.rewards.scoring import Scored
from llmi_agent.runner.batch import Ended, Wanted


class Tally:
    """Listens to `collect`; as text, what a person is told of it."""

    def __init__(
        self, total: int, *, scoring: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.running = self.written = self.skipped = self.failed = self.scored_ = self.missing = 0
        self._scoring = scoring
        self._clock = clock
        self._began = clock()
        self._sum = self._usd = self._estimated = 0.0
        self._unknown = 0

    @property
    def done(self) -> int:
        return self.written + self.skipped

    @property
    def mean(self) -> float | None:
        """Of the rewards that were given; None if there is none."""
        return self._sum / self.scored_ if self.scored_ else None

    def begun(self, wanted: Wanted) -> None:
        self.running += 1

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        """Some events say what a call has cost."""
        if event.get("type") != "cost":
            return
        usd = event.get("usd")
        self._unknown += usd is None
        self._usd += usd or 0.0
        self._estimated += (usd or 0.0) if event.get("basis") == "estimated" else 0.0

    def ended(self, ended: Ended) -> None:
        self.running -= 1
        self.written += ended.state == "written"
        self.skipped += ended.state == "skipped"
        self.failed += ended.state == "failed"

    def scored(self, scored: Scored) -> None:
        self.scored_ += scored.total is not None
        self.missing += scored.total is None
        self._sum += scored.total or 0.0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told: dict[str, Any] = {
            "episodes": self.total,
            "written": self.written,
            "skipped": self.skipped,
            "failed": self.failed,
            "seconds": round(self._clock() - self._began, 3),
        }
        if self._scoring:
            told |= {
                "scored": self.scored_,
                "without_total": self.missing,
                "mean_reward": self.mean,
            }
        return told

    def __str__(self) -> str:
        """ "3 of 6 episodes, 1 of them before, 1 failed, 2 running, 12 s (0.2 a second), about 10 s to go, mean reward 0.312, $0.12"."""
        seconds = self._clock() - self._began
        rate = (self.written + self.failed) / seconds if seconds else 0.0
        left = self.total - self.done - self.failed
        parts = [
            f"{self.done} of {plural(self.total, 'episode')}",
            f"{self.skipped} of them before" if self.skipped else "",
            f"{self.failed} failed" if self.failed else "",
            f"{self.running} running" if self.running else "",
            f"{seconds:.0f} s ({rate:.1f} a second)",
            f"about {left / rate:.0f} s to go" if left and rate else "",
            "" if self.mean is None else f"mean reward {self.mean:.3f}",
            f"{self.missing} without a reward" if self.missing else "",
            bill(Costs(usd=self._usd, estimated=self._estimated, unknown=self._unknown)),
        ]
        return ", ".join(part for part in parts if part)
