"""What is shown while prompts are made: taken, not taken, dollars, pace."""

from __future__ import annotations

from llmi_agent.cli import batch_progress
from llmi_agent.document.render.wording import bill
from llmi_agent.records.costs import Costs
from llmi_train.prompts.make.kept import Spending


class Tally(batch_progress.Tally):
    """The numbers so far, as the bar of a batch shows them."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self._rejected = 0
        self._spent = Spending()
        self.told = False
        """Something was asked, or found."""

    def take(self, made: int, rejected: int, spent: Spending) -> None:
        """News."""
        self.told = True
        self.written, self._rejected, self._spent = made, rejected, spent

    def __str__(self) -> str:
        """ "12 of 400 prompts, 3 answers not taken, 9.1 a minute, $0.12"."""
        spent = self._spent
        parts = [
            f"{self.written:,} of {self.total:,} prompts",
            f"{self._rejected:,} answers not taken",
            f"{60 * self.written / max(self.seconds, 1):.1f} a minute",
            bill(Costs(usd=spent.usd, estimated=spent.estimated, unknown=spent.unknown)),
        ]
        return ", ".join(part for part in parts if part)
