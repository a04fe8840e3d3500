"""What the commands that run a policy afresh are told, as the rooms that do it take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmi_agent.cli.output import Output
from llmi_agent.cli.traces_scoring import Asked, scorer_of, tell_scorer
from llmi_agent.records.journal import journal_beside
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.setup import prepare
from llmi_agent.store.home import default_store
from llmi_agent.traces.places import sources
from llmi_train.cli.asked import asked_of

_OPTIONS = ("temperature", "max_tokens", "seed", "budget", "weights")


def flags_of(given: Mapping[str, Any], model: str | None) -> dict[str, Any]:
    """The part that is configuration, for `load_config`."""
    flags: dict[str, Any] = {f"use.{kind}": tool for kind, tool in given["use"]}
    flags |= {f"options.{name}": given.get(name) for name in _OPTIONS}
    flags |= {"model": model, "api_base": given["api_base"]}
    flags |= {"options.cache": given["cache"], "options.folders": given["folders"] or None}
    return {name: value for name, value in flags.items() if value is not None}


def prompts_of(given: Mapping[str, Any], output: Output | None = None) -> list[Prompt]:
    """The first of the file that are of the split, as many as are wanted; of others it is said how many there are.

    Raises InputError.
    """

    def say(line: str) -> None:
        if output:
            output.say(line, "prompts")

    return asked_of(given["prompts"], given["split"], say)[: given["limit"]]


def scoring_of(given: Mapping[str, Any], output: Output) -> Scorer:
    """By what the episodes are scored; it is said in one line."""
    scorer = scorer_for(given)
    tell_scorer(scorer, output)
    return scorer


def scorer_for(given: Mapping[str, Any]) -> Scorer:
    """By what the episodes are scored. Raises what `scorer_of` does."""
    base = given["judge_api_base"]
    asked = Asked(
        episodes=(),
        place=None,
        profile=given["profile"],
        judge=given["judge"],
        picture_judge=given["picture_judge"],
        api_base=base,
        votes=given["judge_votes"],
        deadline=given["judge_deadline"],
        budget=given["judge_budget"],
        concurrency=8,
        criteria=None,
        demands=None,
        again=False,
        dry_run=False,
        limit=None,
        chosen={},
    )
    setup = prepare({"api_base": base} if base else {})
    return scorer_of(asked, setup, sources(journal_beside(default_store())))
