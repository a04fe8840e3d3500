"""What a trace is made of: the calls of models and of tools, and the slots that they were made for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal, TypeAlias

from llmi_agent.contract.tool import Failed, Reason
from llmi_agent.records.costs import Charge
from llmi_agent.records.events import By, Step, Tokens
from llmi_agent.records.outcome import Candidate, Dropped, Finished, Kept

Blame: TypeAlias = Literal["policy", "infrastructure"]
"""Who is to blame for a failure: who wrote the draft, or what it was carried out with."""
Span: TypeAlias = tuple[int, int]

_OF_THE_POLICY = frozenset({"bad_params", "refused"})
_OF_ITS_CODE = frozenset({"crashed", "bad_output", "timeout"})


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One request to a model, and what came of it. A request that was made again is another call."""

    call: str
    """Its id, unique within the episode."""
    purpose: str
    """`draft`, `repair`, or what else a graph asks for."""
    model: str
    """The name by which it was asked for."""
    language_model: bool
    """False: a program answers."""
    messages: tuple[dict[str, Any], ...] = field(repr=False)
    """What it was sent, in LangChain's form (`messages_from_dict`); pictures by their digests."""
    sampling: dict[str, Any]
    """What was sent of `temperature`, `top_p`, `seed` and the like."""
    slot: int | None
    """The slot that it is about."""
    attempt: int
    parent: str
    """The call whose answer it is about."""
    again: int
    """How often the same was asked of this model before."""
    text: str = field(repr=False)
    """The answer as it was shown, as far as it is on record."""
    raw: str = field(repr=False)
    """The answer as the model wrote it; as it was shown, if it held a secret (`withheld`)."""
    reasoning: str = field(repr=False)
    """What it wrote apart from the answer."""
    withheld: bool
    """It held a secret, which is not on record."""
    accepted: bool
    """The run went on with this answer."""
    finish_reason: str
    """In the vendor's word; empty if it did not say."""
    cut: str
    """Why the answer ends early; `UNENDED` if it was cut with its process."""
    error: str
    """What went wrong."""
    answered_by: str | None
    """The model, as its vendor names it."""
    weights: str
    """The version of its weights, as the server or the user says; empty if neither does."""
    tokens: Tokens | None = field(repr=False)
    """What was sampled, where the model gave it and the run kept it."""
    started: float
    """When it was asked, in seconds since the epoch."""
    first: float | None
    """When the first word came."""
    ended: float | None
    """None: it was cut with its process."""
    input_tokens: int | None
    output_tokens: int | None
    """As the vendor counts."""
    charge: Charge | None
    """What it cost; None if it was no charge, or was never settled."""

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended is None else self.ended - self.started


UNENDED = "it was cut with its process"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One call of a tool, made or found on record."""

    call: str
    """`ToolCall.key`: that of a call that was stopped and is made again is the same."""
    slot: int
    attempt: int
    """From 0; grows with every retry, repair and fallback of the slot."""
    kind: str
    tool: str
    version: str
    """The distribution that brings the tool, and its version."""
    description: str
    params: dict[str, Any]
    inputs: tuple[str, ...]
    """Digests of the pictures that it starts from."""
    seed: int | None
    cached: bool
    """Its result was found on record: nothing was called."""
    executes_code: bool
    """It ran the policy's code."""
    job: str
    """The vendor's id of it, if it has one."""
    outcome: Finished | Failed | None
    """None: it was cut with its process."""
    by: By | None
    """Who answered; `nobody` if it was stopped, or there was no money for it."""
    step: Step | None
    """What was done about its failure; None if nothing was."""
    started: float
    """In seconds since the epoch."""
    ended: float | None
    charge: Charge | None

    @property
    def seconds(self) -> float | None:
        """How long it took, the wait for a permit included."""
        return None if self.ended is None else self.ended - self.started

    @property
    def pictures(self) -> tuple[Candidate, ...]:
        """What it made."""
        return self.outcome.candidates if isinstance(self.outcome, Finished) else ()

    @property
    def failure(self) -> Failed | None:
        """Why it failed, if it did."""
        return self.outcome if isinstance(self.outcome, Failed) else None

    @property
    def blame(self) -> Blame | None:
        """Whose fault its failure is; None if it did not fail. One that was cut with its process is nobody's but ours."""
        if self.outcome is None:
            return "infrastructure"
        failure = self.failure
        return blame(failure.reason, self.executes_code) if failure else None


@dataclass(frozen=True, kw_only=True)
class TracedSlot:
    """A slot of the draft, what was tried for it, and what became of it."""

    slot: int
    """From 0, in the draft's order."""
    kind: str
    """Empty if it could not be read."""
    description: str
    span: Span
    """Where it stands in the draft, in characters."""
    source: str = field(repr=False)
    """It, as the draft has it."""
    unread: str
    """Why it cannot be read as a slot; empty if it can."""
    tokens: Span | None
    """Which tokens of the draft's completion it is, the second number excluded; None where they are not on record."""
    attempts: tuple[Attempt, ...]
    """In the order in which they were made."""
    verdict: Kept | Dropped | None
    """None: the run ended before there was one."""

    @property
    def blame(self) -> Blame | None:
        """Whose fault it is that it has no picture; None if it has one, or may still get one."""
        if not isinstance(self.verdict, Dropped):
            return None
        last = self.attempts[-1] if self.attempts else None
        return blame(self.verdict.reason, last is not None and last.executes_code)


def blame(reason: Reason, executes_code: bool) -> Blame:
    """Whose fault a failure is. Of a tool that executes the policy's code, a crash, a bad output and a timeout are the policy's."""
    if reason in _OF_THE_POLICY or (executes_code and reason in _OF_ITS_CODE):
        return "policy"
    return "infrastructure"


class TokenPlaces:
    """Where the tokens of an answer stand in its text."""

    def __init__(self, tokens: Tokens) -> None:
        counts, lengths = zip(*tokens.pieces, strict=True) if tokens.pieces else ((), ())
        self._before = [0, *accumulate(counts)]
        """How many tokens come before each piece, and in all."""
        self._starts = [0, *accumulate(lengths)]
        """Where each piece begins in the text, and where the last one ends."""
        self._known = self._before[-1] == len(tokens.completion)

    def of(self, span: Span) -> Span | None:
        """The tokens that wrote a part of the text: those of all pieces that the span overlaps.

        Returns the number of the first one and that after the last one; None if it is not known which they are. A token
        that wrote a part of the span and of what is beside it is among them.
        """
        start, end = span
        if not self._known or not 0 <= start < end <= self._starts[-1]:
            return None
        first = bisect_right(self._starts, start, lo=1) - 1
        last = bisect_left(self._starts, end, hi=len(self._starts) - 1)
        return self._before[first], self._before[last]


def tokens_of_span(tokens: Tokens, span: Span) -> Span | None:
    """As `TokenPlaces.of`, of a single span."""
    return TokenPlaces(tokens).of(span)
