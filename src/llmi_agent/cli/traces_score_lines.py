"""What scoring says of each run, and in the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from llmi_agent.base.errors import InputError
from llmi_agent.base.text import one_line
from llmi_agent.cli.batch_progress import Display
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_agent.contract.judging import Judge
from llmi_agent.document.render.wording import bill
from llmi_agent.judges.choosing import costs_of
from llmi_agent.judges.criteria import COMPONENT
from llmi_agent.records.events.reward import TOTAL
from llmi_agent.rewards.scoring import Scored
from llmi_agent.traces.places import Source
from llmi_agent.traces.rewarding import give

_REASON = 200


class Tally:
    """How many runs are scored."""

    def __init__(self, total: int, judges: Sequence[Judge]) -> None:
        self.total = total
        self.scored = self.found = self.failed = 0
        self._judged = self._demanded = 0
        self._judges = judges
        self._began = time.monotonic()

    @property
    def done(self) -> int:
        return self.scored + self.found

    def count(self, scored: Scored) -> None:
        """One more."""
        if scored.total is None:
            self.failed += 1
        elif scored.found:
            self.found += 1
        else:
            self.scored += 1
        self._judged += any(each.component == COMPONENT for each in scored.rewards)
        self._demanded += scored.demand is not None

    def notes(self, *, criteria: str | None, demands: str | None) -> Iterator[str]:
        """What somebody may not have meant. criteria, demands: the files, if there are any."""
        ended = self.done + self.failed
        if not self.total:
            yield "there is no such run to score; `llmi traces ls` lists those that there are"
        if criteria and self._judged < ended:
            yield f"{criteria} has criteria for {self._judged} of {plural(ended, 'run')}"
        if demands and self._demanded < ended:
            yield f"it is known of {self._demanded} of {plural(ended, 'run')} what the prompt demands"

    def __str__(self) -> str:
        """ "7 of 9 runs scored, 3 of them before, 2 without a total, 12 s, $0.12"."""
        parts = [
            f"{self.done} of {plural(self.total, 'run')} scored",
            f"{self.found} of them before" if self.found else "",
            f"{self.failed} without a total" if self.failed else "",
            f"{time.monotonic() - self._began:.0f} s",
            bill(costs_of(self._judges)),
        ]
        return ", ".join(part for part in parts if part)


class Lines:
    """Keeps what each run was given, and prints its line.

    places: where it is kept; nowhere, if there are none.
    """

    def __init__(
        self, places: Sequence[Source], tally: Tally, screen: Display, output: Output
    ) -> None:
        self.screen = screen
        self._places = places
        self._tally = tally
        self._output = output
        self._stdout = sys.stdout

    def kept(self, scored: Scored) -> Scored:
        """What stands on record now: new rewards are put there. That one run's cannot be does not end the others."""
        if not self._places or not scored.new:
            return scored
        try:
            give(self._places, scored.episode, *scored.new)
        except InputError as error:
            return Scored(scored.episode, error=str(error))
        return scored

    def tell(self, scored: Scored) -> None:
        """Its line."""
        self._tally.count(scored)
        line = json.dumps(_plain(scored)) if self._output.json else _line(scored)
        with self.screen.aside():
            click.echo(line, file=self._stdout)


def _line(scored: Scored) -> str:
    total = "-" if scored.total is None else f"{scored.total:.4f}"
    whole = [each for each in scored.rewards if each.scope == "episode" and each.component != TOTAL]
    parts = " ".join(
        f"{each.component}={'-' if each.value is None else f'{each.value:.3g}'}" for each in whole
    )
    lacking = (f"{each.component}: {each.error}" for each in whole if each.error)
    why = scored.missing if scored.total is None else "; ".join(lacking)
    return "\t".join((scored.episode, total, parts or "-", one_line(why, _REASON) or "-"))


def _plain(scored: Scored) -> dict[str, Any]:
    return {
        "episode": scored.episode,
        "total": scored.total,
        "missing": scored.missing if scored.total is None else "",
        "found": scored.found,
        "rewards": [asdict(each) for each in scored.rewards],
    }
