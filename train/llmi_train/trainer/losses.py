"""The losses that can be chosen, and how TRL is told of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from llmi_agent.base.errors import ConfigError
from llmi_train.trainer.settings import Settings

LossName: TypeAlias = Literal["dapo", "dr_grpo", "gspo", "cispo", "grpo"]


@dataclass(frozen=True)
class Loss:
    """One of them."""

    clip_low: float | None
    """How far below 1 a ratio may fall before it is clipped; None: it may fall as it will."""
    clip_high: float
    """How far above 1; of `cispo`, the largest ratio itself."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by_row: bool = False
    """It divides by the number of rows, so that those that only fill a batch must be taken out of it."""


LOSSES: Mapping[LossName, Loss] = {
    "dapo": Loss(0.2, 0.28, {"loss_type": "dapo"}),
    "dr_grpo": Loss(0.2, 0.2, {"loss_type": "dr_grpo"}, by_row=True),
    "gspo": Loss(
        3e-4, 4e-4, {"loss_type": "grpo", "importance_sampling_level": "sequence"}, by_row=True
    ),
    "cispo": Loss(None, 5.0, {"loss_type": "cispo"}),
    "grpo": Loss(0.2, 0.2, {"loss_type": "grpo"}, by_row=True),
}
UNLEARNS = (
    "the loss grpo divides by each row's own length: short failures weigh most, and a policy can unlearn to end; "
    "dapo, dr_grpo and gspo do not"
)


@dataclass(frozen=True, kw_only=True)
class Offline(Settings):
    """Of GRPO from traces."""

    NO_WEIGHT: ClassVar[frozenset[str]] = Settings.NO_WEIGHT | {"max_kl", "tolerance", "probe_rows"}

    loss: LossName = "dapo"
    """`dapo` weighs every token alike, `dr_grpo` every token over a constant length, `gspo` a row by the ratio of all of it,
    `cispo` keeps pushing where ratios are clipped, `grpo` divides by each row's own length."""
    clip_low: float | None = None
    """How far below 1 a ratio may fall; None: the loss's own."""
    clip_high: float | None = None
    """How far above 1, and of `cispo` the largest ratio; None: the loss's own."""
    mask_outside: float | None = None
    """D: rows whose geometric mean ratio is not within 1/(1+D) and 1+D give no gradient; None: all do."""
    epochs: int = 1
    """How often all rows are gone through."""
    max_kl: float | None = 0.3
    """Training stops where the policy is further from the recorded one: nats a token, mean of a step; None: never."""
    probe_rows: int = 64
    """So many rows' logprobs are worked out again before the first step, to see that these weights sampled them; 0: none."""
    tolerance: float | None = None
    """The mean difference that is let pass, in nats; None: 1e-4 in float32, 0.02 in bfloat16."""

    def __post_init__(self) -> None:
        """Raises ConfigError for what cannot be together."""
        if self.loss == "cispo" and self.epochs > 1:
            raise ConfigError(
                "cispo keeps pushing where ratios are clipped, so it goes over the rows once: leave --epochs out, "
                "or take --loss dapo, dr_grpo or gspo"
            )
        if self.loss == "cispo":
            self._check_cap()
        if self.mask_outside is not None and not 0 < self.mask_outside < math.inf:
            raise ConfigError(f"--mask-outside must be above 0, and is {self.mask_outside:g}")
        if self.step_rows < 2:
            raise ConfigError("--step-rows must be at least 2: an advantage compares rows")

    def _check_cap(self) -> None:
        """Raises ConfigError for clips that other losses have."""
        if self.clip_low is not None:
            raise ConfigError(
                "cispo clips no ratio that falls: leave --clip-low out, or take --loss dapo, dr_grpo or gspo"
            )
        if self.clip_high is not None and self.clip_high < 1:
            raise ConfigError(
                f"of cispo --clip-high is the largest ratio itself, of other losses how far above 1 it may rise: {self.clip_high:g} "
                "would hold down every token; take 1 or more, such as 5, or leave it out"
            )

    @property
    def clips(self) -> tuple[float | None, float]:
        """How far a ratio may fall, and rise."""
        loss = LOSSES[self.loss]
        low = None if loss.clip_low is None else self.clip_low
        return (
            loss.clip_low if low is None else low,
            loss.clip_high if self.clip_high is None else self.clip_high,
        )

    def said(self) -> dict[str, Any]:
        """As of every training; clips as they are used."""
        low, high = self.clips
        return {**super().said(), "clip_low": low, "clip_high": high}


@dataclass(frozen=True, kw_only=True)
class Online(Offline):
    """Of GRPO with fresh rollouts at each step. `step_rows`: those of a step without repairs that are trained on."""

    NO_WEIGHT: ClassVar[frozenset[str]] = Offline.NO_WEIGHT | {"patience", "epochs", "step_rows"}

    prompts_per_step: int = 8
    """Prompts that each step is rolled out on, over all processes."""
    group: int = 8
    """Episodes of each of them."""
    steps: int = 100
    """How often it is rolled out."""
    updates: int = 1
    """Steps of the optimizer on each rollout, each over all of its rows."""
    patience: int = 5
    """After so many steps in a row of which nothing can be learnt, training ends."""

    def __post_init__(self) -> None:
        """Raises ConfigError for what cannot be together."""
        super().__post_init__()
        if self.loss == "cispo" and self.updates > 1:
            raise ConfigError(
                "cispo keeps pushing where ratios are clipped, so it takes one step on each rollout: leave --updates out, or "
                "take --loss dapo, dr_grpo or gspo"
            )
        if self.group < 2:
            raise ConfigError(
                "--group must be at least 2: an advantage compares episodes of one prompt"
            )

    @property
    def unit(self) -> str:
        """What the optimizer's steps are called: a step of a training is one of its rollouts."""
        return "step" if self.updates == 1 else "update"
