"""Evaluating while a policy is trained: by fresh rollouts, sampled and scored as what it is trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_train.prompts.text import digest_of

if TYPE_CHECKING:
    from llmi_train.trainer.evaluating import Fresh


def fresh_of(
    given: Mapping[str, Any],
    flags: Mapping[str, Any],
    profile: str,
    asked: Collection[str],
    output: Output,
) -> Fresh | None:
    """How the policy is evaluated in between; None if it is not.

    flags: what its episodes are configured with. profile: the reward, if the options say no other. asked: digests of the
    prompts that are trained on.
    """
    if given["eval_prompts"] is None:
        return None
    from llmi_train.cli.asked import evaluated_on
    from llmi_train.cli.rollout_given import scoring_of
    from llmi_train.rollout.evaluate import Evaluation, evaluate
    from llmi_train.trainer.evaluating import Fresh

    prompts = evaluated_on(given["eval_prompts"], lambda line: output.say(line, "prompts"))
    if said := known_prompts([each.text for each in prompts], asked):
        output.say(said, "warned")
    judge = {"judge": given["eval_judge"], "judge_api_base": None, "picture_judge": None}
    limits = {"judge_votes": 1, "judge_deadline": 180.0, "judge_budget": None}
    named = {"profile": given["eval_profile"] or profile}
    scorer = scoring_of({**named, **judge, **limits}, output)

    async def evaluated(model: str, baseline: str | None) -> Evaluation:
        samples = given["eval_samples"]
        return await evaluate(
            prompts, model, scorer, baseline=baseline, samples=samples, flags=flags
        )

    return Fresh(evaluated, given["eval_every"])


def known_prompts(texts: Sequence[str], asked: Collection[str]) -> str:
    """That some prompts of an evaluation are trained on, in a sentence; empty if none is."""
    known = sum(digest_of(each) in asked for each in texts)
    if not known:
        return ""
    return (
        f"{known:,} of {plural(len(texts), 'prompt')} to evaluate on are among those that are trained on: what they earn says "
        "little about others; hold prompts out (llmi-train prompts split)"
    )
