"""From a place with traces to the rows that a policy is trained on: the one way there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmi_agent.base.errors import InputError
from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import EVERY, traces
from llmi_agent.traces.places import Place
from llmi_agent.traces.trace import Trace
from llmi_train.rows.advantages import rows_of_group
from llmi_train.rows.faults import BadTrace, NothingToTrain
from llmi_train.rows.members import Member, judges_of, mixed
from llmi_train.rows.nothing import no_run
from llmi_train.rows.reading import OTHER_WAYS, Rules
from llmi_train.rows.report import Report, figures
from llmi_train.rows.row import Row
from llmi_train.rows.shelf import Recorded, Shelf
from llmi_train.rows.taking import OTHER_REWARD, Taking, Wanted
from llmi_train.rows.worth import version_of, version_of_repairs

MOST_DRIFT = 0.1
"""The share of calls that go on from an earlier one whose tokens may differ from it."""
NOT_TAUGHT = "nothing in it to learn from"
LONE = "a group with fewer than two rewards"
EQUAL = "a group with rewards that are all the same"


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a policy is trained on."""

    rows: tuple[Row, ...]
    """A group's side by side, by the ids of groups and the numbers of members."""
    report: Report
    shelf: Shelf = field(repr=False)
    asked: frozenset[str] = field(repr=False)
    """Digests of the prompts (`llmi_train.prompts.text.digest_of`)."""

    @property
    def temperature(self) -> float:
        """At what all of it was sampled."""
        return self.report.temperature

    def recorded(self, row: Row) -> tuple[Recorded, ...]:
        """The calls of a row as they are on record, read from disk."""
        kept = self.shelf.of(row.segment.episode)
        return tuple(kept[call] for call in row.segment.calls)


def rows_of(
    place: Place,
    *,
    chosen: Chosen = EVERY,
    profile: str | None = None,
    temperature: float | None = None,
    split: str | None = None,
    longest: int | None = None,
    repairs: str | None = None,
    leave_out_bad: bool = False,
    trust_unstated: bool = False,
    sees: bool = False,
    most_drift: float = MOST_DRIFT,
    tell: Callable[[int], object] = lambda _: None,
) -> Gathered:
    """The rows of all groups at a place, each with its advantage within its group; the same rows wherever a trace was read.

    place, chosen: as for `llmi_agent.traces.traces`.
    profile: the reward, by its name (`llmi`) or whole version (`llmi@...`); None: the only one on record.
    temperature: the one that all must have been sampled at; None: the only one on record.
    split: the only one to be read; None: all but those whose name says that they are held out (`HELD_OUT`).
    longest: the most tokens, prompt and completion together, of a row.
    repairs: the component of slots or calls by which repairs are trained on; None: they are not.
    leave_out_bad: what cannot be trained on is left out and counted, and is no error; of a mixed group, all of it.
    trust_unstated: what is not on record of how a call was sampled is taken to be neutral.
    sees: the policy is shown pictures; one that is not cannot be trained on what it was asked with them.
    most_drift: as `MOST_DRIFT`; where repairs are trained on, more than that is an error.
    tell: gets how many episodes were read, after each.

    Raises BadTrace (an InputError) for the first trace that cannot be trained on, MixedGroup for a group, NothingToTrain if
    nothing is left, and InputError where it is unclear what is meant.
    """
    wanted = Wanted(profile, split, longest, repairs, Rules(temperature, trust_unstated, sees))
    gathering = _Gathering(wanted, leave_out_bad, most_drift)
    for number, trace in enumerate(traces(place, chosen), 1):
        gathering.take(trace)
        tell(number)
    if not gathering.read:
        raise no_run(place, chosen)
    return gathering.done()


