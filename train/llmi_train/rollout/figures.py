"""The figures of a policy, from what was measured of its episodes; and how two policies compare, prompt by prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from llmi_train.rollout.intervals import Mean, mean_of
from llmi_train.rollout.measuring import Measured

Value = Callable[[Measured], float | None]


@dataclass(frozen=True)
class Figures:
    """Of one policy. Each mean is over prompts, of the mean over each one's episodes; what is missing is left out."""

    model: str
    weights: str
    episodes: int
    prompts: int
    reward: Mean | None
    missing: int
    """Episodes without a reward."""
    why: Mapping[str, int] = field(default_factory=dict)
    """Why they have none, and how many."""
    components: Mapping[str, Mean] = field(default_factory=dict)
    kinds: Mapping[str, Mean] = field(default_factory=dict)
    """The reward of the prompts that demand a kind."""
    kind_accuracy: Mean | None = None
    """The share of episodes whose strictly valid slots have exactly the demanded kinds."""
    kind_accuracy_of: Mapping[str, Mean] = field(default_factory=dict)
    """The same for the prompts that demand a kind."""
    count_accuracy: Mean | None = None
    """The share of episodes that have as many strictly valid slots as are demanded."""
    truncated: float = 0.0
    """The share of episodes whose draft was cut."""
    by_prompt: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The mean reward of each prompt that has one."""

    def as_json(self) -> dict[str, Any]:
        """For programs; means as objects."""
        return {
            "model": self.model,
            "weights": self.weights,
            "episodes": self.episodes,
            "prompts": self.prompts,
            "missing": self.missing,
            "why_missing": dict(self.why),
            "truncated": self.truncated,
            "reward": _plain(self.reward),
            "kind_accuracy": _plain(self.kind_accuracy),
            "count_accuracy": _plain(self.count_accuracy),
            "components": {name: _plain(each) for name, each in self.components.items()},
            "kinds": {name: _plain(each) for name, each in self.kinds.items()},
            "kind_accuracy_of": {n: _plain(each) for n, each in self.kind_accuracy_of.items()},
            "by_prompt": dict(self.by_prompt),
        }


@dataclass(frozen=True)
class Comparison:
    """By how much a policy is above another one, paired: of each prompt, over the episodes that have a value under both."""

    reward: Mean | None
    kind_accuracy: Mean | None
    count_accuracy: Mean | None
    components: Mapping[str, Mean] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "reward": _plain(self.reward),
            "kind_accuracy": _plain(self.kind_accuracy),
            "count_accuracy": _plain(self.count_accuracy),
            "components": {name: _plain(each) for name, each in self.components.items()},
        }


def figures_of(model: str, weights: str, found: Sequence[Measured], seed: int = 0) -> Figures:
    """Of the episodes of one policy. seed: of the intervals."""
    kinds = sorted({kind for each in found for kind in each.demanded})
    of_kind = {kind: [each for each in found if kind in each.demanded] for kind in kinds}
    missing = [each for each in found if each.reward is None]
    why: dict[str, int] = defaultdict(int)
    for each in missing:
        why[each.why] += 1
    return Figures(
        model,
        weights,
        len(found),
        len({each.prompt for each in found}),
        _mean(found, _reward, seed),
        len(missing),
        dict(sorted(why.items(), key=lambda each: -each[1])),
        {name: mean for name in _components(found) if (mean := _mean(found, _of(name), seed))},
        {kind: mean for kind, some in of_kind.items() if (mean := _mean(some, _reward, seed))},
        _mean(found, _right_kinds, seed),
        {kind: mean for kind, some in of_kind.items() if (mean := _mean(some, _right_kinds, seed))},
        _mean(found, _right_count, seed),
        fmean(each.truncated for each in found) if found else 0.0,
        by_prompt(found, _reward),
    )


def compared(better: Sequence[Measured], base: Sequence[Measured], seed: int = 0) -> Comparison:
    """The first against the second, on the prompts and members that both have."""
    names = [name for name in _components(better) if name in _components(base)]

    def paired(value: Value) -> Mean | None:
        return mean_of(list(_differences(better, base, value).values()), seed)

    return Comparison(
        paired(_reward),
        paired(_right_kinds),
        paired(_right_count),
        {name: mean for name in names if (mean := paired(_of(name)))},
    )


def by_prompt(found: Sequence[Measured], value: Value) -> dict[str, float]:
    """The mean of each prompt's episodes that have a value."""
    values: dict[str, list[float]] = defaultdict(list)
    for each in found:
        if (own := value(each)) is not None:
            values[each.prompt].append(own)
    return {prompt: fmean(some) for prompt, some in values.items()}


def _differences(
    better: Sequence[Measured], base: Sequence[Measured], value: Value
) -> dict[str, float]:
    below = {(each.prompt, each.member): value(each) for each in base}
    found: dict[str, list[float]] = defaultdict(list)
    for each in better:
        mine, other = value(each), below.get((each.prompt, each.member))
        if mine is not None and other is not None:
            found[each.prompt].append(mine - other)
    return {prompt: fmean(some) for prompt, some in found.items()}


def _mean(found: Sequence[Measured], value: Value, seed: int) -> Mean | None:
    return mean_of(list(by_prompt(found, value).values()), seed)


def _components(found: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(name for each in found for name in each.components))


def _of(component: str) -> Value:
    return lambda each: each.components.get(component)


def _reward(each: Measured) -> float | None:
    return each.reward


def _right_kinds(each: Measured) -> float | None:
    return None if each.right_kinds is None else float(each.right_kinds)


def _right_count(each: Measured) -> float | None:
    return None if each.right_count is None else float(each.right_count)


def _plain(mean: Mean | None) -> dict[str, float | int] | None:
    return mean.as_json() if mean else None
