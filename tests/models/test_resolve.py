"""From names to models, whoever answers them: keys, addresses, prices, and what a model can see."""

from __future__ import annotations

import os
from typing import Any

import pytest
from pydantic import Field

from llmi_agent.base.errors import ConfigError, InputError, PolicyError, UnavailableError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract import PolicyFailed, PolicyModel, PolicyRequest, PolicySpec, hookimpl
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.host.policies import Policies
from llmi_agent.host.registry import registry_of
from llmi_agent.models.resolve import Model, resolve_models
from llmi_agent.models.tokens import tokens
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import ScriptedModel

ASKED: list[PolicyRequest] = []
ANSWER: list[Any] = []


def make(request: PolicyRequest) -> Any:
    ASKED.append(request)
    answer = ANSWER.pop() if ANSWER else ScriptedModel(script=["x"])
    if isinstance(answer, BaseException):
        raise answer
    return answer


class Door:
    @hookimpl
    def llmi_policies(self) -> list[PolicySpec]:
        load = f"{__name__}:make"
        return [
            PolicySpec("plain", "d", load, default=True, language_model=False, price=(0.0, 0.0)),
            PolicySpec("priced/*", "d", load, price=(1.0, 2.0), sees=True, finish_reasons=True),
            PolicySpec("keyed/*", "d", load, needs=("OWN_KEY",), reads=("OWN_*",)),
            PolicySpec("openai/*", "d", load),
            PolicySpec("told/*", "d", load, tokens=True),
        ]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules[make.__module__])
    ASKED.clear()
    ANSWER.clear()


def resolve(store: ArtifactStore, *names: Any, **given: Any) -> tuple[Model, ...]:
    policies = registry_of(hooks=[Door()]).policies
    given.setdefault("secrets", {})
    return resolve_models(
        names[0], names[1:], policies=policies, store=store, kinds=WELL_KNOWN, **given
    )


def test_the_order_is_kept_and_each_goes_by_its_name(store: ArtifactStore) -> None:
    scripted = ScriptedModel(script=["x"])
    models = resolve(store, "priced/a", scripted, "plain")
    assert [model.name for model in models] == ["priced/a", "ScriptedModel", "plain"]
    assert models[1].chat is scripted


def test_who_writes_where_nobody_has_chosen(store: ArtifactStore) -> None:
    (model,) = resolve(store, None)
    assert (model.name, model.language_model, model.usd(tokens(9, 9))) == ("plain", False, 0.0)


def test_a_policy_is_told_what_it_is_made_for(store: ArtifactStore) -> None:
    secrets = {"OWN_KEY": "k", "OWN_BASE": "b", "OTHER_KEY": "no"}
    options = Options(dialect="python")
    resolve(store, "keyed/a/b", secrets=secrets, options=options, api_base="http://h:1/v1")
    (asked,) = ASKED
    assert (asked.name, asked.model, asked.api_base) == ("keyed/a/b", "a/b", "http://h:1/v1")
    assert asked.secrets == {"OWN_KEY": "k", "OWN_BASE": "b"}
    assert asked.kinds is WELL_KNOWN
    assert asked.artifacts is store
    written = asked.write_slot("search", "A fox", {"query": "<imgen>"})
    assert written.startswith("<imgen>{'source': 'search', 'description': 'A fox'")
    assert "OWN_KEY" not in repr(asked)


@pytest.mark.parametrize(
    ("secrets", "said", "meant"),
    [
        (None, None, True),
        ({}, None, False),
        ({"OWN_KEY": "k"}, None, False),
        ({}, True, True),
        (None, False, False),
    ],
)
def test_whether_the_processs_own_credentials_are_meant(
    store: ArtifactStore, secrets: Any, said: bool | None, meant: bool
) -> None:
    resolve(store, "priced/a", secrets=secrets, environment=said)
    resolve(store, "priced/a", secrets=dict(os.environ))
    assert [asked.environment for asked in ASKED] == [meant, True]


