"""Why traces are not trained on: each names the run, what is wrong with it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from llmi_agent.base.errors import InputError

ANEW = "collect it anew, or leave out such runs with --leave-out-bad"


class BadTrace(InputError):  # noqa: N818 - reads as what it is
    """One run, or one group of runs, that cannot be trained on."""

    def __init__(self, episode: str, reason: str, found: str, way: str = ANEW) -> None:
        """reason: its kind in a few words, by which those that are left out are counted. found: what is wrong, in a clause."""
        super().__init__(f"the run {episode} cannot be trained on: {found}; {way}")
        self.episode = episode
        self.reason = reason


class Unreadable(BadTrace):
    """A run whose records cannot be read."""

    def __init__(self, episode: str, error: InputError) -> None:
        said = str(error) if episode in str(error) else f"the run {episode}: {error}"
        way = "llmi traces verify says more; leave it out with --leave-out-bad"
        InputError.__init__(self, f"{said}; {way}")
        self.episode = episode
        self.reason = "unreadable"


class MixedGroup(BadTrace):
    """Two members of a group that are not to be compared: their advantages would say nothing."""

    def __init__(self, group: str, one: str, other: str, what: str) -> None:
        """what: in which they differ, in a clause."""
        way = "collect it anew under one policy, with the same options, and score it with one judge"
        found = f"its group {group} is mixed: it and the run {other} {what}"
        super().__init__(
            one, "a mixed group", found, f"{way}, or leave it out with --leave-out-bad"
        )
        self.group = group
        self.other = other


class NothingToTrain(InputError):  # noqa: N818
    """There are traces, and none of them teaches anything."""

    def __init__(self, message: str, left_out: Mapping[str, int] | None = None) -> None:
        """left_out: how many runs, by the reason."""
        super().__init__(message)
        self.left_out = left_out or {}
