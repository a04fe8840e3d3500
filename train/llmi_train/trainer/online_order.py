"""What an online training is asked for, and what of it is seen before anything is sampled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.options import ASIDE
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.setup import Setup
from llmi_train.rollout.policy import StepPolicy
from llmi_train.rollout.preparing import CONCURRENCY, Prepared, prepared
from llmi_train.rollout.steps import DEADLINE
from llmi_train.rows.sampling import bent
from llmi_train.trainer import loading
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import Online
from llmi_train.trainer.processes import processes


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """What a policy is rolled out on, and how."""

    prompts: Sequence[Prompt]
    scorer: Scorer
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Configuration of its episodes, by dotted name, as for `load_config`; not the model."""
    graph: str = Setup.graph
    concurrency: int = CONCURRENCY
    """Episodes at once, in each process."""
    deadline: float = DEADLINE
    """Seconds for the rollouts of a step and their rewards."""
    longest: int | None = None
    repairs: str | None = None
    """As for `llmi_train.rows.rows_of`."""
    template: Mapping[str, Any] = field(default_factory=dict)
    """What the chat template is given besides."""


def check_shares(settings: Online) -> None:
    count = processes().num_processes
    if settings.prompts_per_step % count:
        raise ConfigError(
            f"{settings.prompts_per_step} prompts to a step cannot be divided among {count} processes equally; "
            f"--prompts-per-step must be a multiple of {count}"
        )


def prepared_for(rollouts: Rollouts, writer: StepPolicy) -> Prepared:
    flags = {**rollouts.flags, "model": writer.model}
    flags |= {"api_base": writer.api_base} if writer.api_base else {}
    return prepared(
        flags, rollouts.graph, concurrency=rollouts.concurrency, policy=writer.registered
    )


def check_sampling(ready: Prepared) -> None:
    """Raises ConfigError for what no step could be trained on."""
    options = ready.setup.config.options
    if fault := bent(options.sampling):
        raise ConfigError(
            f"nothing could be trained on: {fault}; leave that out of the options, for only what is sampled from the policy's own "
            "distribution can be"
        )
    if options.temperature == 0:
        raise ConfigError(
            "at the temperature 0 all episodes of a group are the same; take one above 0"
        )


def longest_of(ready: Prepared, settings: Online) -> int:
    """What `dr_grpo` divides by. Raises ConfigError if that is not known before anything is sampled."""
    given = ready.setup.config.options.max_tokens
    if given is None and settings.loss == "dr_grpo":
        raise ConfigError(
            "the loss dr_grpo divides by the most tokens of an answer: say how many with --max-tokens"
        )
    return given or 1


def identity_of(
    rollouts: Rollouts, ready: Prepared, settings: Online, loaded: Loaded
) -> dict[str, Any]:
    """What the weights follow from, as far as it is known before anything is sampled."""
    setup = ready.setup
    apart = {"weights", "seed", "folders", *ASIDE}
    options = setup.config.options.model_dump(mode="json", exclude=apart, exclude_defaults=True)
    places = [setup.config.tools, setup.config.options.folders]
    asked = [[each.id, each.text, list(map(str, each.attach))] for each in rollouts.prompts]
    return {
        "kind": "online",
        "model": loading.version_of(loaded.folder),
        "data": {"hash": digest_of(asked), "prompts": len(rollouts.prompts)},
        "rollouts": {
            "graph": setup.graph,
            "profile": rollouts.scorer.version,
            "tools": setup.bindings.names,
            "options": options,
            "tool_settings": digest_of(places),
            "template": dict(rollouts.template),
            "longest": rollouts.longest,
            "repairs": rollouts.repairs,
            "policy": setup.model if setup.config.api_base else "the model itself",
            "processes": processes().num_processes,
        },
        "settings": settings.said(),
    }


def digest_of(value: Any) -> str:
    told = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
