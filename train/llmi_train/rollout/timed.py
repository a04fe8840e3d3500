"""Collecting by a deadline: what is not there by then is given up, and what is there counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmi_agent.rewards.scoring import Scored
from llmi_agent.runner.batch import Ended, Wanted, all_wanted
from llmi_agent.runner.manifest import Key
from llmi_agent.runner.prompt_file import Prompt
from llmi_train.rollout.aside import Aside, Stuck
from llmi_train.rollout.closed import Missing
from llmi_train.rollout.collect import Order, collect
from llmi_train.rollout.preparing import Prepared

GRACE = 30.0
"""Seconds for what was given up to close what it has open."""
MORE = 10.0
"""Seconds on top, after which something keeps the loop."""
_MOST_WORDS = 300


@dataclass(frozen=True)
class Found:
    """What there is of a step's episodes."""

    episodes: tuple[str, ...]
    """With a reward, in the order of the prompts and of members."""
    missing: tuple[Missing, ...]
    rewards: float
    """Their sum."""
    valid: float
    validities: int
    """The sum of the component `validity`, and of how many."""


@dataclass
class Watch:
    """Listens to `collect`, and knows at any time what is there."""

    tick: Callable[[], object] = lambda: None
    """Called now and then while it goes on."""
    total: int = 0
    tokens: int = 0
    """That were sampled."""
    _begun: dict[Key, str | None] = field(default_factory=dict)
    _ended: dict[Key, Ended] = field(default_factory=dict)
    _scored: dict[str, Scored] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Episodes that have ended and are scored, or cannot be."""
        return len(self._scored)

    def begin(self, total: int) -> None:
        """Another step begins, of so many episodes."""
        self.total, self.tokens = total, 0
        self._begun, self._ended, self._scored = {}, {}, {}

    def begun(self, wanted: Wanted) -> None:
        self._begun[wanted.key] = None

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind in ("opened", "resumed"):
            self._begun[wanted.key] = str(event["episode"])
        if kind == "cost" and event.get("call") == "model":
            self.tokens += event.get("output_tokens") or 0

    def ended(self, ended: Ended) -> None:
        self._ended[ended.wanted.key] = ended

    def scored(self, scored: Scored) -> None:
        self._scored[scored.episode] = scored

    def found(self, prompts: Sequence[Prompt], group: int) -> Found:
        """Of these prompts."""
        episodes: list[str] = []
        missing: list[Missing] = []
        totals: list[float] = []
        validities: list[float] = []
        for wanted in all_wanted(prompts, group):
            episode, scored, why = self._of(wanted)
            if scored and scored.total is not None:
                episodes.append(scored.episode)
                totals.append(scored.total)
                validities += [] if (valid := scored.of("validity")) is None else [valid]
            else:
                prompt, member = wanted.prompt.id, wanted.member or 0
                missing.append(
                    Missing(prompt=prompt, member=member, episode=episode, why=why[:_MOST_WORDS])
                )
        return Found(tuple(episodes), tuple(missing), sum(totals), sum(validities), len(validities))

    def _of(self, wanted: Wanted) -> tuple[str | None, Scored | None, str]:
        """Its id, what it is worth, and why it has no worth."""
        ended = self._ended.get(wanted.key)
        if ended is None:
            begun = wanted.key in self._begun
            why = "it was not at its end" if begun else "its turn had not come"
            return self._begun.get(wanted.key), None, f"{why} by the deadline"
        scored = self._scored.get(ended.item.episode or "")
        why = scored.missing if scored else "it was not scored by the deadline"
        if ended.state == "failed":
            why = ended.item.message or "it failed"
        return ended.item.episode, scored, why


def collected(aside: Aside, ready: Prepared, order: Order, watch: Watch, deadline: float) -> None:
    """Collect until all is there, or the deadline has come: `watch` knows what there is then.

    Raises what `collect` does.
    """
    try:
        aside.run(_collected(ready, order, watch, deadline), deadline + GRACE + MORE, watch.tick)
    except Stuck:
        return  # what is there, is known


async def _collected(ready: Prepared, order: Order, watch: Watch, deadline: float) -> None:
    task = asyncio.ensure_future(collect(ready, order, watch))
    try:
        await asyncio.wait({task}, timeout=deadline)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
    if task.done() and not task.cancelled():
        task.result()
