"""The calls of models: every one, also those that failed, were made again, or were cut."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from llmi_agent.records.events.base import Durable


@dataclass(frozen=True)
class Tokens:
    """What was sampled, token by token, where the model gives it (`llmi_agent.contract.policy.TOKENS`)."""

    completion: tuple[int, ...]
    prompt: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    """One for each of `completion`, natural logarithms, under the policy that sampled."""
    mode: str = ""
    """How the logprobs were computed, as the server names it: `processed_logprobs`, `raw_logprobs`."""
    pieces: tuple[tuple[int, int], ...] = ()
    """The answer in pieces, as they came: how many of `completion`, and how many characters of the text with them."""


@dataclass(frozen=True, kw_only=True)
class Message(Durable):
    """A message that models are sent, in LangChain's form. It is recorded once, however often it is sent."""

    type: ClassVar[str] = "message"
    digest: str
    body: dict[str, Any]
    """Pictures are named by their digests. Without secrets."""

    @classmethod
    def of(cls, body: dict[str, Any]) -> Message:
        """The message of `messages_to_dict`."""
        text = json.dumps(body, sort_keys=True)
        return cls(digest=hashlib.sha256(text.encode()).hexdigest()[:32], body=body)

    @property
    def key(self) -> str:
        return self.digest


@dataclass(frozen=True, kw_only=True)
class ModelStarted(Durable):
    """A model is asked. It is on disk before the request is sent."""

    type: ClassVar[str] = "model_started"
    call: str
    """Unique within the episode."""
    purpose: str
    """`draft`, `repair`, or what else a graph asks for."""
    model: str
    """The name by which it was asked for."""
    messages: tuple[str, ...]
    """By their digests."""
    sampling: dict[str, Any] = field(default_factory=dict)
    """What was sent of `temperature`, `top_p`, `max_tokens`, `stop` and `seed`, also by the model's own settings; and what
    else its policy says that it sends."""
    slot: int | None = None
    """The slot that it is about."""
    attempt: int = 0
    """The slot's attempt that failed."""
    parent: str = ""
    """The call whose answer this one is about."""
    again: int = 0
    """How often the same was asked of this model before."""
    language_model: bool = True
    """False: a program answers."""

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, kw_only=True)
class ModelText(Durable):
    """A piece of an answer, as it is shown: printable, and without secrets. Joined, the pieces are the answer."""

    type: ClassVar[str] = "model_text"
    call: str
    start: int
    """How many characters of the answer come before it."""
    text: str

    @property
    def key(self) -> str:
        return f"{self.call}@{self.start}"


@dataclass(frozen=True, kw_only=True)
class ModelEnded(Durable):
    """A model's answer has ended, in whatever way. A call that was cut with its process has none."""

    type: ClassVar[str] = "model_ended"
    call: str
    accepted: bool
    """The run goes on with this answer. Of a call that failed, or that is made again, it does not."""
    answered_by: str | None = None
    """The model, as its vendor names it."""
    finish_reason: str = ""
    """In the vendor's word."""
    cut: str = ""
    """Why the answer ends early, if it is known to."""
    error: str = ""
    """What went wrong."""
    first: float | None = None
    """When the first word came, of the answer or of what the model wrote apart from it, in seconds since the epoch."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    """As the vendor counts."""
    raw: str | None = None
    """What the model wrote, where that is not what is shown."""
    reasoning: str = ""
    """What it wrote apart from the answer."""
    withheld: bool = False
    """It held a secret: `raw` and `tokens` are left out for that."""
    weights: str = ""
    """The version of the model's weights, if its server says it."""
    tokens: Tokens | None = None
    """Only where they are to be kept (`Options.record`)."""

    @property
    def key(self) -> str:
        return self.call
