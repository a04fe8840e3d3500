"""What ends a training before its last step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from llmi_agent.base.errors import LlmiError


class Stopped(Exception):  # noqa: N818 - not an error: the weights so far are good
    """Training ends here, with the weights that there are. The text says why."""


class Diverged(LlmiError):  # noqa: N818 - as above
    """A number is not finite: the weights must not be changed by it."""


def limits(
    max_kl: float | None,
    way: str = "collect again with it, or lower --lr",
    unit: str = "step",
) -> Callable[[int, dict[str, float]], None]:
    """Looks at a step's figures before the weights are changed; raises Stopped or Diverged. way: what to do, in a clause.
    unit: what is counted."""

    def check(step: int, figures: dict[str, float]) -> None:
        loss, kl = figures["step_loss"], figures["kl"]
        if not (math.isfinite(loss) and math.isfinite(kl)):
            raise Diverged(
                f"the loss of {unit} {step} is {loss} (KL {kl}): the learning rate is too high, or the weights or the rows "
                "hold numbers that are not finite; no step was taken with it"
            )
        if max_kl is not None and kl > max_kl:
            raise Stopped(
                f"the policy was {kl:.3f} nats a token from the recorded one before {unit} {step}, further than {max_kl:g} "
                f"(--max-kl): what was recorded says little about it; {way}"
            )

    return check


class FiniteGradients(TrainerCallback):  # type: ignore[misc]
    """Looks at the gradient before the weights are changed."""

    def __init__(self, unit: str = "step") -> None:
        self._unit = unit

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        """Raises Diverged if a gradient is not finite."""
        grads = [each.grad for each in model.parameters() if each.grad is not None]
        if not all(bool(each.isfinite().all()) for each in grads):
            raise Diverged(
                f"the gradient of {self._unit} {state.global_step + 1} is not finite: lower --lr, or take --dtype float32; "
                "no step was taken with it"
            )
