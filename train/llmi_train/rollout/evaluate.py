"""Evaluating a policy: fresh rollouts on prompts that it was not trained on, beside those of a baseline on the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.setup import Setup
from llmi_train.rollout.collect import Listener, Order, collect
from llmi_train.rollout.figures import Comparison, Figures, compared, figures_of
from llmi_train.rollout.measuring import Measured, measured
from llmi_train.rollout.preparing import CONCURRENCY, Prepared, place_for, prepared

SAMPLES = 4


@dataclass(frozen=True)
class Evaluation:
    """What came of it."""

    profile: str
    """By what was scored: the version of the profile with its judges."""
    split: Mapping[str, int]
    """The splits of the prompts, and how many are of each."""
    samples: int
    """Episodes of each prompt."""
    seed: int
    model: Figures
    baseline: Figures | None = None
    difference: Comparison | None = None
    """The model's figures less the baseline's, paired by prompt."""
    episodes: Sequence[Measured] = field(default=(), repr=False)
    """The model's."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "profile": self.profile,
            "splits": dict(self.split),
            "samples": self.samples,
            "seed": self.seed,
            "model": self.model.as_json(),
            "baseline": self.baseline.as_json() if self.baseline else None,
            "difference": self.difference.as_json() if self.difference else None,
        }


async def evaluate(
    prompts: Sequence[Prompt],
    model: str,
    scorer: Scorer,
    *,
    baseline: str | None = None,
    samples: int = SAMPLES,
    flags: Mapping[str, Any] | None = None,
    graph: str = Setup.graph,
    concurrency: int = CONCURRENCY,
    listener: Listener | None = None,
) -> Evaluation:
    """Run each prompt `samples` times under the model, and under the baseline with equal seeds; score, and compare.

    model, baseline: by the names that policies answer: `transformers/DIR`, `vllm/MODEL`. flags: what else is configured, by
    dotted name (`options.seed`, `options.max_tokens`), as for `load_config`.

    Each episode is on record in the user's home, with its prompt's split. What is there of the same weights under the same
    settings is not run again. Raises what `prepared` and `collect` do, and InputError without prompts.
    """
    if not prompts:
        raise InputError("there is no prompt to evaluate on")
    ready, found = await _run(model, prompts, scorer, samples, flags, graph, concurrency, listener)
    figures = figures_of(model, ready.weights, found)
    known = Evaluation(
        scorer.version,
        {
            name: sum(each.split == name for each in prompts)
            for name in sorted({e.split for e in prompts})
        },
        samples,
        ready.setup.config.options.seed,
        figures,
        episodes=found,
    )
    if baseline is None:
        return known
    base, below = await _run(
        baseline, prompts, scorer, samples, flags, graph, concurrency, listener
    )
    return Evaluation(
        known.profile,
        known.split,
        samples,
        known.seed,
        figures,
        figures_of(baseline, base.weights, below),
        compared(found, below),
        found,
    )


async def _run(
    model: str,
    prompts: Sequence[Prompt],
    scorer: Scorer,
    samples: int,
    flags: Mapping[str, Any] | None,
    graph: str,
    concurrency: int,
    listener: Listener | None,
) -> tuple[Prepared, list[Measured]]:
    told = {**(flags or {}), "model": model}
    ready = prepared(told, graph, concurrency=concurrency, tokens=False)
    order = Order(prompts, samples, place_for(ready, "evaluated", ""), (), concurrency, scorer)
    return ready, await measured(ready, await collect(ready, order, listener))