def test_what_is_missing_is_said_before_a_run(store: ArtifactStore) -> None:
    with pytest.raises(UnavailableError, match="the model keyed/a needs OWN_KEY"):
        resolve(store, "plain", "keyed/a")
    policies = Policies(registry_of().host)
    with pytest.raises(ConfigError, match="no policy answers"):
        resolve_models("nothing/x", policies=policies, store=store, kinds={})


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (PolicyFailed("no such one", "setting"), ConfigError, "^no such one$"),
        (PolicyFailed("no file", "input"), InputError, "^no file$"),
        (PolicyFailed("no key"), UnavailableError, "^no key$"),
        (ImportError("no module"), PolicyError, r"cannot be made \(hooks-0 .*no module"),
        (SystemExit(3), PolicyError, "cannot be made"),
        ("text", PolicyError, "no chat model"),
    ],
)
def test_what_goes_wrong_while_it_is_made_is_one_sentence(
    store: ArtifactStore, answer: Any, error: type[Exception], words: str
) -> None:
    ANSWER.append(answer)
    with pytest.raises(error, match=words):
        resolve(store, "priced/a")


def test_prices_of_the_settings_then_of_the_policy_else_unknown(store: ArtifactStore) -> None:
    prices: Any = {"priced/a": {"input": 10, "output": 20}}
    (named,) = resolve(store, "priced/a", options=Options(prices=prices))
    (listed,) = resolve(store, "priced/a")
    (unlisted,) = resolve(store, "openai/a")
    chat = ScriptedModel(script=["x"])
    ANSWER.append(PolicyModel(chat, usd=lambda usage: 7.0, estimated=True, most_output=99))
    (own,) = resolve(store, "priced/a")
    usage = tokens(1_000_000, 1_000_000)
    assert (named.usd(usage), named.basis) == (30.0, "known")
    assert (listed.usd(usage), listed.basis) == (3.0, "known")
    assert unlisted.usd(usage) is None
    assert (own.usd(usage), own.basis, own.most_output) == (7.0, "estimated", 99)


def test_what_the_policy_says_of_a_model_goes_before_its_spec(store: ArtifactStore) -> None:
    (by_spec,) = resolve(store, "priced/a")
    ANSWER.append(PolicyModel(ScriptedModel(script=["x"]), sees=False, finish_reasons=False))
    (by_model,) = resolve(store, "priced/a")
    assert (by_spec.sees, by_spec.finish_reasons) == (True, True)
    assert (by_model.sees, by_model.finish_reasons) == (False, False)
    assert not resolve(store, "priced/a", options=Options(vision=False))[0].sees


def test_a_chat_model_shows_itself(store: ArtifactStore) -> None:
    profiled = ScriptedModel(script=["x"], profile={"image_inputs": True})
    (model,) = resolve(store, profiled)
    assert model.sees
    assert model.finish_reasons is None
    assert not resolve(store, profiled, options=Options(vision=False))[0].sees


def test_at_an_address_a_bare_name_speaks_openais_protocol(store: ArtifactStore) -> None:
    base = "http://localhost:8000/v1"
    models = resolve(store, "qwen3", "openai/b", "priced/a", "plain", api_base=base)
    assert [model.name for model in models] == ["openai/qwen3", "openai/b", "priced/a", "plain"]
    assert [asked.api_base for asked in ASKED] == [base, base, None, None]


def test_a_price_from_the_environment_reads_as_two_numbers() -> None:
    assert ModelPrice.model_validate("0.15/0.6") == ModelPrice(input=0.15, output=0.6)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        ModelPrice.model_validate("-1/2")


@pytest.mark.parametrize("address", ["notaurl", "localhost:8000/v1", "http://", "ftp://x/v1"])
def test_an_address_that_is_none_is_said_at_once(store: ArtifactStore, address: str) -> None:
    with pytest.raises(ConfigError, match="http://host:port/v1"):
        resolve(store, "openai/a", api_base=address)


def test_an_address_holds_no_password(store: ArtifactStore) -> None:
    with pytest.raises(ConfigError, match="password") as caught:
        resolve(store, "openai/a", api_base="http://me:secret-word@host/v1")
    assert "secret-word" not in str(caught.value)


