"""What is told of a policy besides its rewards: how many slots its documents have, and how many of them are valid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from llmi_agent.rewards import facts_of
from llmi_agent.traces import Chosen, Trace, traces
from llmi_train_smollm2.reward import NAME, scores


@dataclass(frozen=True)
class Slots:
    """Of the first drafts, as the strict reader has them."""

    drafts: int
    each: float
    """Slots of a draft, valid or not."""
    valid: float
    """The share of slots that are valid; 0 without any."""
    whole: float
    """The share of drafts that end, have a slot, and no slot that is not valid."""


@dataclass(frozen=True)
class Shown:
    """A document that is shown."""

    prompt: str
    reward: float | None
    parts: dict[str, float | None]


def slots_of(found: Sequence[Trace]) -> Slots:
    """Of these episodes."""
    facts = [facts_of(each) for each in found]
    valid = [slot.valid is True for each in facts for slot in each.slots]
    whole = [
        bool(each.slots) and not each.draft.cut and all(slot.valid for slot in each.slots)
        for each in facts
    ]
    drafts = len(found)
    return Slots(
        drafts,
        len(valid) / drafts if drafts else 0.0,
        fmean(valid) if valid else 0.0,
        fmean(whole) if whole else 0.0,
    )


def grouped(home: Path, policy: str, split: str) -> list[Trace]:
    """The episodes of a policy that were collected or evaluated."""
    return [each for each in _own(home, policy, split) if each.group]


def shown(home: Path, policy: str, split: str) -> dict[str, Shown]:
    """Its documents that are in no group, by the prompt; of several the last one."""
    return {
        each.prompt: Shown(each.prompt, *_worth(each))
        for each in _own(home, policy, split)
        if not each.group
    }


def _own(home: Path, policy: str, split: str) -> Iterator[Trace]:
    return traces([home], Chosen(model=f"transformers/{policy}", split=split, state="done"))


def _worth(trace: Trace) -> tuple[float | None, dict[str, float | None]]:
    found = {each.component: each.value for each in scores(trace)}
    total = found.pop(NAME)
    return total, {name.removeprefix(f"{NAME}."): value for name, value in found.items()}
