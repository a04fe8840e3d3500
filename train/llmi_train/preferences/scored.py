"""Drafts with what they are worth, by group: what is chosen among. No token and no logprob is needed for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.models.ending import limited
from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import EVERY, traces
from llmi_agent.traces.exchange.answers import unfit
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.places import Place
from llmi_agent.traces.trace import Trace
from llmi_train.preferences.answer import Answer, Ids, Message
from llmi_train.prompts.text import digest_of
from llmi_train.rows.faults import BadTrace, MixedGroup, NothingToTrain
from llmi_train.rows.members import Identity, Member, mixed
from llmi_train.rows.nothing import no_run
from llmi_train.rows.pictures import Gallery
from llmi_train.rows.reading import draft_of
from llmi_train.rows.taking import (
    NO_DRAFT,
    OTHER_REWARD,
    is_other_split,
    lack_of_reward,
    opened_of,
)
from llmi_train.rows.worth import Worth, version_of, worths

OPEN = "a run that is not at its end"
PICTURES = "a draft that answers pictures, which are not shown in this training"
CUT_TEXT = "a draft that was cut at the length limit, and whose ids are not on record"


@dataclass(frozen=True)
class Scored:
    """A draft with what it is worth."""

    member: Member
    answer: Answer
    reward: float
    truncated: bool
    """It was cut at the length limit: never one to learn from as a good one."""


@dataclass
class Pool:
    """All drafts that may be chosen."""

    profile: str
    """The version of the reward."""
    groups: dict[str, list[Scored]] = field(default_factory=dict)
    """The members of each by their numbers; a run of no group is alone in one of its own, named by its id."""
    read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Scored]:
        for own in self.groups.values():
            yield from own


def scored(
    place: Place,
    *,
    chosen: Chosen = EVERY,
    profile: str | None = None,
    split: str | None = None,
    text: bool = False,
    sees: bool = False,
    leave_out_bad: bool = False,
    tell: Callable[[int], object] = lambda _: None,
) -> Pool:
    """The drafts at a place that have a reward.

    place, chosen: as for `llmi_agent.traces.traces`. profile, split: as for `llmi_train.rows.rows_of`. text: what was written is
    taken, also where ids are on record. sees: drafts that answer pictures are taken, with these. leave_out_bad: what cannot be read is left out and counted, and is no error; of a mixed
    group, all of it. tell: gets how many runs were read, after each.

    Raises InputError: BadTrace for the first run that cannot be read, MixedGroup for members of a group that are not to be
    compared, NothingToTrain if nothing is left.
    """
    reader = _Reader(profile, split, text, Gallery() if sees else None)
    for number, trace in enumerate(traces(place, chosen), 1):
        try:
            if why := reader.take(trace):
                reader.left_out[why] += 1
        except InputError as error:
            if not leave_out_bad:
                raise
            reader.left_out[error.reason if isinstance(error, BadTrace) else "unreadable"] += 1
        tell(number)
    if not reader.read:
        raise no_run(place, chosen)
    return reader.pool(leave_out_bad=leave_out_bad)


class _Reader:
    """Takes run by run."""

    def __init__(
        self, profile: str | None, split: str | None, text: bool, gallery: Gallery | None
    ) -> None:
        """gallery: gets the pictures; None: there must be none."""
        self._profile, self._split, self._text = profile, split, text
        self._gallery = gallery
        self._found: list[tuple[Member, Answer, bool]] = []
        self.read = 0
        self._prompts: dict[str, tuple[Message, ...]] = {}
        """By the group: its members were asked the same."""
        self._versions: dict[str, list[str]] = {}
        self.left_out = Counter[str]()

    def take(self, trace: Trace) -> str:
        """Why it is left out; empty if it is not. Raises InputError if it cannot be read."""
        self.read += 1
        opened, state = opened_of(trace)
        if is_other_split(opened.split, self._split):
            return f"the split {opened.split or '(none)'}"
        if state == "open":
            return OPEN
        given = worths(trace, None)
        totals = {name: own for name, own in given.items() if own.total is not None}
        for name in totals:
            self._versions.setdefault(name, []).append(trace.episode)
        return lack_of_reward(trace, given, self._profile) or self._drafted(trace, totals)

    def _drafted(self, trace: Trace, given: Mapping[str, Worth]) -> str:
        draft = draft_of(trace)
        if draft is None:
            return NO_DRAFT
        truncated = limited(draft.finish_reason)
        ids = None if self._text else _ids(draft)
        blind = trace.options.get("vision") is False
        messages = [_told(plain(each)) if blind else plain(each) for each in draft.messages]
        if why := _unfit(draft, ids, truncated, messages, sees=self._gallery is not None):
            return why
        pictures = self._gallery.hang(trace, draft) if self._gallery and not blind else ()
        answer = replace(self._answer(trace, draft, messages, ids), pictures=pictures)
        group = trace.group or trace.episode
        number = -1 if trace.member is None else trace.member
        read = repr(messages).encode()
        identity = Identity.of(trace, draft, read, pictures)
        asked = digest_of(trace.prompt)
        member = Member(trace.episode, group, number, trace.split, identity, given, (), asked)
        self._found.append((member, answer, truncated))
        return ""

    def _answer(
        self, trace: Trace, draft: ModelCall, messages: Sequence[Message], ids: Ids | None
    ) -> Answer:
        asked = self._prompts.setdefault(repr(messages), tuple(messages))
        return Answer(
            where=f"the run {trace.episode}",
            prompt=asked,
            completion={"role": "assistant", "content": draft.raw},
            ids=ids,
            episode=trace.episode,
            group=trace.group,
            model=draft.answered_by or draft.model,
            call=replace(draft, tokens=None),
        )

    def pool(self, *, leave_out_bad: bool) -> Pool:
        """All of them, by group. Raises InputError."""
        if self._profile is not None:
            # It says what there is, where there is nothing by that name.
            version_of(self._versions, self._profile)
        totals: dict[str, list[str]] = {}
        for member, *_ in self._found:
            for name in member.worths:
                totals.setdefault(name, []).append(member.episode)
        if not totals:
            raise self._nothing()
        version = version_of(totals, self._profile)
        pool = Pool(version, read=self.read, left_out=self.left_out)
        for member, answer, truncated in self._found:
            if version not in member.worths:
                self.left_out[OTHER_REWARD] += 1
                continue
            reward = member.worths[version].total
            assert reward is not None
            own = Scored(member, replace(answer, reward=reward), reward, truncated)
            pool.groups.setdefault(member.group, []).append(own)
        for name in sorted(pool.groups):
            own_ = sorted(pool.groups.pop(name), key=lambda each: each.member.place)
            if fault := mixed([each.member for each in own_], version):
                self._refuse(fault, len(own_), leave_out_bad=leave_out_bad)
            else:
                pool.groups[name] = own_
        return pool

    def _refuse(self, fault: MixedGroup, members: int, *, leave_out_bad: bool) -> None:
        if not leave_out_bad:
            raise fault
        self.left_out[fault.reason] += members

    def _nothing(self) -> NothingToTrain:
        why = ", ".join(f"{name}: {count}" for name, count in self.left_out.most_common())
        said = f"; left out are, by the reason: {why}" if why else ""
        return NothingToTrain(f"none of the {self.read} runs there can be learnt from{said}")


def _ids(draft: ModelCall) -> Ids | None:
    tokens = draft.tokens
    if tokens is None or not tokens.prompt or not tokens.completion:
        return None
    return Ids.of(tokens.prompt, tokens.completion)


def _told(message: Message) -> dict[str, Any]:
    """As a model that is shown no pictures was sent it."""
    content = message["content"]
    parts = [] if isinstance(content, str) else content
    text = "".join(each["text"] for each in parts if each["type"] == "text")
    return {**message, "content": text if parts else content}


def _unfit(
    draft: ModelCall, ids: Ids | None, truncated: bool, messages: Sequence[Message], *, sees: bool
) -> str:
    """Why a draft is not learnt from; empty if it may be."""
    if not sees and [*pictures_in(messages)]:
        return PICTURES
    if truncated and ids is None:
        return CUT_TEXT
    return unfit(replace(draft, cut="") if truncated else draft)