class _Gathering:
    """Takes trace by trace, and makes rows of them when there are no more."""

    def __init__(self, wanted: Wanted, leave_out_bad: bool, most_drift: float) -> None:
        self._wanted, self._leave_out_bad, self._most_drift = wanted, leave_out_bad, most_drift
        self.read = 0
        self._taking = Taking(wanted)
        self._groups: dict[str, list[Member]] = {}
        self._left_out: Counter[str] = Counter()
        self._groups_left_out: Counter[str] = Counter()

    def take(self, trace: Trace) -> None:
        """One more. Raises BadTrace if it cannot be trained on, and is not to be left out."""
        self.read += 1
        try:
            found = self._taking.member(trace)
        except BadTrace as error:
            if not self._leave_out_bad:
                raise
            found = error.reason
        if isinstance(found, str):
            self._left_out[found] += 1
        else:
            self._groups.setdefault(found.group, []).append(found)

    def done(self) -> Gathered:
        """The rows. Raises InputError as `rows_of` says."""
        versions = self._taking.versions
        version = version_of(versions, self._wanted.profile) if versions else ""
        if not self._groups:
            raise self._nothing()
        temperature = self._temperature()
        self._check_drift()
        repairs = self._version_of_repairs(version)
        rows: list[Row] = []
        for _, own in sorted(self._groups.items()):
            rows += self._of_group(own, version, repairs)
        if not rows:
            raise self._nothing()
        used = {each.segment.episode for each in rows}
        members = [e for own in self._groups.values() for e in own if e.episode in used]
        report = self._report(rows, members, version, temperature)
        asked = frozenset(each.asked for each in members)
        return Gathered(tuple(rows), report, self._taking.shelf, asked)

    def _version_of_repairs(self, version: str) -> str | None:
        asked = self._wanted.repairs
        if asked is None:
            return None
        found = (each.worths for own in self._groups.values() for each in own)
        return version_of_repairs(found, version, asked, self._taking.components)

    def _of_group(self, members: list[Member], version: str, repairs: str | None) -> list[Row]:
        scored = (each for each in members if each.worth(version).total is not None)
        own = sorted(scored, key=lambda each: each.place)
        self._left_out[OTHER_REWARD] += len(members) - len(own)
        if found := mixed(own, (version, repairs or version)):
            if not self._leave_out_bad:
                raise found
            return self._without(own, found.reason)
        rows = rows_of_group(own, version, repairs)
        if not rows:
            return self._without(own, LONE if len(own) < 2 else EQUAL)
        used = {each.segment.episode for each in rows}
        self._left_out[NOT_TAUGHT] += len(own) - len(used)
        return rows

    def _without(self, members: Sequence[Member], why: str) -> list[Row]:
        if members:
            self._groups_left_out[why] += 1
            self._left_out[why] += len(members)
        return []

    def _temperature(self) -> float:
        """The one of all. Raises InputError if there are several."""
        found: dict[float, str] = {}
        for each in (each for own in self._groups.values() for each in own):
            for part in (part for own in each.segments for part in own.parts):
                found.setdefault(part.temperature, each.episode)
        if len(found) > 1:
            named = ", ".join(f"{t:g} (as the run {name})" for t, name in sorted(found.items()))
            raise InputError(
                f"the traces were sampled at {len(found)} temperatures: {named}; choose one of them with --temperature"
            )
        return next(iter(found))

    def _check_drift(self) -> None:
        """Raises InputError if too many calls have other tokens than those that they go on from."""
        drift, all_ = self._taking.hows["drift"], self._taking.hows.total()
        most = self._most_drift
        if self._wanted.repairs and drift > most * all_:
            raise InputError(
                f"{drift} of {all_} repairs read other tokens for what was sampled before them, more than {most:.0%}, first in the run "
                f"{self._taking.drifting}: the server tokenises earlier answers again from their text. Serve a chat template that keeps them as they are, train without "
                "--repairs, or allow more with --most-drift"
            )

    def _report(
        self, rows: Sequence[Row], members: Sequence[Member], version: str, temperature: float
    ) -> Report:
        return Report(
            read=self.read,
            left_out=_counted(self._left_out),
            groups_left_out=_counted(self._groups_left_out),
            same_numbers=sum(_same_numbers(own) for own in self._groups.values()),
            begun_anew=self._taking.begun_anew,
            merged=self._taking.hows["merged"],
            branches=self._taking.hows["branch"],
            forks=self._taking.hows["fork"],
            drift=self._taking.hows["drift"],
            temperature=temperature,
            profile=version,
            models=_counted(Counter(each.identity.model for each in members)),
            weights=_counted(Counter(each.identity.weights for each in members)),
            splits=_counted(Counter(each.split for each in members)),
            judges=judges_of(members, version),
            **figures(rows),
        )

    def _nothing(self) -> NothingToTrain:
        why = ", ".join(f"{name}: {count}" for name, count in self._left_out.most_common() if count)
        said = f"none of the {self.read} runs there can be trained on; left out are, by the reason: {why}"
        if self._taking.logprobs == {False}:
            said += f"; and none of them has logprobs of what was sampled: {OTHER_WAYS}"
        return NothingToTrain(said, _counted(self._left_out))


def _same_numbers(members: Sequence[Member]) -> bool:
    """Whether several have one number; those without any do not count."""
    numbers = [each.number for each in members if each.number >= 0]
    return len({*numbers}) < len(numbers)


def _counted(found: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(found.items()) if count}
