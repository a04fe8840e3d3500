"""What fresh episodes are run with: the configuration, the model that must say what it samples, the graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.contract.policy import PolicyFailed
from llmi_agent.host.policies import RegisteredPolicy, error_of
from llmi_agent.models.resolve import Model, resolve_models
from llmi_agent.runner.runner import Runner
from llmi_agent.runner.setup import Setup, prepare
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.home import default_store, home

CONCURRENCY = 64
"""Episodes at once: a local checkpoint writes them together."""
LOCAL = "transformers/"
"""What names of local checkpoints begin with."""
WAY_OUT = (
    "`llmi-train offline` needs that: collect with a model that gives it (transformers/DIR, vllm/MODEL), or write with "
    "`llmi batch` and train with `llmi-train sft`, `dpo` or `kto`"
)
"""For a model that does not say what it samples."""


@dataclass(frozen=True)
class Prepared:
    """Ready to run."""

    setup: Setup
    runner: Runner
    store: ArtifactStore
    weights: str
    """Their version; empty where it is known only from the answers."""

    def anew(self, weights: str, seed: int) -> Prepared:
        """The same for other weights of the policy, drawing by another seed."""
        setup = self.setup.with_options(weights=weights, seed=seed)
        return Prepared(setup, Runner.of(setup, self.store), self.store, weights)


def prepared(
    flags: Mapping[str, Any],
    graph: str = Setup.graph,
    *,
    concurrency: int,
    tokens: bool = True,
    policy: RegisteredPolicy | None = None,
) -> Prepared:
    """From llmi.toml, the environment and `flags` (by dotted name, as for `load_config`), on the user's store.

    All that happens is recorded. tokens: the model must say what it samples, token by token. Of a model whose weights are known before it answers, their version is one of the settings:
    other weights below the same path are another policy. policy: one more that can be named as the model. Raises what `Setup.check` does, ConfigError for settings of which
    no traces to train on come, UnavailableError for a model that must say its tokens and does not.
    """
    setup = prepare({**flags, "options.record": "full"}, graph)
    if policy:
        setup = replace(setup, registry=setup.registry.also(policy))
    setup.check()
    store = default_store()
    model = _model(setup, store)
    if tokens and not model.tokens:
        raise UnavailableError(
            f"{model.name} does not say what it samples, token by token; {WAY_OUT}"
        )
    weights = setup.config.options.weights or _weights(model)
    options = setup.config.options
    limits = {**options.limits, "model": options.limits.get("model", concurrency)}
    update = {"weights": weights, "limits": limits}
    update |= {} if model.tokens else {"record": "events"}
    setup = setup.with_options(**update)
    return Prepared(setup, Runner.of(setup, store), store, weights)


def place_for(ready: Prepared, what: str, prompts: str) -> Path:
    """The folder of this machine in which it is kept how far something is that is done with these settings.

    what: `collected`, `evaluated`. prompts: their file, or whatever else names them.
    """
    told = json.dumps([ready.setup.digest, prompts])
    return home() / what / hashlib.sha256(told.encode()).hexdigest()[:24]


def _model(setup: Setup, store: ArtifactStore) -> Model:
    if setup.config.fallback:
        raise ConfigError(
            "a fallback model would mix two policies in one group; leave out fallback while traces to train on are written"
        )
    if not setup.config.model:
        raise UnavailableError(
            "no model is chosen: name the policy, such as --model transformers/DIR"
        )
    if setup.model.startswith(LOCAL) and not setup.registry.policies.knows(setup.model):
        raise UnavailableError(
            f"the model {setup.model} needs the plugin llmi-transformers: `make train`, or pip install 'llmi-train[grpo]' "
            "(LLMI_PLUGINS, where it is set, must name it)"
        )
    (model,) = resolve_models(
        setup.model,
        policies=setup.registry.policies,
        store=store,
        kinds={},
        options=setup.config.options,
        secrets=setup.secrets,
        api_base=setup.config.api_base,
    )
    return model


def _weights(model: Model) -> str:
    try:
        return model.weights() if model.weights else ""
    except PolicyFailed as error:
        raise error_of(error) from None
