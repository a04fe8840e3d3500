"""Homes with episodes that are written record by record, so that each may be as good or as bad as a test wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import (
    Composed,
    DraftRead,
    Event,
    Message,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
    Rewarded,
    SlotPlanned,
    SlotSettled,
    Tokens,
)
from llmi_agent.records.journal import Journal
from llmi_agent.records.outcome import Dropped
from llmi_train.rows.gathering import Gathered

SAMPLING: Mapping[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "n": 1,
    "logprobs": True,
    "return_token_ids": True,
    "seed": 7,
}
PROMPT = (1, 2, 3)
DRAFT = (10, 11, 12, 99)
"""99 ends a turn."""
NEXT = (4, 5)
"""What stands between an answer and the next one."""
PROFILE = "llmi@1"


@dataclass(frozen=True)
class Call:
    """A call of the policy."""

    completion: Sequence[int] = DRAFT
    prompt: Sequence[int] | None = PROMPT
    logprobs: Sequence[float] | None = None
    """Where left out, -0.1, -0.2, ..."""
    lacking: bool = False
    """There are no logprobs."""
    tokens: bool = True
    mode: str = "processed_logprobs"
    purpose: str = "draft"
    slot: int | None = None
    attempt: int = 0
    after: Sequence[int] = ()
    """The calls, by their numbers, whose answers it was shown."""
    sampling: Mapping[str, Any] = field(default_factory=lambda: SAMPLING)
    model: str = "vllm/fox"
    weights: str = "w1"
    text: str = "# A fox"
    raw: str | None = None
    reasoning: str = ""
    finish: str = "stop"
    cut: str = ""
    accepted: bool = True
    withheld: bool = False
    language_model: bool = True
    asked: Any = "A fox."

    @property
    def numbers(self) -> tuple[float, ...] | None:
        if self.lacking:
            return None
        if self.logprobs is not None:
            return tuple(self.logprobs)
        return tuple(-0.1 * n for n in range(1, len(self.completion) + 1))

    def events(self, number: int) -> list[Event]:
        """It, as the call of this number."""
        asked = Message.of({"type": "human", "data": {"content": self.asked}})
        shown = [f"model-{each}" for each in self.after]
        tokens = Tokens(
            completion=tuple(self.completion),
            prompt=None if self.prompt is None else tuple(self.prompt),
            logprobs=self.numbers,
            mode=self.mode,
            pieces=((len(self.completion), len(self.text)),),
        )
        name = f"model-{number}"
        return [
            asked,
            ModelStarted(
                call=name,
                purpose=self.purpose,
                model=self.model,
                messages=(asked.digest, *shown),
                sampling=dict(self.sampling),
                slot=self.slot,
                attempt=self.attempt,
                parent=shown[0] if shown else "",
                language_model=self.language_model,
            ),
            ModelText(call=name, start=0, text=self.text),
            ModelEnded(
                call=name,
                accepted=self.accepted,
                finish_reason=self.finish,
                cut=self.cut,
                raw=self.raw,
                reasoning=self.reasoning,
                withheld=self.withheld,
                weights=self.weights,
                tokens=tokens if self.tokens else None,
            ),
        ]


def repair(
    completion: Sequence[int],
    prompt: Sequence[int],
    after: Sequence[int] = (0,),
    slot: int = 0,
    **given: Any,
) -> Call:
    """A call that repairs a slot, having been shown these answers."""
    return Call(completion, prompt, purpose="repair", slot=slot, after=after, **given)


def total(value: float | None, profile: str = PROFILE, **given: Any) -> Rewarded:
    """What an episode is worth."""
    return Rewarded(
        value=value, profile=profile, status="error" if value is None else "ok", **given
    )


def slot_reward(value: float, slot: int = 0, component: str = "mended", **given: Any) -> Rewarded:
    """What a slot is worth."""
    own = {"profile": PROFILE, "scope": "slot", "about": str(slot), **given}
    return Rewarded(component=component, value=value, **own)


@dataclass
class Home:
    """A journal below a folder."""

    root: Path
    written: int = 0

    @property
    def journal(self) -> Journal:
        (self.root / "artifacts").mkdir(parents=True, exist_ok=True)
        return Journal(self.root / "artifacts" / "journal.db")

    def episode(
        self,
        name: str,
        *calls: Call,
        reward: float | None = None,
        rewards: Sequence[Rewarded] = (),
        group: str = "g",
        member: int | None = None,
        done: bool = True,
        after: Sequence[Event] = (),
        **opened: Any,
    ) -> str:
        """One episode; the first of its calls is its draft. after: what comes after the document."""
        self.written += 1
        own = {"setup": "s1", "model": "vllm/fox", "split": "train", "seed": self.written, **opened}
        number = self.written if member is None else member
        events: list[Event] = [Opened(prompt="A fox.", group=group, member=number, **own)]
        for place, call in enumerate(calls or (Call(),)):
            events += call.events(place)
        missing = Dropped(reason="quota", message="no more")
        events += [
            SlotPlanned(slot=0, origin="o", span=(0, 5), kind="search"),
            DraftRead(texts=((5, 7),)),
            SlotSettled(slot=0, origin="o", verdict=missing),
        ]
        events += [Composed(title="A fox")] if done else []
        given = [total(reward)] if reward is not None else []
        events += [*given, *rewards, *after]
        self.journal.write(name, *map(entry_of, events))
        return name

    def pair(self, *, group: str = "good") -> None:
        """Two good episodes of one group."""
        self.episode(f"{group}-one", reward=0.2, group=group, member=0)
        self.episode(f"{group}-two", reward=0.8, group=group, member=1)


def by_episode(gathered: Gathered) -> dict[str, float]:
    """The advantage of each draft."""
    return {
        row.segment.episode: float(row.advantages[0])
        for row in gathered.rows
        if row.segment.purpose == "draft"
    }
