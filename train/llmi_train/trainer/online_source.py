"""Where the trainer gets each step's rollouts: what is missing of them is said, and where nothing is learnt any more, it ends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmi_agent.cli.text import plural
from llmi_train.rollout.closed import Closed
from llmi_train.rollout.learnt import even, nothing
from llmi_train.rollout.steps import FOLDER, Rolled, Steps
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import Online
from llmi_train.trainer.origin import check_origin
from llmi_train.trainer.pictures import check_pictures
from llmi_train.trainer.probe import Probed, check_rows, check_weights, spread
from llmi_train.trainer.processes import processes
from llmi_train.trainer.progress import Say
from llmi_train.trainer.stops import Stopped
from llmi_train.trainer.whole import is_spread

_SHOWN = 3
_PROBED = "probed.json"


class Source:
    """Gives the trainer each step's rollouts; says what is missing of them; ends it where nothing is learnt any more."""

    def __init__(
        self,
        rolling: Steps,
        loaded: Loaded,
        settings: Online,
        template: Mapping[str, Any],
        tell: Say,
    ) -> None:
        self.trainer: Any = None
        self._kept = rolling.out / FOLDER / _PROBED
        self.probed = _probed(self._kept)
        """How exactly the weights gave the logprobs of the first step that has rows, in this life of the process or an earlier one."""
        self._rolling, self._loaded, self._settings = rolling, loaded, settings
        self._template = template
        self._tell = tell
        self._empty: list[Closed] = []
        """Steps in a row without a row, in this life of the process."""

    def __call__(self, step: int) -> Rolled:
        if len(self._empty) >= self._settings.patience:
            self._end()
        rolled = self._rolling.of(step)
        closed = rolled.closed
        if not rolled.again:
            self._empty = [] if closed.rows else [*self._empty, closed]
        for line in _said(closed):
            self._tell(line)
        if self.probed is None and closed.rows and self._as_written(step):
            self._look(rolled)
        return rolled

    def _as_written(self, step: int) -> bool:
        """No update of the step was made yet: its weights are those that wrote it."""
        done: int = self.trainer.state.global_step
        return done == (step - 1) * self._settings.updates

    def _look(self, rolled: Rolled) -> None:
        if not (count := self._to_probe(rolled)):
            return
        self.probed = self._probe(rolled, count)
        if processes().is_main_process:
            self._kept.write_text(json.dumps(vars(self.probed)), "utf-8")

    def _end(self) -> None:
        """Raises Stopped where all rewards are the same, LlmiError where something else is why."""
        count = len(self._empty)
        if even(self._empty):
            raise Stopped(
                f"in each group of the last {count} steps all rewards were the same, so that nothing could be learnt from them"
            )
        self.trainer.save_now()
        raise nothing(self._empty)

    def _to_probe(self, rolled: Rolled) -> int:
        """How many rows; the same in all processes where each needs the others' weights for that."""
        count = min(len(rolled.rows), self._settings.probe_rows)
        return min(self._rolling.together.all(count)) if is_spread(self.trainer.model) else count

    def _probe(self, rolled: Rolled, count: int) -> Probed:
        """Raises InputError if the weights that wrote are not those that are trained."""
        assert rolled.gathered
        settings, model = self._settings, self.trainer.accelerator.unwrap_model(self.trainer.model)
        check_rows(rolled.rows, model)
        some = spread(rolled.rows, count)
        eyes = self._loaded.eyes
        check_pictures((each.segment for each in rolled.rows), eyes)
        check_origin(some, rolled.gathered.recorded, self._loaded.tokenizer, self._template, eyes)
        way = "What writes the rollouts must have the weights that are trained"
        model.eval()
        try:
            return check_weights(
                some,
                model,
                str(self._loaded.folder),
                settings.compute,
                settings.tolerance,
                eyes,
                way=way,
            )
        finally:
            model.train()


def _probed(path: Path) -> Probed | None:
    try:
        return Probed(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # it was cut before that
        return None


def _said(closed: Closed) -> list[str]:
    """What is missing of a step's rollouts, in sentences."""
    found = []
    why = Counter(each.why for each in closed.missing)
    if why:
        shown = "; ".join(f"{each} ({count})" for each, count in why.most_common(_SHOWN))
        more = "; and others" if len(why) > _SHOWN else ""
        lost = closed.wanted - closed.used
        found.append(
            f"step {closed.step}: {lost} of {plural(closed.wanted, 'episode')} without a reward: {shown}{more}"
        )
    if not closed.rows:
        left = ", ".join(f"{why} ({count})" for why, count in closed.left_out.items() if count)
        found.append(
            f"step {closed.step} is skipped: nothing can be learnt from it"
            + f": {left}" * bool(left)
        )
    return found
