"""Making one prompt: asked for, held to the rules, checked by the second model; again, told why, if it is not taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from llmi_train.prompts.make.answers import Checked, read_check, read_request
from llmi_train.prompts.make.asking import Asking
from llmi_train.prompts.make.drawing import told
from llmi_train.prompts.make.mix import Mix
from llmi_train.prompts.make.plan import Item, drawn_anew
from llmi_train.prompts.make.questions import to_check, to_write
from llmi_train.prompts.make.rules import Rejected, fault, refuses, verdict

TRIES = 3
"""Requests about one topic before another one is drawn."""
DRAWS = 3
"""Topics before the prompt is given up."""
CHECKS = 3
"""Times that the checker is asked about a request until it gives a usable answer."""


@dataclass
class Faults:
    """What was not taken, and how often."""

    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    checks: int = 0
    """Answers of the checker that were none."""


@dataclass
class Making:
    """A prompt that is being made."""

    item: Item
    """As it is drawn now."""
    tries: int = 0
    """So many requests were asked for."""
    text: str = ""
    """The request that is good but for what others say; empty if there is none."""
    rejected: str = ""
    """Why the last one was not taken."""


class Maker:
    """Makes them one by one; many at once is the business of `Making`'s owner."""

    def __init__(self, mix: Mix, asking: Asking, seed: int) -> None:
        self.faults = Faults()
        self._mix = mix
        self._asking = asking
        self._seed = seed
        self._most = TRIES * DRAWS * (1 + asking.kept.rounds)

    async def make(self, making: Making) -> None:
        """Try until there is a request that stands, or no try is left. Raises as `Asking.answer` does."""
        while not making.text and making.tries < self._most:
            if making.tries and not making.tries % TRIES:
                making.item = drawn_anew(making.item, self._mix, self._seed, making.tries // TRIES)
                making.rejected = ""
            result = await self._try(making)
            making.tries += 1
            if isinstance(result, Rejected):
                self.reject(making, result)
            else:
                making.text = result

    def reject(self, making: Making, why: Rejected) -> None:
        """It is not taken."""
        self.faults.rejected[why.reason] += 1
        making.text, making.rejected = "", why.words

    async def _try(self, making: Making) -> str | Rejected:
        item = making.item
        question = to_write(item, making.rejected)
        answer = await self._asking.answer("write", question, item.number, making.tries)
        if answer.error:
            return Rejected("unanswered", "")
        text = None if answer.cut else read_request(answer.text)
        if text is None and refuses(answer.text):
            return Rejected("refused", "it refused instead of asking for something")
        if text is None:
            return Rejected("unreadable", 'it was not the one JSON object {"request": "..."}')
        text = self._asking.sources["write"].adviser.clean(text)  # escapes may have hidden a secret
        return fault(text, item) or await self._checked(text, making) or text

    async def _checked(self, text: str, making: Making) -> Rejected | None:
        item = making.item
        attached = "" if item.picture is None else told(item.picture)
        for time in range(CHECKS):
            checked = await self._ask_checker(text, attached, item.number, making.tries, time)
            if checked:
                return verdict(checked, item)
            self.faults.checks += 1
        return Rejected("unchecked", "")

    async def _ask_checker(self, text: str, attached: str, *about: int) -> Checked | None:
        answer = await self._asking.answer("check", to_check(text, attached), *about)
        return None if answer.error or answer.cut else read_check(answer.text)
