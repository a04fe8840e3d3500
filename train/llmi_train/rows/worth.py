"""What an episode, and each of its repairs, was given, by the version of the reward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from llmi_agent.base.errors import InputError
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import Rewarded
from llmi_agent.records.events.reward import TOTAL
from llmi_agent.traces.trace import Trace
from llmi_train.rows.faults import BadTrace

Judges: TypeAlias = Mapping[str, frozenset[tuple[str, str]]]
"""By component, who judged it, and a digest of what was asked."""
_SHOWN = 8
_AGAIN = "score it again, or leave out such runs with --leave-out-bad"
MOST = 1e6
"""No reward is further from 0: such a number is a mistake, and its group's other members would all count as the same."""


@dataclass(frozen=True)
class Worth:
    """What one version of a reward gave."""

    total: float | None = None
    """None: it could not be given, or was not."""
    judges: Judges = field(default_factory=dict)
    slots: Mapping[int, float] = field(default_factory=dict)
    """Of the component for repairs, by slot."""
    calls: Mapping[str, float] = field(default_factory=dict)
    """The same by call."""

    def of_repair(self, call: str, slot: int | None) -> float | None:
        """What an answer was given: itself, else the slot that it is about."""
        if call in self.calls:
            return self.calls[call]
        return None if slot is None else self.slots.get(slot)


def worths(trace: Trace, repairs: str | None) -> dict[str, Worth]:
    """By the version, what was given to what the episode is now; of what was given again, the last.

    repairs: the component that is for repairs. Raises BadTrace for a value that is no number, or beyond `MOST`.
    """
    _check_read(trace)
    last: dict[tuple[str, str, str, str], list[Rewarded]] = {}
    for each in trace.rewards:
        if each.current:
            given = each.given
            key = given.profile, given.scope, given.about, given.component
            own = last.setdefault(key, [])
            own[:] = [e for e in own if (e.judge, e.rubric) != (given.judge, given.rubric)]
            own.append(given)
    by_version: dict[str, list[Rewarded]] = {}
    for (version, *_), given_ in last.items():
        by_version.setdefault(version, []).extend(given_)
    return {name: _worth(trace.episode, own, repairs) for name, own in by_version.items()}


def _check_read(trace: Trace) -> None:
    """Raises BadTrace for a reward that cannot be read, such as one whose value is text."""
    given = [each for each in trace.records if each.kind == Rewarded.type]
    if len(given) == len(trace.rewards):
        return
    for each in given:
        try:
            [*events_of([each], strict=True)]
        except InputError as error:
            said = f"its reward {each.key[:60]!r} cannot be read: {error}"
            raise BadTrace(trace.episode, "a reward that is none", said, _AGAIN) from None


def _worth(episode: str, given: Iterable[Rewarded], repairs: str | None) -> Worth:
    total: float | None = None
    judges: dict[str, set[tuple[str, str]]] = {}
    slots, calls = dict[int, float](), dict[str, float]()
    for each in given:
        if each.value is not None and not abs(each.value) <= MOST:
            said = f"its reward {each.component[:60]!r} is {each.value:g}, and rewards are numbers from {-MOST:,.0f} to {MOST:,.0f}"
            raise BadTrace(episode, "a reward that is none", said, _AGAIN)
        if is_total(each):
            total = each.value
        if each.value is None:
            continue
        if each.judge or each.rubric:
            judges.setdefault(each.component, set()).add((each.judge, each.rubric))
        if each.component == repairs and each.scope == "slot" and each.about.isdecimal():
            slots[int(each.about)] = each.value
        if each.component == repairs and each.scope == "call":
            calls[each.about] = each.value
    named = {component: frozenset(own) for component, own in judges.items()}
    return Worth(total, named, slots, calls)


def is_total(given: Rewarded) -> bool:
    """Whether it is of the whole episode."""
    return (given.scope, given.component) == ("episode", TOTAL)


def is_meant(version: str, asked: str | None) -> bool:
    """Whether a version is the one that was asked for, by its name or as a whole."""
    return asked is None or version == asked or version.partition("@")[0] == asked


def version_of(found: Mapping[str, Sequence[str]], asked: str | None) -> str:
    """The one version that is meant. found: of each, the episodes that it gave a total. Raises InputError if it is unclear."""
    meant = {name: own for name, own in found.items() if is_meant(name, asked)}
    if asked in meant:
        return str(asked)
    if len(meant) == 1:
        return next(iter(meant))
    if meant:
        way = "name one with --profile; what different versions give is never compared"
        raise InputError(f"{len(meant)} versions of rewards are on record: {_listed(meant)}; {way}")
    raise InputError(f"nothing was scored by {asked!r}; on record are {_listed(found)}")


def version_of_repairs(
    found: Iterable[Mapping[str, Worth]], version: str, asked: str, components: Iterable[str]
) -> str:
    """The one whose component `asked` scores repairs: that of the total, else the only one that does.

    found: what episodes were given. components: what there is of slots and calls. Raises InputError if it is unclear.
    """
    own = {name for each in found for name, worth in each.items() if worth.slots or worth.calls}
    if version in own or len(own) == 1:
        return version if version in own else own.pop()
    if own:
        names = ", ".join(sorted(own))
        raise InputError(
            f"{asked!r} was given by {names}, and not by {version}, which gave the totals"
        )
    known = ", ".join(sorted(components)[:_SHOWN]) or "nothing"
    raise InputError(f"no slot and no call was scored by {asked!r}; what they were given: {known}")


def _listed(found: Mapping[str, Sequence[str]]) -> str:
    """With how many episodes each gave a total, and one of them."""
    names = sorted(found, key=lambda each: (-len(found[each]), each))
    words = [
        f"{name or '(without a name)'} ({len(found[name])}, as the run {min(found[name])})"
        for name in names[:_SHOWN]
    ]
    return ", ".join(words) + (", …" if len(names) > _SHOWN else "")
