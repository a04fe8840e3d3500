"""From what the user says (`--model`, `build_graph(model=)`) to a chat model, and what is known of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.messages.ai import UsageMetadata

from llmi_agent.base.errors import ConfigError, PolicyError, UnavailableError
from llmi_agent.config.options import SAMPLING, ModelPrice, Options
from llmi_agent.contract.kinds import Kind
from llmi_agent.contract.policy import PolicyFailed, PolicyModel, PolicyRequest
from llmi_agent.draft import Slot, format_slot
from llmi_agent.host.policies import Policies, RegisteredPolicy, error_of
from llmi_agent.records.costs import Basis
from llmi_agent.store.artifacts import ArtifactStore


@dataclass(frozen=True)
class Model:
    """A chat model, the name it goes by, and what is known of it."""

    chat: BaseChatModel
    name: str
    price: ModelPrice | None = None
    """What the settings say it costs."""
    listed: Callable[[UsageMetadata], float | None] | None = None
    """What its policy says it costs."""
    estimated: bool = False
    """Its policy's price may be another one where the model is served."""
    most_output: int | None = None
    """The most tokens that it writes in one answer, if that is known."""
    sees: bool = False
    """It takes pictures."""
    finish_reasons: bool | None = None
    """Its answers say why they end. None: it is not known; each answer shows it."""
    language_model: bool = True
    takes: frozenset[str] | None = None
    """What it can be asked with (`PolicyModel.takes`)."""
    tokens: bool = False
    """It can say what it has sampled."""
    asks: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """What it is asked with, given what a run asks for (`PolicyModel.asks`)."""
    weights: Callable[[], str] | None = None
    """The version of the weights that will answer, where that is known before they do (`PolicyModel.weights`)."""
    settable: bool = False
    """It is the user's own, and asked as one that has other values in its fields, not all of which are arguments, too."""

    @cached_property
    def own(self) -> dict[str, Any]:
        """What it was made to be asked with, wherever nothing else is set."""
        fields = type(self.chat).model_fields
        known = {name: getattr(self.chat, name) for name in (*SAMPLING, "seed") if name in fields}
        return {name: value for name, value in known.items() if _is_sampling(name, value)}

    @property
    def takes_seed(self) -> bool:
        """A seed is not what the user has set, so it goes to those only that are known to take one, and have none."""
        return self.takes is not None and "seed" in self.takes and "seed" not in self.own

    def arguments(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """All that it is asked with beside its own, if a run asks for this."""
        return dict(self.asks(sampling) if self.asks else sampling)

    def asked_with(self, sampling: Mapping[str, Any]) -> tuple[BaseChatModel, dict[str, Any]]:
        """The chat model that is to be asked, and the arguments that are to go along."""
        fields = type(self.chat).model_fields if self.settable else {}
        own = {name: value for name, value in sampling.items() if name in fields}
        chat = self.chat.model_copy(update=own) if own else self.chat
        return chat, {name: value for name, value in sampling.items() if name not in own}

    def refusal(self, options: Options) -> str:
        """Why it cannot be asked with these, in a sentence; empty if it can, as far as is known."""
        if self.tokens and options.stop and options.record == "full":
            return (
                f'the model {self.name} takes no stop strings where its tokens are recorded (record "full"), since they '
                'cut the text and not what was sampled; leave out stop, or record "events"'
            )
        if self.takes is None or not self.language_model:
            return ""
        unknown = next((each for each in options.sampling if each not in self.takes), "")
        if not unknown:
            return ""
        taken = ", ".join(each for each in SAMPLING if each in self.takes) or "none of these"
        return (
            f"the model {self.name} takes no {unknown}; leave it out, or choose another model "
            f"(it takes {taken})"
        )

    @property
    def basis(self) -> Basis:
        """How well `usd` knows, given the tokens that the model reports."""
        return "estimated" if self.estimated else "known"

    def usd(self, usage: UsageMetadata) -> float | None:
        """What these tokens cost in US dollars; None if no price is known."""
        if self.price is not None:
            return _cost((self.price.input, self.price.output), usage)
        return self.listed(usage) if self.listed else None


@dataclass(frozen=True)
class _Given:
    """What all models of a graph are made with."""

    store: ArtifactStore
    kinds: Mapping[str, Kind]
    options: Options
    secrets: Mapping[str, str] = field(repr=False)
    environment: bool

    def request(self, policy: RegisteredPolicy, name: str, api_base: str | None) -> PolicyRequest:
        return PolicyRequest(
            name=name,
            model=name.removeprefix(policy.spec.prefix or ""),
            artifacts=self.store,
            write_slot=self._write_slot,
            kinds=self.kinds,
            secrets=policy.spec.own(self.secrets),
            environment=self.environment,
            api_base=api_base,
            tokens=self.options.record == "full",
        )

    def _write_slot(self, kind: str, description: str, params: Mapping[str, Any]) -> str:
        slot = Slot(0, kind, description, dict(params))
        return format_slot(slot, dialect=self.options.dialect)


def resolve_models(
    model: str | BaseChatModel | None,
    fallback: Collection[str | BaseChatModel] = (),
    *,
    policies: Policies,
    store: ArtifactStore,
    kinds: Mapping[str, Kind],
    options: Options | None = None,
    secrets: Mapping[str, str] | None = None,
    environment: bool | None = None,
    api_base: str | None = None,
) -> tuple[Model, ...]:
    """The model and those that stand in for it when it fails, in this order.

    Each is a chat model, or a name that one of the `policies` answers; None is the policy that writes where nobody has
    chosen. `environment` says whether the process's own credentials are meant; by default they are where `secrets` is
    left out or is the environment. `api_base` is the address of an OpenAI-compatible server that serves `model`, and
    those stand-ins whose name begins with the same provider.

    Raises ConfigError for a name that no policy answers, UnavailableError for a missing key or address.
    """
    keys = os.environ if secrets is None else secrets
    own = environment if environment is not None else keys == os.environ
    given = _Given(store, kinds, options or Options(), keys, own)
    if api_base:
        _check_address(api_base)
    first = _named(policies.default if model is None else model, policies, api_base)
    at_base = first.partition("/")[0] if isinstance(first, str) else None
    found = []
    for each in (first, *(_named(other, policies, api_base) for other in fallback)):
        if isinstance(each, BaseChatModel):
            found.append(_of_chat(each, given.options))
        else:
            served = api_base if each.partition("/")[0] == at_base else None
            found.append(_made(each, policies.find(each), given, served))
        if words := found[-1].refusal(given.options):
            raise ConfigError(words)
    return tuple(found)


def _check_address(api_base: str) -> None:
    parts = urlsplit(api_base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"api_base {api_base!r} is no address of a server; write http://host:port/v1"
        )
    if parts.password:
        raise ConfigError("api_base holds a password; set the provider's key variable instead")


def _named(
    model: str | BaseChatModel, policies: Policies, api_base: str | None
) -> str | BaseChatModel:
    """With a server's address alone, a bare name is that of a model which speaks OpenAI's protocol."""
    if not api_base or not isinstance(model, str) or "/" in model:
        return model
    return model if policies.knows(model) else f"openai/{model}"


def _of_chat(model: BaseChatModel, options: Options) -> Model:
    name = getattr(model, "model_name", None) or getattr(model, "model", None)
    known = str(name or type(model).__name__)
    profile = getattr(model, "profile", None) or {}
    return Model(
        model,
        known,
        _price(known, options),
        sees=_sees(bool(profile.get("image_inputs")), options),
        takes=frozenset({*SAMPLING, "seed"}) if "seed" in type(model).model_fields else None,
        settable=True,
    )


def _made(name: str, policy: RegisteredPolicy, given: _Given, api_base: str | None) -> Model:
    """Raises ConfigError, InputError or UnavailableError as the policy says, PolicyError if it is broken."""
    spec = policy.spec
    if missing := spec.missing(given.secrets):
        raise UnavailableError(f"the model {name} needs {', '.join(missing)}; set it and run again")
    try:
        made: object = policy.make(given.request(policy, name, api_base))
        known = PolicyModel(made) if isinstance(made, BaseChatModel) else made
        if not isinstance(known, PolicyModel):
            raise TypeError(f"{spec.load} gave {type(known).__name__}, which is no chat model")
    except PolicyFailed as error:
        raise error_of(error) from None
    except (Exception, SystemExit) as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        raise PolicyError(
            f"the model {name} cannot be made ({policy.distribution} {policy.version}): {words}"
        ) from error
    reports = spec.finish_reasons if known.finish_reasons is None else known.finish_reasons
    return Model(
        chat=known.chat,
        name=name,
        price=_price(name, given.options),
        listed=known.usd or (partial(_cost, spec.price) if spec.price else None),
        estimated=known.estimated,
        most_output=known.most_output,
        sees=_sees(spec.sees if known.sees is None else known.sees, given.options),
        finish_reasons=reports,
        language_model=spec.language_model,
        takes=known.takes if spec.language_model else frozenset(),
        tokens=spec.tokens,
        asks=known.asks,
        weights=known.weights,
    )


def _is_sampling(name: str, value: object) -> bool:
    if name == "stop":
        strings = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return bool(value) and (strings or isinstance(value, str))
    kind = int if name in ("max_tokens", "seed") else int | float
    return isinstance(value, kind) and not isinstance(value, bool)


def _cost(price: tuple[float, float], usage: UsageMetadata) -> float:
    """At so many US dollars per million tokens read and written."""
    return (usage["input_tokens"] * price[0] + usage["output_tokens"] * price[1]) / 1_000_000


def _price(name: str, options: Options) -> ModelPrice | None:
    price = options.prices.get(name)
    return price if isinstance(price, ModelPrice) else None


def _sees(known: bool, options: Options) -> bool:
    return known if options.vision is None else options.vision
