"""What a list of many episodes shows of each and finds it by: the columns of the table `episodes`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from llmi_agent.base.errors import InputError
from llmi_agent.contract.tool import REASONS, Failed
from llmi_agent.records.events import CallStarted, Event, Halted, Opened, Resumed
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Dropped

STATES = ("done", "halted", "open", "unreadable")
FAILURES = (*REASONS, "model")
_LARGEST = 2**63 - 1
PROMPT = 200
"""Characters of a prompt that are shown and found."""


class Overview(NamedTuple):
    """One episode. Its columns stand in the order of these fields."""

    episode: str
    began: float
    """Seconds since the epoch."""
    last: float
    """When its last record was made, rewards aside."""
    state: str
    """`done`; `halted`: its last life said why it ended without a document; `open`: it goes on, or was cut; `unreadable`."""
    drafted: int
    """1: the draft is complete; else 0."""
    model: str
    """The one that was asked first."""
    prompt: str
    """Its first `PROMPT` characters; of an unreadable one, why it cannot be read."""
    grp: str
    """The id of its group; empty if it has none."""
    member: int | None
    split: str
    graph: str
    setup: str
    parent: str
    out: str | None
    """The folder of its files, as an absolute path."""
    slots: int
    kept: int
    missing: int
    settled: int
    """Slots with a verdict."""
    kinds: str
    """Those of its slots, each between commas: `,code,search,`."""
    failures: str
    """Reasons of calls that failed and of slots that are missing, between commas; `model` if a model's answer was not accepted."""
    calls: int
    """Of tools; those whose result was found on record are none."""
    model_calls: int
    input_tokens: int | None
    output_tokens: int | None
    """As far as vendors counted; None if none did."""
    sampled: int
    """Calls of models whose tokens are on record."""
    usd: float
    """Known and estimated costs: at least this much, if `unknown` is not 0."""
    unknown: int
    """Calls of unknown cost."""
    reward: float | None
    """The last total of the whole episode; None if it has gone on since."""
    stale: int
    """1: it went on while it was read: the rest holds for a moment ago."""
    number: int = 0
    """Its place in the file: those that came later have higher ones."""


_CURRENT = """status = 'ok' AND NOT EXISTS (
    SELECT 1 FROM records WHERE records.episode = rewards.episode AND id > record AND kind != 'rewarded'
)"""
"""Of `rewards`: what was given, and to what there is now. `Trace.rewards` decides the same."""
LAST_TOTAL = f"""(
    SELECT value FROM rewards WHERE rewards.episode = ? AND component = 'total' AND scope = 'episode'
    AND {_CURRENT} ORDER BY record DESC LIMIT 1
)"""
"""What the whole of an episode, as it is now, was given last."""
_COMPONENT = f"""EXISTS (
    SELECT 1 FROM rewards WHERE rewards.episode = episodes.episode AND component = ? AND {_CURRENT} AND NOT EXISTS (
        SELECT 1 FROM rewards AS later WHERE later.episode = rewards.episode AND later.component = rewards.component
        AND later.scope = rewards.scope AND later.about = rewards.about AND later.status = 'ok'
        AND later.record > rewards.record
    ){{bounds}}
)"""
"""It, one of its slots or one of its calls, as they are now, was last given such a value."""


