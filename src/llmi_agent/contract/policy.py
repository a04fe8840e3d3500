"""The contract of a policy: who writes the draft, as data, and the chat model that it is made into on first use.

    POLICY = PolicySpec("echo/*", "repeats what it is told", load="llmi_echo:make")

    def make(request: PolicyRequest) -> BaseChatModel | PolicyModel: ...

A policy gets the system prompt, the thread, and last a `HumanMessage` whose `additional_kwargs` hold the user's own words
(`PROMPT`) and the files (`ATTACHMENTS`: plain dicts, the fields of an `Attachment`). It is asked to repair a slot by a
message without these; the answer SKIP leaves the slot as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from llmi_agent.contract.kinds import Kind
from llmi_agent.contract.tool import ArtifactReader

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages.ai import UsageMetadata

ATTACHMENTS = "attachments"
"""Key in a human message's `additional_kwargs`: the run's attachments, as plain dicts."""
PROMPT = "prompt"
"""Key beside it: what the user wrote, without what the framework says of the attachments."""

TOKENS = "llmi_tokens"
"""Key in the `response_metadata` of an answer, or of each chunk of it: what was sampled, as a plain dict.

`completion`: the ids of the tokens that are new with it. `logprobs`: one for each, natural logarithms under the policy that
sampled. `open`: True if more of their text is to come, as of a part of a character. `parts`: where several tokens come
together, pairs of how many of them, and how many characters of the text with them, in order. Once: `prompt`, the ids of what was
read, and `mode`, how the logprobs were computed. What is not known is left out. `lack`: why this is not all that was
sampled, or not what was, in a clause; then none of it is kept.
"""
WEIGHTS = "llmi_weights"
"""Key beside it: the version of the weights that answered, as the server says it."""

ANY = "*"
_NAME = re.compile(r"\*|[a-z][a-z0-9_.-]{0,63}(/\*)?")
_VARIABLE = re.compile(r"[A-Za-z_*][A-Za-z0-9_*]*")


class PolicyFailed(Exception):  # noqa: N818 - reads as what has happened, as `ToolFailed`
    """Raise it where trying again cannot help: the run ends with `message`, unless another model stands in.

    message: names the culprit, what exists, and the next step. reason: `input` if what the user gave cannot be used,
    `setting` for a name or a setting that does not exist, `unavailable` if something is missing, such as a key.
    """

    def __init__(
        self, message: str, reason: Literal["input", "setting", "unavailable"] = "unavailable"
    ) -> None:
        super().__init__(message)
        self.reason: Literal["input", "setting", "unavailable"] = reason


class PolicyAgain(Exception):  # noqa: N818 - reads as what has happened, as `PolicyFailed`
    """Raise it where the model, asked anew at once, will be asked in another way that its server may know.

    Each request is a call of its own on record, with what it cost; so a chat model sends one, and does not try again
    by itself. message: what the server does not know, or does not do.
    """


@dataclass(frozen=True)
class PolicySpec:
    """A policy as data. Constructing one validates it: a wrong spec raises ValueError or TypeError."""

    name: str
    """What the user writes as the model: one name (`offline`); every name with a prefix (`vllm/*`); or `*`, every name
    that no other policy answers. The exact name goes before a prefix, a longer prefix before a shorter one."""
    description: str
    """For people: who writes, and where."""
    load: str
    """"module:attr" of a function from a `PolicyRequest` to a chat model or a `PolicyModel`, resolved on first use."""
    needs: tuple[str, ...] = ()
    """Names of the secrets (environment variables) without which it cannot write."""
    reads: tuple[str, ...] = ()
    """Names of further ones that it may have, where they are set; `*` stands for any characters (`*_API_KEY`)."""
    price: tuple[float, float] | None = None
    """US dollars per million tokens read and written; (0.0, 0.0) is free, None is unknown."""
    sees: bool = False
    """It takes pictures."""
    finish_reasons: bool = False
    """Its answers say why they end, in `response_metadata["finish_reason"]`: one that does not was cut off."""
    tokens: bool = False
    """It can say what it has sampled (`TOKENS`). Where that is kept, it is asked with no stop strings: they cut the text,
    and not what was sampled."""
    language_model: bool = True
    """False: a program writes, which cannot repair a slot, and a document says so."""
    default: bool = False
    """It writes where nobody has chosen a model: it needs no key and no network."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"policy name {self.name!r}: write a name in lower case, such as 'echo', a prefix, such as 'echo/*', "
                "or '*'"
            )
        module, _, attribute = self.load.partition(":")
        if not module or not attribute:
            raise ValueError(f"load {self.load!r} of policy {self.name!r}: write 'module:attr'")
        for each in (*self.needs, *self.reads):
            if not _VARIABLE.fullmatch(each) or ("*" in each and each in self.needs):
                raise ValueError(f"policy {self.name!r}: {each!r} is no name of a variable")
        if self.price is not None and (len(self.price) != 2 or not all(p >= 0 for p in self.price)):
            raise ValueError(f"price {self.price!r} of policy {self.name!r}: two numbers from 0 up")
        if self.default and (self.needs or "*" in self.name):
            raise ValueError(f"policy {self.name!r}: a default has one name and needs nothing")

    @property
    def prefix(self) -> str | None:
        """What a name must begin with, for this policy to answer it; None if it answers one name only."""
        return self.name[:-1] if self.name.endswith("*") else None

    def answers(self, name: str) -> bool:
        """Whether a model of this name is this policy's, if no other policy knows it better."""
        if self.prefix is None:
            return name == self.name
        return len(name) > len(self.prefix) and name.startswith(self.prefix)

    def missing(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """The secrets that it needs and that are not there."""
        return tuple(name for name in self.needs if not secrets.get(name))

    def own(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Of `secrets`, exactly those that it may have."""
        names = (*self.needs, *self.reads)
        return {k: v for k, v in secrets.items() if any(fnmatchcase(k, each) for each in names)}


@dataclass(frozen=True)
class PolicyRequest:
    """What a policy is made for: one model of one graph."""

    name: str
    """The whole name, as the user wrote it: `vllm/qwen3`."""
    model: str
    """The name behind the prefix: `qwen3`."""
    artifacts: ArtifactReader
    """The bytes of what is attached."""
    write_slot: Callable[[str, str, Mapping[str, Any]], str] = field(repr=False)
    """(kind, description, params) -> a slot in the run's dialect, for a policy that is no language model."""
    kinds: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    """The kinds of pictures that the run can fill."""
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Exactly the secrets that the spec `needs` and `reads`."""
    environment: bool = False
    """The process's own credentials are meant: an SDK may take them from where it finds them. Where this is False, they
    are perhaps another tenant's, and only what is in `secrets` may be used."""
    api_base: str | None = None
    """The address of the server to use, if the user names one."""
    tokens: bool = False
    """What is sampled is to be kept, token by token: the server is to be asked for it (`TOKENS`)."""


@dataclass(frozen=True)
class PolicyModel:
    """A chat model and what is known of it. What is left out is as the spec says."""

    chat: BaseChatModel
    usd: Callable[[UsageMetadata], float | None] | None = None
    """What these tokens cost in US dollars; None if no price is known."""
    estimated: bool = False
    """The price may be another one where this model is served."""
    most_output: int | None = None
    """The most tokens that it writes in one answer, if that is known."""
    sees: bool | None = None
    """It takes pictures."""
    finish_reasons: bool | None = None
    """Its answers say why they end."""
    takes: frozenset[str] | None = None
    """What it can be asked with, of `temperature`, `top_p`, `max_tokens`, `stop` and `seed`. None: it is not known, and
    what the user sets is sent. A seed is only sent to a model that is known to take one."""
    asks: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """From what a run asks with (`temperature`, ..., `seed`) to all that is sent beside the messages: that is put on record,
    and the chat model gets it as arguments. None: it is sent as it is."""
    weights: Callable[[], str] | None = None
    """The version of the weights that will answer (`WEIGHTS`), where that is known before they do; it may read files. Raises
    PolicyFailed."""
