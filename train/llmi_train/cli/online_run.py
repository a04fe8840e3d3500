"""What `llmi-train online` does, once its options are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.cli.batch_progress import show
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_agent.runner.garbage import rare_collections
from llmi_agent.runner.prompt_file import Prompt
from llmi_train.cli.cut_short import needed, resumable
from llmi_train.cli.fresh import fresh_of
from llmi_train.cli.lines import now_and_then
from llmi_train.cli.offline_run import check
from llmi_train.cli.rollout_given import flags_of, prompts_of, scorer_for, scoring_of
from llmi_train.cli.training_options import NAMES
from llmi_train.prompts.text import digest_of
from llmi_train.rollout.aside import Aside
from llmi_train.rollout.turns import Turns
from llmi_train.rows.taking import is_other_split

if TYPE_CHECKING:
    from llmi_train.trainer.losses import Online
    from llmi_train.trainer.online_order import Rollouts
    from llmi_train.trainer.online_run import PolicyOf
    from llmi_train.trainer.online_written import Trained

OWN = (
    "loss", "clip_low", "clip_high", "mask_outside", "probe_rows", "tolerance", "prompts_per_step", "group", "updates", "patience",
)  # fmt: skip
"""Options of the settings that not every training has."""


def run(given: Mapping[str, Any], output: Output) -> None:
    """Train, and say what came of it. Raises what stops it."""
    try:
        _train(given, output)
    except BaseException as error:
        if Aside.kept:
            _end(output, output.fail(error))
        raise
    if Aside.kept:
        _end(output, 0)


def _end(output: Output, code: int) -> NoReturn:
    """End the process, though a tool or a judge keeps a thread of it."""
    output.flush()
    os._exit(code)


def _train(given: Mapping[str, Any], output: Output) -> None:
    with needed():
        from llmi_train.trainer.losses import UNLEARNS
        from llmi_train.trainer.measures import ONLINE_SHOWN
        from llmi_train.trainer.online_run import train_online
        from llmi_train.trainer.processes import processes
        from llmi_train.trainer.progress import Steps
    check({**given, "behaviour": None})
    prompts = prompts_to_train_on(given, output)
    settings = _settings(given, prompts)
    if settings.loss == "grpo":
        output.say(UNLEARNS, "warned")
    if said := late_judge(given):
        output.say(said, "warned")
    rollouts = _rollouts(given, prompts, output)
    fresh = _fresh(given, rollouts, output)
    steps, main = Steps(ONLINE_SHOWN), processes().is_main_process
    live, out = output.live and main, Path(given["out"])
    with (
        show(steps, live=live) as screen,
        redirect_stdout(sys.stderr),
        resumable(out, output),
        rare_collections(),
    ):

        def tell(line: str) -> None:
            if main:
                with screen.aside():
                    output.say(line, "rollouts")

        trained = train_online(
            rollouts,
            given["model"],
            out,
            settings,
            policy=_policy(given),
            fresh=fresh,
            resume=given["resume"],
            steps=steps,
            display=screen,
            say=now_and_then(output.say) if main and not live else None,
            tell=tell,
        )
    if main:
        _tell(trained, output)


def prompts_to_train_on(given: Mapping[str, Any], output: Output | None = None) -> list[Prompt]:
    """Raises InputError if some are held out."""
    prompts = prompts_of(given, output)
    if is_other_split(given["split"], None):
        raise InputError(
            f"{plural(len(prompts), 'prompt')} of {given['prompts']} {'is' if len(prompts) == 1 else 'are'} held out, such as "
            f"{prompts[0].id} (split {given['split']}): what is trained on cannot say how good a policy is; name another --split"
        )
    return prompts


def _settings(given: Mapping[str, Any], prompts: Sequence[Prompt]) -> Online:
    from llmi_train.trainer.losses import Online

    if given["steps"] and given["epochs"]:
        raise click.UsageError(
            "--steps and --epochs both say how long it is trained; leave one out"
        )
    turns = Turns(prompts, given["prompts_per_step"], given["seed"])
    own = {name: given[name] for name in (*NAMES, *OWN) if name != "step_rows"}
    return Online(
        **own,
        step_rows=given["prompts_per_step"] * given["group"],
        steps=given["steps"] or turns.steps(given["epochs"] or 1),
        max_kl=given["max_kl"] or None,
    )


def check_reward(given: Mapping[str, Any]) -> None:
    """Raises ConfigError where nothing says what is worth how much."""
    if not (given["profile"] or given["judge"] or given["picture_judge"]):
        raise ConfigError(
            "nothing says what an episode is worth: name the reward with --profile (rules needs no judge), and who judges with --judge"
        )


def late_judge(given: Mapping[str, Any]) -> str:
    """That a judge may be waited for beyond the step, in a sentence; empty if not."""
    judged = given["judge"] or given["picture_judge"]
    if not judged or given["judge_deadline"] < given["step_deadline"]:
        return ""
    return (
        f"a judge may take --judge-deadline {given['judge_deadline']:g} s, and a step's rollouts with their rewards "
        f"--step-deadline {given['step_deadline']:g} s: an answer that is slow costs the reward; let the first be well below the second"
    )


def _rollouts(given: Mapping[str, Any], prompts: Sequence[Prompt], output: Output) -> Rollouts:
    from llmi_train.trainer.online_order import Rollouts
    from llmi_train.trainer.processes import processes

    check_reward(given)
    flags = flags_of({**given, "seed": None, "api_base": None}, None)
    return Rollouts(
        prompts=prompts,
        scorer=scoring_of(given, output) if processes().is_main_process else scorer_for(given),
        flags=flags,
        graph=given["graph"],
        concurrency=given["concurrency"],
        deadline=given["step_deadline"],
        longest=given["longest"],
        repairs=given["repairs"],
        template=given["template"],
    )


def _policy(given: Mapping[str, Any]) -> PolicyOf | None:
    """Who writes, if it is not the model in this process. Raises what `ServedPolicy` does."""
    if not given["vllm"]:
        return None
    from llmi_train.trainer.served import ServedPolicy

    served = ServedPolicy(given["vllm"])
    return lambda loaded, name: served


def _fresh(given: Mapping[str, Any], rollouts: Rollouts, output: Output) -> Any:
    asked = frozenset(digest_of(each.text) for each in rollouts.prompts)
    profile = given["profile"] or rollouts.scorer.profile.name
    return fresh_of(given, rollouts.flags, profile, asked, output)


def _tell(trained: Trained, output: Output) -> None:
    if output.json:
        output.give(trained.as_json())
        return
    for sentence in _sentences(trained):
        output.say(sentence, "trained")
    click.echo(str(trained.outcome.out))


def _sentences(trained: Trained) -> Iterator[str]:
    outcome, summary = trained.outcome, trained.summary()
    yield (
        f"{outcome.steps} of {plural(outcome.of, 'step')}{_updates(trained)}, {plural(summary['episodes'], 'episode')}, "
        f"{summary['with_a_reward']:,} of them with a reward, {plural(summary['rows'], 'row')}"
    )
    for why, count in summary["missing"].items():
        yield f"{plural(count, 'episode')} without a reward: {why}"
    for why, count in summary["left_out"].items():
        yield f"nothing was learnt from {plural(count, 'episode')}: {why}"
    if outcome.probed:
        yield (
            f"the recorded logprobs of {plural(outcome.probed.rows, 'row')} are {outcome.probed.difference:.1g} nats a token from "
            "these weights'"
        )
    if outcome.first and outcome.last:
        first, last = (_reward(each.get("reward")) for each in (outcome.first, outcome.last))
        yield f"mean reward {first} at the first step, {last} at the last one"
    for each in outcome.evaluations:
        yield f"fresh rollouts after {outcome.unit} {each.step}: {each.reward:.3f} [{each.low:.3f}, {each.high:.3f}]"
    if outcome.evaluations and outcome.best != trained.updates[0]:
        yield f"the checkpoint after {outcome.unit} {outcome.best} was the best, and is the one that is kept"
    if outcome.stopped:
        yield f"stopped early: {outcome.stopped}"
    yield from outcome.notes


def _reward(mean: float | None) -> str:
    return "unknown" if mean is None else f"{mean:.3f}"


def _updates(trained: Trained) -> str:
    """Where they are not the same as steps."""
    done, planned = trained.updates
    return "" if trained.outcome.unit == "step" else f" with {done} of {plural(planned, 'update')}"