@dataclass(frozen=True)
class Chosen:
    """Which episodes are meant: those that fit all that is given. Raises InputError for a state or a failure that there is not."""

    since: float | None = None
    """It began then, or later: seconds since the epoch."""
    until: float | None = None
    """It began before."""
    model: str = ""
    """A part of the model's name, in small or capital letters."""
    kind: str = ""
    """One of its slots is of this kind."""
    failure: str = ""
    """One of `FAILURES`: the reason of a failure, or `model`."""
    state: str = ""
    """One of `STATES`."""
    split: str | None = None
    group: str = ""
    text: str = ""
    """A part of the prompt's first `PROMPT` characters, in small or capital letters."""
    rewarded: bool | None = None
    """Whether it has a reward, of whatever scope; what was given before it went on is none, here and below."""
    component: str = ""
    """It has a reward of this component: `total` as a whole, others in any scope; empty means `total` in `least` and `most`."""
    least: float | None = None
    most: float | None = None
    """What the last reward of that component is between: that of the episode, of a slot, or of a call."""
    episode: str = ""
    """The start of its id."""

    def __post_init__(self) -> None:
        for what, given, all_ in (
            ("state", self.state, STATES),
            ("failure", self.failure, FAILURES),
        ):
            if given and given not in all_:
                raise InputError(f"there is no {what} {given!r}; there are {', '.join(all_)}")

    @property
    def plain(self) -> bool:
        """Whether it asks for nothing that has to be worked out of records."""
        return self == self.sure

    @property
    def sure(self) -> Chosen:
        """What it asks for beside that."""
        return Chosen(since=self.since, until=self.until, episode=self.episode)

    def conditions(self) -> tuple[str, list[Any]]:
        """As SQL on `episodes`, and its values."""
        found = list(self._conditions())
        return " AND ".join(sql for sql, _ in found) or "true", [v for _, vs in found for v in vs]

    def _conditions(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for sql, value in (
            ("began >= ?", self.since),
            ("began < ?", self.until),
            ("state = ?", self.state or None),
            ("split = ?", self.split),
            ("grp = ?", self.group or None),
            ("instr(lower(model), ?)", _lower(self.model) or None),
            ("instr(lower(prompt), ?)", _lower(self.text) or None),
            ("instr(kinds, ?)", f",{self.kind}," if self.kind else None),
            ("instr(failures, ?)", f",{self.failure}," if self.failure else None),
        ):
            if value is not None:
                yield sql, (_storable(value),)
        if self.episode:
            yield "episode >= ? AND episode < ?", (self.episode, self.episode + chr(sys.maxunicode))
        yield from self._of_rewards()

    def _of_rewards(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        if self.rewarded is not None:
            own = f"EXISTS (SELECT 1 FROM rewards WHERE rewards.episode = episodes.episode AND {_CURRENT})"
            yield own if self.rewarded else f"NOT {own}", ()
        bounds = [
            (sign, bound)
            for sign, bound in ((">=", self.least), ("<=", self.most))
            if bound is not None
        ]
        if self.component not in ("", "total"):
            within = "".join(f" AND value {sign} ?" for sign, _ in bounds)
            values = (_storable(self.component), *(bound for _, bound in bounds))
            yield _COMPONENT.format(bounds=within), values
            return
        if self.component:
            yield "reward IS NOT NULL", ()
        for sign, bound in bounds:
            yield f"reward {sign} ?", (bound,)


EVERY = Chosen()


class Tally:
    """What an overview says of an episode's events that is not in `Known`."""

    def __init__(self) -> None:
        self.calls = 0
        self.sampled = 0
        """Records with the tokens of a model's answer."""
        self.halted = False

    def take(self, event: Event) -> None:
        """In their order."""
        match event:
            case CallStarted():
                self.calls += not event.cached
            case Halted():
                self.halted = True
            case Opened() | Resumed():
                self.halted = False


def summary(known: Known, tally: Tally) -> dict[str, Any]:
    """The columns that are worked out of an episode's records."""
    if known.opened is None:
        return unreadable("its beginning is not on record")
    state = "done" if known.composed else "halted" if tally.halted else "open"
    told = {"state": state, "calls": tally.calls, "sampled": tally.sampled}
    found = {**told, **_about(known), **_of_slots(known), **_of_calls(known)}
    return {name: _storable(value) for name, value in found.items()}


def unreadable(why: str) -> dict[str, Any]:
    """The columns of an episode whose records cannot be read."""
    nothing = Known([Opened(prompt=f"({why})", model="-")])
    return {**summary(nothing, Tally()), "state": "unreadable", "out": None}


def _about(known: Known) -> dict[str, Any]:
    opened = known.opened
    assert opened is not None, "a summary is of one that was opened"
    return {
        "drafted": known.draft is not None,
        "model": opened.model,
        "prompt": opened.prompt[:PROMPT],
        "grp": opened.group,
        "member": opened.member,
        "split": opened.split,
        "graph": opened.graph,
        "setup": opened.setup,
        "parent": opened.parent,
    }


def _of_slots(known: Known) -> dict[str, Any]:
    verdicts = [each.verdict for each in known.settled.values()]
    missing = [each.reason for each in verdicts if isinstance(each, Dropped)]
    outcomes = (each.outcome for each in known.ended.values())
    failed = [each.reason for each in outcomes if isinstance(each, Failed)]
    refused = ["model"] if any(not each.accepted for each in known.answered.values()) else []
    return {
        "slots": len(known.planned),
        "kept": len(verdicts) - len(missing),
        "missing": len(missing),
        "settled": len(verdicts),
        "kinds": _set(each.kind for each in known.planned.values() if each.kind),
        "failures": _set([*missing, *failed, *refused]),
    }


def _of_calls(known: Known) -> dict[str, Any]:
    answers = known.answered.values()
    return {
        "model_calls": len(known.asked),
        "input_tokens": _sum(each.input_tokens for each in answers),
        "output_tokens": _sum(each.output_tokens for each in answers),
        "usd": known.costs.usd,
        "unknown": known.costs.unknown,
    }


def _lower(text: str) -> str:
    """As SQLite's `lower`."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def _storable(value: Any) -> Any:
    """What vendors and users say as SQLite can have it: half a surrogate pair is no text, and whole numbers have an end."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return min(value, _LARGEST) if isinstance(value, int) else value


def _set(words: Iterable[str]) -> str:
    return "".join(f",{word}" for word in sorted(set(words))) + ","


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