class Seeded(ScriptedModel):
    """As some of LangChain's models: what it is asked with are fields, and no arguments."""

    seed: int | None = None
    temperature: float | None = 0.7
    stop: list[str] = Field(default_factory=list)
    max_tokens: str = "unbounded"


def test_a_chat_model_of_the_users_own_keeps_what_it_was_made_with(store: ArtifactStore) -> None:
    (free,) = resolve(store, Seeded(script=["x"]))
    (bound,) = resolve(store, Seeded(script=["x"], seed=7, stop=["END"]))
    (plain,) = resolve(store, ScriptedModel(script=["x"]))
    assert (free.takes_seed, bound.takes_seed, plain.takes_seed) == (True, False, False)
    assert free.own == {"temperature": 0.7}
    assert bound.own == {"temperature": 0.7, "seed": 7, "stop": ["END"]}
    assert plain.own == {}
    chat, arguments = free.asked_with({"seed": 3, "temperature": 0.0, "top_p": 0.5})
    assert isinstance(chat, Seeded)
    assert (chat.seed, chat.temperature, arguments) == (3, 0.0, {"top_p": 0.5})
    assert chat.asked is free.chat.asked, "it is the same in all else"  # type: ignore[attr-defined]
    assert free.chat.seed is None  # type: ignore[attr-defined]
    assert plain.asked_with({"seed": 3}) == (plain.chat, {"seed": 3})


def test_a_policys_chat_model_is_asked_as_it_is(store: ArtifactStore) -> None:
    made = Seeded(script=["x"])
    ANSWER.append(made)
    (model,) = resolve(store, "priced/a")
    assert model.asked_with({"temperature": 0.0}) == (made, {"temperature": 0.0})
    assert model.asked_with({})[0] is made


def test_what_is_set_and_not_taken_is_said(store: ArtifactStore) -> None:
    known = PolicyModel(ScriptedModel(script=["x"]), takes=frozenset({"temperature", "seed"}))
    warm, bounded = Options(temperature=0.5), Options(max_tokens=9)
    ANSWER[:] = [known, known]
    assert resolve(store, "priced/a", options=warm)[0].refusal(bounded) == (
        "the model priced/a takes no max_tokens; leave it out, or choose another model (it takes temperature)"
    )
    with pytest.raises(ConfigError, match="takes no max_tokens"):
        resolve(store, "priced/a", options=bounded)
    assert resolve(store, "priced/a", options=bounded)[0].refusal(bounded) == "", "it is not known"
    assert resolve(store, "plain", options=bounded)[0].refusal(bounded) == "", "a program writes"


@pytest.mark.parametrize(("record", "wanted"), [("full", True), ("events", False), ("none", False)])
def test_a_policy_is_told_whether_its_tokens_are_kept(
    store: ArtifactStore, record: Any, wanted: bool
) -> None:
    resolve(store, "told/a", "priced/b", options=Options(record=record))
    assert [each.tokens for each in ASKED] == [wanted, wanted]


def test_stop_strings_are_refused_only_where_tokens_are_kept(store: ArtifactStore) -> None:
    stop = Options(stop=("END",))
    full = stop.model_copy(update={"record": "full"})
    with pytest.raises(ConfigError, match="told/a takes no stop strings where its tokens are"):
        resolve(store, "told/a", options=full)
    resolve(store, "told/a", options=stop)
    resolve(store, "priced/a", options=full)


def test_what_a_model_is_asked_with_is_its_policys_to_say(store: ArtifactStore) -> None:
    def asks(sampling: Any) -> Any:
        return {"top_k": -1, "temperature": 1.0, **sampling}

    ANSWER.append(PolicyModel(ScriptedModel(script=["x"]), asks=asks))
    (model,) = resolve(store, "told/a")
    assert model.arguments({"temperature": 0.5}) == {"top_k": -1, "temperature": 0.5}
    (other,) = resolve(store, "told/a")
    assert other.arguments({"temperature": 0.5}) == {"temperature": 0.5}
