"""From a trace to a member of its group: whether it can be trained on, and what is kept of it until the group is complete."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from llmi_agent.base.errors import InputError
from llmi_agent.models.ending import meant
from llmi_agent.records.events import ModelEnded, Opened
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import State, Trace
from llmi_train.prompts.text import digest_of
from llmi_train.rows.faults import BadTrace, Unreadable
from llmi_train.rows.joining import How, Joined, joined
from llmi_train.rows.members import Identity, Member
from llmi_train.rows.reading import Drawn, Rules, draft_of, drawn, read_only, repairs_of
from llmi_train.rows.row import Ids
from llmi_train.rows.shelf import Recorded, Shelf
from llmi_train.rows.worth import Worth, is_meant, is_total, worths

HELD_OUT = frozenset(
    "test val valid validation dev eval evaluation heldout holdout held hold".split()
)
"""Words in the name of a split that is not for training."""
NO_GROUP = "no group (collect with --group)"
NO_REWARD = "no reward (score them: llmi traces score)"
OUTDATED = "a reward from before it went on (score it again)"
FAILED = "a reward that could not be given (the infrastructure, or a judge, failed)"
OTHER_REWARD = "no reward of this version"
NO_DRAFT = "no draft of a model that was accepted"
BROKEN_OFF = "a draft that broke off"


@dataclass(frozen=True)
class Wanted:
    """Which traces, and how; as `rows_of` says."""

    profile: str | None
    split: str | None
    longest: int | None
    repairs: str | None
    rules: Rules


class Taking:
    """Takes trace by trace, and counts how the calls of the policy stand to each other."""

    def __init__(self, wanted: Wanted) -> None:
        self.hows: Counter[How] = Counter()
        self.versions: dict[str, list[str]] = {}
        """Of rewards, each with the episodes of groups that it gave a total."""
        self.components: set[str] = set()
        """What slots and calls were given."""
        self.logprobs: set[bool] = set()
        """Whether answers have any: of each that was accepted."""
        self.begun_anew = 0
        self.drifting = ""
        """The first episode with a call that reads other tokens for what it goes on from."""
        self.shelf = Shelf()
        self._wanted = wanted
        self._prompts: dict[str, Ids] = {}
        """By their digests: members of a group share theirs."""
        self._identities: dict[Identity, Identity] = {}
        """The same ones once."""

    def member(self, trace: Trace) -> Member | str:
        """What is kept of it; or why it is left out. Raises BadTrace if it cannot be trained on."""
        opened, state = opened_of(trace)
        self.logprobs |= have_logprobs(trace)
        if is_other_split(opened.split, self._wanted.split):
            return f"the split {opened.split or '(none)'}"
        if not opened.group:
            return NO_GROUP
        if state == "open":
            raise _unended(trace.episode)
        given = worths(trace, self._wanted.repairs)
        own = (each.given for each in trace.rewards if each.current)
        self.components |= {each.component for each in own if each.scope != "episode"}
        for name in (name for name, own_ in given.items() if own_.total is not None):
            self.versions.setdefault(name, []).append(trace.episode)
        if lack := lack_of_reward(trace, given, self._wanted.profile):
            return lack
        draft = draft_of(trace)
        if draft is None:
            return NO_DRAFT
        if draft.cut and not meant(draft.finish_reason):
            return BROKEN_OFF
        return self._member(trace, draft, given)

    def _member(self, trace: Trace, draft: ModelCall, given: Mapping[str, Worth]) -> Member:
        first = drawn(trace, draft, self._wanted.rules, self.shelf.gallery)
        before = self.hows["drift"]
        segments = self._segments(trace, first)
        if self.hows["drift"] > before:
            self.drifting = self.drifting or trace.episode
        identity = Identity.of(trace, draft, first.prompt.tobytes(), first.pictures)
        identity = self._identities.setdefault(identity, identity)
        read = self._prompts.setdefault(identity.read, first.prompt)
        own = replace(segments[0], prompt=read), *segments[1:]
        self.begun_anew += sum(each.purpose == "draft" for each in trace.calls) - 1
        number = -1 if trace.member is None else trace.member
        asked = digest_of(trace.prompt)
        return Member(trace.episode, trace.group, number, trace.split, identity, given, own, asked)

    def _segments(self, trace: Trace, first: Drawn) -> list[Joined]:
        wanted, repairs = self._wanted, repairs_of(trace, first.call)
        if wanted.repairs:
            shown = self.shelf.gallery
            calls = [first, *(drawn(trace, each, wanted.rules, shown, first) for each in repairs)]
        else:
            seen = (read_only(trace, each, first.pictures) for each in repairs)
            calls = [first, *(each for each in seen if each)]
        found = joined(calls, self.hows)
        kept = found if wanted.repairs else [found[0].until(first.call.call)]
        for each in kept:
            _check_length(trace.episode, each, wanted.longest)
        self._shelve(trace, calls, kept)
        return kept

    def _shelve(self, trace: Trace, calls: list[Drawn], segments: list[Joined]) -> None:
        places = {part.call: part for own in segments for part in own.parts}
        found = [
            Recorded(each.call, own.start, own.end)
            for each in calls
            if (own := places.get(each.call.call))
        ]
        self.shelf.put(trace.episode, found)


def have_logprobs(trace: Trace) -> set[bool]:
    """Whether its answers have any: of each that was accepted."""
    ended = (each for _, each in trace.events if isinstance(each, ModelEnded) and each.accepted)
    return {each.tokens is not None and each.tokens.logprobs is not None for each in ended}


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


def lack_of_reward(trace: Trace, given: Mapping[str, Worth], profile: str | None) -> str:
    """Why an episode has no reward that counts; empty if it has one. given: what `worths` says of it."""
    totals = [each.given for each in trace.rewards if is_total(each.given)]
    scored = [name for name, own in given.items() if own.total is not None]
    if any(is_meant(name, profile) for name in scored):
        return ""
    if any(is_meant(each.profile, profile) for each in totals):
        tried = any(is_meant(name, profile) for name in given)
        return FAILED if tried else OUTDATED
    return OTHER_REWARD if totals else NO_REWARD


def opened_of(trace: Trace) -> tuple[Opened, State]:
    """What it began with, and how it stands. Raises BadTrace where that cannot be read."""
    try:
        return trace.opened, trace.state
    except InputError as error:
        raise Unreadable(trace.episode, error) from None


def _unended(episode: str) -> BadTrace:
    said = "it is not at its end: it is going on, or was cut with its process"
    way = f"go on with it (llmi run --resume {episode}, or the same llmi-train collect), or leave it out with --leave-out-bad"
    return BadTrace(episode, "not at its end", said, way)
