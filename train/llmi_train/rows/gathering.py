"""From a place with traces to the rows that a policy is trained on: the one way there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from llmi_agent.base.errors import InputError
from llmi_agent.models.ending import meant
from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import EVERY, traces
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.places import Place
from llmi_agent.traces.trace import Trace
from llmi_train.rows.advantages import rows_of_group
from llmi_train.rows.faults import BadTrace, MixedGroup, NothingToTrain
from llmi_train.rows.joining import How, Joined, joined
from llmi_train.rows.members import Identity, Member, mixed
from llmi_train.rows.reading import Drawn, Rules, draft_of, drawn, read_only, repairs_of
from llmi_train.rows.report import Report, figures
from llmi_train.rows.row import Ids, Row
from llmi_train.rows.shelf import Recorded, Shelf
from llmi_train.rows.worth import Worth, is_meant, version_of, worths

MOST_DRIFT = 0.1
"""The share of calls that go on from an earlier one whose tokens may differ from it."""
HELD_OUT = frozenset(
    "test val valid validation dev eval evaluation heldout holdout held hold".split()
)
"""Words in the name of a split that is not for training."""
NO_GROUP = "no group (collect with --group)"
NO_REWARD = "no reward"
OUTDATED = "a reward from before it went on (score it again)"
OTHER_REWARD = "no reward of this version"
NO_DRAFT = "no draft of a model that was taken"
BROKEN_OFF = "a draft that broke off"
NOT_TAUGHT = "nothing in it to learn from"
LONE, EQUAL = "fewer than two rewards", "rewards that are all the same"


@dataclass(frozen=True)
class Wanted:
    """Which traces, and how; as `rows_of` says."""

    profile: str | None
    split: str | None
    longest: int | None
    repairs: str | None
    leave_out_bad: bool
    most_drift: float
    rules: Rules


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a policy is trained on."""

    rows: tuple[Row, ...]
    """A group's side by side, by the ids of groups and the numbers of members."""
    report: Report
    shelf: Shelf = field(repr=False)

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
    most_drift: as `MOST_DRIFT`; where repairs are trained on, more than that is an error.
    tell: gets how many episodes were read, after each.

    Raises BadTrace (an InputError) for the first trace that cannot be trained on, MixedGroup for a group, NothingToTrain if
    nothing is left, and InputError where it is unclear what is meant.
    """
    rules = Rules(temperature, trust_unstated)
    wanted = Wanted(profile, split, longest, repairs, leave_out_bad, most_drift, rules)
    gathering = _Gathering(wanted)
    for number, trace in enumerate(traces(place, chosen), 1):
        gathering.take(trace)
        tell(number)
    return gathering.done()


class _Gathering:
    """Takes trace by trace, and keeps of each what its rows are made of."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._read = 0
        self._left_out: Counter[str] = Counter()
        self._groups: dict[str, list[Member]] = {}
        self._groups_left_out: Counter[str] = Counter()
        self._hows: Counter[How] = Counter()
        self._begun_anew = 0
        self._shelf = Shelf()
        self._prompts: dict[str, Ids] = {}
        """By their digests: members of a group share theirs."""

    def take(self, trace: Trace) -> None:
        """One more. Raises BadTrace if it cannot be trained on."""
        self._read += 1
        try:
            self._left_out.update([why] if (why := self._taken(trace)) else [])
        except BadTrace as error:
            if not self._wanted.leave_out_bad:
                raise
            self._left_out[error.reason] += 1

    def _taken(self, trace: Trace) -> str:
        """Why it is left out; empty if it is not."""
        try:
            opened, state = trace.opened, trace.state
        except InputError as error:
            raise _unreadable(trace.episode, error) from None
        if is_other_split(opened.split, self._wanted.split):
            return f"the split {opened.split or '(none)'}"
        if not opened.group:
            return NO_GROUP
        if state == "open":
            raise _open(trace.episode)
        given = worths(trace, self._wanted.repairs)
        scored = {name: own for name, own in given.items() if own.total is not None}
        if not any(is_meant(name, self._wanted.profile) for name in scored):
            outdated = not given and trace.rewards
            return OUTDATED if outdated else OTHER_REWARD if scored else NO_REWARD
        draft = draft_of(trace)
        if draft is None:
            return NO_DRAFT
        if draft.cut and not meant(draft.finish_reason):
            return BROKEN_OFF
        self._put(trace, draft, given)
        return ""

    def _put(self, trace: Trace, draft: ModelCall, given: Mapping[str, Worth]) -> None:
        first = drawn(trace, draft, self._wanted.rules)
        segments = self._segments(trace, first)
        identity = Identity.of(trace, draft, first.prompt.tobytes())
        read = self._prompts.setdefault(identity.read, first.prompt)
        number = -1 if trace.member is None else trace.member
        about = trace.episode, trace.group, number, trace.split
        own = [replace(segments[0], prompt=read), *segments[1:]]
        member = Member(*about, identity, given, tuple(own), first.temperature)
        self._groups.setdefault(trace.group, []).append(member)
        self._begun_anew += sum(each.purpose == "draft" for each in trace.calls) - 1

    def _segments(self, trace: Trace, first: Drawn) -> list[Joined]:
        wanted = self._wanted
        repairs = repairs_of(trace, first.call)
        if wanted.repairs:
            calls = [first, *(drawn(trace, each, wanted.rules) for each in repairs)]
        else:
            seen = (read_only(trace, each) for each in repairs)
            calls = [first, *(each for each in seen if each)]
        found = joined(calls, self._hows)
        kept = found if wanted.repairs else [found[0].until(first.call.call)]
        for each in kept:
            _check_length(trace.episode, each, wanted.longest)
        places = {part.call: part for each in kept for part in each.parts}
        slots = tuple((each.slot, each.tokens) for each in trace.slots if each.tokens)
        self._shelf.put(
            trace.episode,
            [
                Recorded(each.call, own.start, own.end, slots if each is first else ())
                for each in calls
                if (own := places.get(each.call.call))
            ],
        )
        return kept

    def done(self) -> Gathered:
        """The rows. Raises InputError as `rows_of` says."""
        if not self._groups:
            raise self._nothing()
        members = [each for own in self._groups.values() for each in own]
        totals = Counter(
            name for each in members for name, own in each.worths.items() if own.total is not None
        )
        version = version_of(totals, self._wanted.profile)
        temperature = self._temperature(members)
        self._check_drift()
        rows: list[Row] = []
        for _, own in sorted(self._groups.items()):
            rows += self._of_group(own, version)
        if not rows:
            raise self._nothing()
        return Gathered(tuple(rows), self._report(rows, version, temperature), self._shelf)

    def _of_group(self, members: list[Member], version: str) -> list[Row]:
        own = sorted((e for e in members if version in e.worths), key=lambda each: each.place)
        self._left_out[OTHER_REWARD] += len(members) - len(own)
        try:
            if own and (found := mixed(own, version)):
                raise found
        except MixedGroup as error:
            if not self._wanted.leave_out_bad:
                raise
            return self._without(own, error.reason)
        rows = rows_of_group(own, version, repairs=bool(self._wanted.repairs))
        if not rows:
            scored = [each for each in own if each.worths[version].total is not None]
            return self._without(own, LONE if len(scored) < 2 else EQUAL)
        used = {each.segment.episode for each in rows}
        self._left_out[NOT_TAUGHT] += len(own) - len(used)
        return rows

    def _without(self, members: Sequence[Member], why: str) -> list[Row]:
        self._groups_left_out[why] += 1
        self._left_out[f"a group with {why}"] += len(members)
        return []

    def _temperature(self, members: Sequence[Member]) -> float:
        found: dict[float, str] = {}
        for each in members:
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
        drift, all_ = self._hows["drift"], self._hows.total()
        most = self._wanted.most_drift
        if self._wanted.repairs and drift > most * all_:
            raise InputError(
                f"{drift} of {all_} repairs read other tokens for what was sampled before them, more than {most:.0%}: the server "
                "tokenises earlier answers again from their text. Serve a chat template that keeps them as they are, train without "
                "--repairs, or allow more with --most-drift"
            )

    def _report(self, rows: Sequence[Row], version: str, temperature: float) -> Report:
        used = {each.segment.episode for each in rows}
        members = [e for own in self._groups.values() for e in own if e.episode in used]
        return Report(
            read=self._read,
            left_out=_counted(self._left_out),
            groups_left_out=_counted(self._groups_left_out),
            begun_anew=self._begun_anew,
            merged=self._hows["merged"],
            branches=self._hows["branch"],
            forks=self._hows["fork"],
            drift=self._hows["drift"],
            temperature=temperature,
            profile=version,
            models=_counted(Counter(each.identity.model for each in members)),
            weights=_counted(Counter(each.identity.weights for each in members)),
            splits=_counted(Counter(each.split for each in members)),
            **figures(rows),
        )

    def _nothing(self) -> NothingToTrain:
        if not self._read:
            return NothingToTrain("there is no trace there")
        why = ", ".join(f"{name}: {count}" for name, count in self._left_out.most_common() if count)
        return NothingToTrain(
            f"none of the {self._read} runs there can be trained on; left out are, by the reason: {why}"
        )


def is_other_split(own: str, asked: str | None) -> bool:
    """Whether an episode of this split is not to be trained on."""
    if asked is not None:
        return own != asked
    return bool(HELD_OUT & {*re.split(r"[^a-z]+", own.lower())})


def _check_length(episode: str, own: Joined, longest: int | None) -> None:
    length = len(own.prompt) + len(own.completion)
    if longest is not None and length > longest:
        said = f"it has {length:,} tokens, prompt and completion together, and at most {longest:,} are to be trained on"
        way = "allow more with --longest, or leave it out with --leave-out-bad"
        raise BadTrace(episode, "too long", said, way)


def _unreadable(episode: str, error: InputError) -> BadTrace:
    said = str(error).removeprefix(f"the run {episode} ")
    way = "mend or remove it (llmi traces verify), or leave it out with --leave-out-bad"
    return BadTrace(episode, "unreadable", said, way)


def _open(episode: str) -> BadTrace:
    said = "it is not at its end: it is going on, or was cut with its process"
    way = f"go on with it (llmi run --resume {episode}, or the same llmi-train collect), or leave it out with --leave-out-bad"
    return BadTrace(episode, "not at its end", said, way)


def _counted(found: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(found.items()) if count}
