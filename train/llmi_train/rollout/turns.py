"""Which prompts come at which step of an online training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from llmi_agent.base.errors import InputError
from llmi_agent.runner.prompt_file import Prompt


class Turns:
    """Each prompt comes once in an epoch, in an order that follows from the seed and the number of the epoch alone.

    A step that begins in one epoch and ends in the next has no prompt twice.
    """

    def __init__(self, prompts: Sequence[Prompt], per_step: int, seed: int) -> None:
        """Raises InputError where there are fewer prompts than a step takes."""
        if len(prompts) < per_step:
            raise InputError(
                f"a step takes {per_step} prompts, and there are {len(prompts)}: --prompts-per-step {len(prompts)} takes all of them"
            )
        self._prompts = prompts
        self._per_step = per_step
        self._seed = seed
        self._order: list[int] = []
        self._epoch = 0

    def steps(self, epochs: int) -> int:
        """In so many steps each prompt comes so often, at least."""
        return -(-epochs * len(self._prompts) // self._per_step)

    def of(self, step: int) -> list[Prompt]:
        """Those of a step, from 0."""
        start = step * self._per_step
        while len(self._order) < start + self._per_step:
            self._order += self._next()
        return [self._prompts[each] for each in self._order[start : start + self._per_step]]

    def _next(self) -> list[int]:
        """The order of the next epoch."""
        begun = len(self._order) % self._per_step
        there = set(self._order[len(self._order) - begun :])
        order = sorted(range(len(self._prompts)), key=self._chance)
        self._epoch += 1
        return sorted(order, key=there.__contains__)

    def _chance(self, number: int) -> bytes:
        told = f"{self._seed} {self._epoch} {self._prompts[number].id}"
        return hashlib.sha256(told.encode()).digest()
