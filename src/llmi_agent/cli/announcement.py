"""What is said before anything runs: what is wrong with the setup, and what will be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmi_agent.cli.output import Output
from llmi_agent.document.render.wording import dollars
from llmi_agent.runner.setup import Setup


def tell_problems(setup: Setup, output: Output) -> None:
    """One line on stderr for each."""
    for problem in setup.problems:
        output.say(problem.sentence, problem.event)


def announce(setup: Setup, output: Output) -> None:
    """The bindings in one line, and the model."""
    config = setup.config
    models = " else ".join([setup.model, *config.fallback])
    limit = config.options.budget
    budget = "" if limit is None else f"; budget: {dollars(limit) if limit else 'nothing'}"
    output.say(f"tools: {setup.bindings}; model: {models}{budget}", "bindings")
    if (
        config.options.sampling
        and not setup.registry.policies.find(setup.model).spec.language_model
    ):
        unused = ", ".join(config.options.sampling)
        output.say(f"{setup.model} is no language model: {unused} is not used")
    if config.model is None:
        policy = setup.registry.policies.find(setup.model).spec
        output.say(
            f"no model configured: {policy.name} writes ({policy.description}); "
            "choose one with --model"
        )


def tell_unsampled(event: Mapping[str, Any], output: Output) -> None:
    """What was asked for with `--record full` and is not kept. A run says it once of each model."""
    output.say(f"--record full: {event['message']}", "unsampled")
