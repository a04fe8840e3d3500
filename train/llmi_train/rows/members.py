"""A member of a group: what is kept of its episode until the group is complete, and what it is compared by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmi_agent.config.options import ASIDE
from llmi_agent.records.events import Opened, Resumed
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import Trace
from llmi_train.rows.faults import MixedGroup
from llmi_train.rows.joining import Joined
from llmi_train.rows.pictures import Picture
from llmi_train.rows.worth import Worth

_SHOWN = 60
NOTHING = Worth()


@dataclass(frozen=True)
class Machine:
    """What wrote an episode, in all its lives."""

    setups: tuple[str, ...]
    parts: Mapping[str, Any] = field(compare=False)
    """What setups are made of, to say in what two of them differ."""

    @classmethod
    def of(cls, trace: Trace) -> Machine:
        lives = [each for _, each in trace.events if isinstance(each, Opened | Resumed)]
        last = lives[-1]
        parts = {"llmi": last.llmi, **last.bindings, **last.options}
        told = {name: value for name, value in parts.items() if name not in ASIDE}
        return cls(tuple(dict.fromkeys(each.setup for each in lives)), told)

    def differs(self, other: Machine) -> str:
        """In what, in a clause."""
        if len(self.setups) != len(other.setups):
            return "were not gone on with by the same machine (setup)"
        names = sorted(self.parts.keys() | other.parts.keys())
        for name in names:
            one, two = self.parts.get(name), other.parts.get(name)
            if one != two:
                return f"were made by different machines ({name}: {_short(one)} and {_short(two)})"
        return f"were made by different machines (setup {self.setups[0]} and {other.setups[0]})"


@dataclass(frozen=True)
class Identity:
    """What the members of a group have in common. Two that differ in it are not to be compared."""

    prompt: str
    """A digest of what was asked for, with all files, pictures and earlier turns; and of what is demanded of it."""
    read: str
    """A digest of the ids that the draft was written to."""
    model: str
    weights: str
    sampling: str
    """All that was sent of it, but for the seed, as JSON."""
    machine: Machine

    @classmethod
    def of(
        cls, trace: Trace, draft: ModelCall, read: bytes, shown: Sequence[Picture] = ()
    ) -> Identity:
        """read: the ids of the draft's prompt. shown: its pictures."""
        opened = trace.opened
        files = [[each.name, each.digest] for each in opened.attachments]
        pictures = [each.digest for each in opened.inputs]
        demand = repr(opened.demand)
        asked = [opened.prompt, files, pictures, list(opened.earlier), demand]
        sampling = {name: value for name, value in draft.sampling.items() if name != "seed"}
        return cls(
            _digest(json.dumps(asked).encode()),
            _digest(read + "".join(each.digest for each in shown).encode()),
            draft.model,
            draft.weights,
            json.dumps(sampling, sort_keys=True),
            Machine.of(trace),
        )

    def differs(self, other: Identity) -> str:
        """In what they differ, in a clause; empty if in nothing."""
        if self.prompt != other.prompt:
            return "were not asked the same"
        if self.model != other.model:
            return f"were written by different models ({self.model} and {other.model})"
        if self.weights != other.weights:
            return f"were written by different weights ({_short(self.weights)} and {_short(other.weights)})"
        if self.sampling != other.sampling:
            return f"were sampled differently ({_difference(self.sampling, other.sampling)})"
        if self.machine != other.machine:
            return self.machine.differs(other.machine)
        return "read the same prompt in different tokens" if self.read != other.read else ""


@dataclass(frozen=True)
class Member:
    """An episode of a group that has a draft, and a reward."""

    episode: str
    group: str
    number: int
    split: str
    identity: Identity
    worths: Mapping[str, Worth]
    """By the version of the reward."""
    segments: tuple[Joined, ...]
    asked: str
    """A digest of its prompt: the same of texts that count as the same."""

    def worth(self, version: str) -> Worth:
        """What this version of a reward gave; nothing, if it gave nothing."""
        return self.worths.get(version, NOTHING)

    @property
    def place(self) -> tuple[int, str]:
        """By which members of a group are sorted: wherever they were read, the order is the same."""
        return self.number, self.episode


def mixed(members: Sequence[Member], versions: Iterable[str]) -> MixedGroup | None:
    """What is wrong with a group, if it is mixed. versions: those of rewards whose judges count."""
    for version in dict.fromkeys(versions):
        if found := next(_mixed(members, version), None):
            return found
    return None


def _mixed(members: Sequence[Member], version: str) -> Iterator[MixedGroup]:
    judged: dict[str, tuple[str, frozenset[tuple[str, str]]]] = {}
    for each in members:
        first = members[0]
        if found := first.identity.differs(each.identity):
            yield MixedGroup(first.group, first.episode, each.episode, found)
        for component, judges in each.worth(version).judges.items():
            one, known = judged.setdefault(component, (each.episode, judges))
            if known != judges:
                said = (
                    f"were judged differently in {component} ({_named(known)} and {_named(judges)})"
                )
                yield MixedGroup(first.group, one, each.episode, said)


def judges_of(members: Iterable[Member], version: str) -> dict[str, list[str]]:
    """By component, who judged it by which rubric, in words."""
    found: dict[str, set[tuple[str, str]]] = {}
    for each in members:
        for component, judges in each.worth(version).judges.items():
            found.setdefault(component, set()).update(judges)
    return {
        component: [_named(frozenset({each})) for each in sorted(own)]
        for component, own in sorted(found.items())
    }


def _named(judges: frozenset[tuple[str, str]]) -> str:
    return " + ".join(
        f"{_short(judge) if judge else 'a program'} by the rubric {rubric[:12] or '(none)'}"
        for judge, rubric in sorted(judges)
    )


def _difference(one: str, other: str) -> str:
    first, second = json.loads(one), json.loads(other)
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            return f"{name}: {_short(first.get(name, 'unset'))} and {_short(second.get(name, 'unset'))}"
    return "in what order the fields were sent"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _short(value: object) -> str:
    text = str(value)
    return text[:_SHOWN] if text else "unknown"
