"""What is shown while a model is trained: steps, how long it takes still, and the figures that matter."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

from transformers import TrainerCallback

from llmi_agent.cli.batch_progress import Display

Say = Callable[[str], None]
SECONDS = 30.0
"""Between two lines that say how far a step's rollouts are."""


class Steps:
    """How far a training is. Text: "12 of 128 steps, reward 0.412, KL 0.003, 41 s, 396 s to go"."""

    failed = 0
    word = "steps"
    """What is counted."""

    def __init__(
        self, figures: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """figures: names in the log, by the word that each is shown under."""
        self.total = 0
        self.done = 0
        self._figures = figures
        self._values: dict[str, float] = {}
        self.doing: Callable[[], str] | None = None
        """Says how far the step is that is at work."""
        self._clock = clock
        self._began = clock()
        self._first = 0

    def begin(self, step: int, total: int) -> None:
        """It begins, or goes on, after this step."""
        self.done = self._first = step
        self.total, self._began = total, self._clock()

    def log(self, logs: Mapping[str, Any]) -> None:
        """What the trainer reports."""
        for word, name in self._figures.items():
            if isinstance(value := logs.get(name), int | float):
                self._values[word] = value

    def __str__(self) -> str:
        seconds = self._clock() - self._began
        parts = [f"{self.done} of {self.total} {self.word}"]
        parts += [self.doing()] if self.doing and self.done < self.total else []
        parts += [f"{word} {value:.3g}" for word, value in self._values.items()]
        parts.append(f"{seconds:.0f} s")
        if gone := self.done - self._first:
            parts.append(f"{seconds / gone * (self.total - self.done):.0f} s to go")
        return ", ".join(parts)


class ShowSteps(TrainerCallback):  # type: ignore[misc]
    """Draws a bar if somebody watches; says a line of each report if it is to."""

    def __init__(self, steps: Steps, display: Display | None, say: Say | None = None) -> None:
        self._steps = steps
        self._display = display
        self._say = say

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called once."""
        self._steps.begin(state.global_step, state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after each step."""
        self._steps.done = state.global_step
        if self._display:
            self._display.tick()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Called with the figures of a step."""
        self._steps.log(logs or {})
        if self._display:
            self._display.tick()
        if self._say:
            self._say(str(self._steps))


class Tick:
    """While a step is rolled out: a bar is drawn again, or a line is said now and then."""

    def __init__(self, progress: Steps, display: Display | None, say: Say | None) -> None:
        self._progress, self._display, self._say = progress, display, say
        self._said = time.monotonic()

    def __call__(self) -> None:
        if self._display:
            self._display.tick()
        if self._say and time.monotonic() - self._said >= SECONDS:
            self._said = time.monotonic()
            self._say(str(self._progress))


class Sweep(TrainerCallback):  # type: ignore[misc]
    """Frees what each step leaves in rings of objects, open files among it, where Python was told to look for them rarely."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Of a process that is ours: what it had loaded before is not gone through (`rare_collections`)."""
        if gc.get_freeze_count():
            gc.collect()
