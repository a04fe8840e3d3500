"""Online GRPO from prompts to a checkpoint: the graph is the rollout."""

from __future__ import annotations

import gc
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback

from llmi_agent.base.errors import ConfigError, LlmiError
from llmi_agent.cli.batch_progress import Display
from llmi_agent.cli.text import plural
from llmi_agent.config.options import ASIDE
from llmi_agent.rewards.scoring import Scorer
from llmi_agent.runner.prompt_file import Prompt
from llmi_agent.runner.setup import Setup
from llmi_train.rollout.closed import Closed
from llmi_train.rollout.policy import StepPolicy
from llmi_train.rollout.preparing import CONCURRENCY, Prepared, prepared
from llmi_train.rollout.steps import DEADLINE, FOLDER, Plan, Rolled, Steps
from llmi_train.rollout.turns import Turns
from llmi_train.rows.sampling import bent
from llmi_train.trainer import folder, loading
from llmi_train.trainer.card import Card
from llmi_train.trainer.evaluating import Evaluating, Fresh
from llmi_train.trainer.held import HeldPolicy
from llmi_train.trainer.loading import Loaded
from llmi_train.trainer.losses import UNLEARNS, Online
from llmi_train.trainer.measures import ONLINE_SHOWN
from llmi_train.trainer.online import OnlineTrainer
from llmi_train.trainer.origin import check_origin
from llmi_train.trainer.pictures import check_pictures
from llmi_train.trainer.probe import Probed, check_rows, check_weights, spread
from llmi_train.trainer.processes import Gathering, processes
from llmi_train.trainer.progress import Say, ShowSteps, Steps as Progress
from llmi_train.trainer.run import Outcome, best_of, looks_of, run_to_end
from llmi_train.trainer.settings import quiet
from llmi_train.trainer.stops import FiniteGradients, Stopped, limits
from llmi_train.trainer.whole import Save, is_spread, saving

_SHOWN = 3
_PROBED = "probed.json"
_SECONDS = 30.0
"""Between two lines that say how far a step's rollouts are."""


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


PolicyOf = Callable[[Loaded, str], StepPolicy]
"""From the model that is trained, and the name of the training, to who writes with its weights."""


@dataclass(frozen=True)
class Trained:
    """What came of a training."""

    outcome: Outcome
    rollouts: Sequence[Closed]
    """Of each step."""

    def as_json(self) -> dict[str, Any]:
        """With plain values."""
        return {**self.outcome.as_json(), "rollouts": self.summary()}

    def summary(self) -> dict[str, Any]:
        """Of all steps."""
        missing = Counter(each.why for step in self.rollouts for each in step.missing)
        left_out: Counter[str] = Counter()
        for step in self.rollouts:
            left_out.update(step.left_out)
        return {
            "episodes": sum(each.wanted for each in self.rollouts),
            "with_a_reward": sum(each.used for each in self.rollouts),
            "missing": dict(missing.most_common()),
            "left_out": dict(left_out.most_common()),
            "rows": sum(each.rows for each in self.rollouts),
            "steps_without_rows": sum(not each.rows for each in self.rollouts),
            "seconds": round(sum(each.seconds for each in self.rollouts), 3),
        }


def train_online(
    rollouts: Rollouts,
    model: str,
    out: Path,
    settings: Online | None = None,
    *,
    policy: PolicyOf | None = None,
    fresh: Fresh | None = None,
    resume: bool = False,
    callbacks: Sequence[Any] = (),
    steps: Progress | None = None,
    display: Display | None = None,
    say: Say | None = None,
    tell: Say = lambda _: None,
) -> Trained:
    """Train a checkpoint by rolling it out through the graph, step by step, and write the trained one.

    model: the checkpoint's folder, also as `transformers/PATH`. out: a new folder, or with `resume` the one of the same
    training, which was cut. policy: who writes the rollouts; by default the model itself, in this process.
    fresh, callbacks, steps, display, say: as for `run.train`. tell: told of the tools, and of each step what is missing.

    Raises InputError, ConfigError or UnavailableError, before anything is sampled, for what cannot be; Diverged if numbers are
    not finite; LlmiError if steps in a row have no rewards.
    """
    settings = settings or Online()
    quiet()
    folder.look(out, resume=resume)
    _check_shares(settings)
    settings.arguments(out)
    loaded = loading.load(model, settings.kept)
    writer = (policy or _held(settings, rollouts))(loaded, out.resolve().name)
    ready = _prepared(rollouts, writer)
    _check_sampling(ready)
    for problem in ready.setup.problems:
        tell(problem.sentence)
    tell(f"tools: {ready.setup.bindings}; the policy goes by {writer.model}")
    longest = _longest(ready, settings)
    turns = Turns(rollouts.prompts, settings.prompts_per_step, settings.seed)
    identity = _identity(rollouts, ready, settings, loaded)
    with ExitStack() as stack:
        training = stack.enter_context(folder.begun(out, identity, resume=resume))
        rolling = Steps(
            plan=Plan(
                turns=turns,
                group=settings.group,
                seed=settings.seed,
                concurrency=rollouts.concurrency,
                deadline=rollouts.deadline,
                longest=rollouts.longest,
                repairs=rollouts.repairs,
                sees=loaded.eyes is not None,
            ),
            ready=ready,
            scorer=rollouts.scorer,
            policy=writer,
            out=out,
            identity=f"online:{_digest(identity)}",
            together=Gathering(),
        )
        stack.callback(rolling.close)
        progress = steps or Progress(ONLINE_SHOWN)
        progress.doing = lambda: (
            f"{rolling.watch.done} of {rolling.watch.total} episodes of this step"
        )
        rolling.watch.tick = _Tick(progress, display, say)
        source = _Source(rolling, loaded, settings, rollouts.template, tell)
        trainer = OnlineTrainer(
            source,
            loaded,
            settings,
            out,
            limits(settings.max_kl),
            temperature=rolling.temperature,
            longest=longest,
        )
        source.trainer = trainer
        writer.attach(trainer)
        trainer.remove_callback(PrinterCallback)
        shown = ShowSteps(progress, display, say)
        evaluating = Evaluating(fresh, loaded, out) if fresh else None
        own = [
            FiniteGradients(),
            folder.MarkWhole(),
            _Sweep(),
            *([evaluating] if evaluating else []),
        ]
        for each in (*own, *callbacks, shown):
            trainer.add_callback(each)
        outcome = replace(run_to_end(trainer, training, None, evaluating), probed=source.probed)
        done = trainer.state.global_step // settings.updates
        trained = Trained(outcome, rolling.story.all()[:done])
        save = saving(trainer, loaded)
        folder.on_main(
            lambda: _write(save, trained, loaded, trainer, settings, training, rollouts, evaluating)
        )
    return trained


def _held(settings: Online, rollouts: Rollouts) -> PolicyOf:
    """The model itself writes."""

    def held(loaded: Loaded, name: str) -> StepPolicy:
        return HeldPolicy(
            loaded,
            name,
            settings.compute,
            at_once=rollouts.concurrency,
            template=rollouts.template,
        )

    return held


def _check_shares(settings: Online) -> None:
    count = processes().num_processes
    if settings.prompts_per_step % count:
        raise ConfigError(
            f"{settings.prompts_per_step} prompts to a step cannot be divided among {count} processes equally; "
            f"--prompts-per-step must be a multiple of {count}"
        )


def _prepared(rollouts: Rollouts, writer: StepPolicy) -> Prepared:
    flags = {**rollouts.flags, "model": writer.model}
    flags |= {"api_base": writer.api_base} if writer.api_base else {}
    return prepared(
        flags, rollouts.graph, concurrency=rollouts.concurrency, policy=writer.registered
    )


def _check_sampling(ready: Prepared) -> None:
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


def _longest(ready: Prepared, settings: Online) -> int:
    """What `dr_grpo` divides by. Raises ConfigError if that is not known before anything is sampled."""
    given = ready.setup.config.options.max_tokens
    if given is None and settings.loss == "dr_grpo":
        raise ConfigError(
            "the loss dr_grpo divides by the most tokens of an answer: say how many with --max-tokens"
        )
    return given or 1


def _identity(
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
        "data": {"hash": _digest(asked), "prompts": len(rollouts.prompts)},
        "rollouts": {
            "graph": setup.graph,
            "profile": rollouts.scorer.version,
            "tools": setup.bindings.names,
            "options": options,
            "tool_settings": _digest(places),
            "template": dict(rollouts.template),
            "longest": rollouts.longest,
            "repairs": rollouts.repairs,
            "policy": setup.model if setup.config.api_base else "the model itself",
            "processes": processes().num_processes,
        },
        "settings": settings.said(),
    }


def _digest(value: Any) -> str:
    told = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


class _Sweep(TrainerCallback):  # type: ignore[misc]
    """Frees what each step leaves in rings of objects, open files among it, where Python was told to look for them rarely."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Of a process that is ours: what it had loaded before is not gone through (`rare_collections`)."""
        if gc.get_freeze_count():
            gc.collect()


class _Tick:
    """While a step is rolled out: a bar is drawn again, or a line is said now and then."""

    def __init__(self, progress: Progress, display: Display | None, say: Say | None) -> None:
        self._progress, self._display, self._say = progress, display, say
        self._said = time.monotonic()

    def __call__(self) -> None:
        if self._display:
            self._display.tick()
        if self._say and time.monotonic() - self._said >= _SECONDS:
            self._said = time.monotonic()
            self._say(str(self._progress))


class _Source:
    """Gives the trainer each step's rollouts; says what is missing of them; ends it where nothing is learnt any more."""

    def __init__(
        self,
        rolling: Steps,
        loaded: Loaded,
        settings: Online,
        template: Mapping[str, Any],
        tell: Say,
    ) -> None:
        self.trainer: Any = None
        self._kept = rolling.out / FOLDER / _PROBED
        self.probed = _probed(self._kept)
        """How exactly the weights gave the logprobs of the first step, in this life of the process or an earlier one."""
        self._rolling, self._loaded, self._settings = rolling, loaded, settings
        self._template = template
        self._tell = tell
        self._empty: list[Closed] = []
        """Steps in a row without a row, in this life of the process."""

    def __call__(self, step: int) -> Rolled:
        if len(self._empty) >= self._settings.patience:
            self._end()
        rolled = self._rolling.of(step)
        closed = rolled.closed
        if not rolled.again:
            self._empty = [] if closed.rows else [*self._empty, closed]
        for line in _said(closed):
            self._tell(line)
        if step == 1 and (count := self._to_probe(rolled)):
            self.probed = self._probe(rolled, count)
            if processes().is_main_process:
                self._kept.write_text(json.dumps(vars(self.probed)), "utf-8")
        return rolled

    def _end(self) -> None:
        """Raises Stopped where all rewards are the same, LlmiError where there are none."""
        count = len(self._empty)
        if all(each.used >= self._settings.group for each in self._empty):
            raise Stopped(
                f"in each group of the last {count} steps all rewards were the same, so that nothing could be learnt from them"
            )
        why = Counter(each.why for step in self._empty for each in step.missing)
        most = why.most_common(1)[0][0] if why else "too few episodes have a reward"
        self.trainer.save_now()
        raise LlmiError(
            f"in {count} steps in a row there was nothing to learn from, most often because: {most}; see that tools and judges are "
            "there, and go on with --resume"
        )

    def _to_probe(self, rolled: Rolled) -> int:
        """How many rows; the same in all processes where each needs the others' weights for that."""
        count = min(len(rolled.rows), self._settings.probe_rows)
        return min(self._rolling.together.all(count)) if is_spread(self.trainer.model) else count

    def _probe(self, rolled: Rolled, count: int) -> Probed:
        """Raises InputError if the weights that wrote are not those that are trained."""
        assert rolled.gathered
        settings, model = self._settings, self.trainer.accelerator.unwrap_model(self.trainer.model)
        check_rows(rolled.rows, model)
        some = spread(rolled.rows, count)
        eyes = self._loaded.eyes
        check_pictures((each.segment for each in rolled.rows), eyes)
        check_origin(some, rolled.gathered.recorded, self._loaded.tokenizer, self._template, eyes)
        way = "What writes the rollouts must have the weights that are trained"
        model.eval()
        try:
            return check_weights(
                some,
                model,
                str(self._loaded.folder),
                settings.compute,
                settings.tolerance,
                eyes,
                way=way,
            )
        finally:
            model.train()


def _probed(path: Path) -> Probed | None:
    try:
        return Probed(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # it was cut before that
        return None


def _said(closed: Closed) -> list[str]:
    """What is missing of a step's rollouts, in sentences."""
    found = []
    why = Counter(each.why for each in closed.missing)
    if why:
        shown = "; ".join(f"{each} ({count})" for each, count in why.most_common(_SHOWN))
        more = "; and others" if len(why) > _SHOWN else ""
        lost = closed.wanted - closed.used
        found.append(
            f"step {closed.step}: {lost} of {plural(closed.wanted, 'episode')} without a reward: {shown}{more}"
        )
    if not closed.rows:
        left = ", ".join(f"{why} ({count})" for why, count in closed.left_out.items() if count)
        found.append(
            f"step {closed.step} is skipped: nothing can be learnt from it"
            + f": {left}" * bool(left)
        )
    return found


def _write(
    save: Save,
    trained: Trained,
    loaded: Loaded,
    trainer: OnlineTrainer,
    settings: Online,
    training: folder.Training,
    rollouts: Rollouts,
    evaluating: Evaluating | None,
) -> None:
    """The checkpoint, its card, and that it is done."""
    outcome = trained.outcome
    save(training.out)
    if evaluating:
        evaluating.keep_best()
    notes = [outcome.stopped] if outcome.stopped else []
    notes += [UNLEARNS] if settings.loss == "grpo" else []
    notes += [best_of(outcome)] if outcome.evaluations else []
    looks = looks_of(outcome)
    Card(
        title=training.out.resolve().name,
        about="A policy of LLMI, trained by GRPO online: at each step it wrote documents through the graph, with its tools, and was "
        "trained on their traces. Whether it is better is for an evaluation on other prompts to say (`llmi-train eval`).",
        base=f"{loaded.folder.name} ({training.identity['model']})",
        method="online-grpo",
        notes=notes,
        sections={
            "What it was rolled out on": {
                "prompts": len(rollouts.prompts),
                **training.identity["rollouts"],
            },
            "What came of the rollouts": trained.summary(),
            "How": settings.said(),
            **({"Fresh rollouts, mean reward": looks} if looks else {}),
            "The first step": outcome.first,
            "The last step": outcome.last,
            "Besides": {
                "steps": f"{outcome.steps} of {outcome.of}",
                "warm-up, in steps": outcome.warmup,
                "seconds": outcome.seconds,
                "recorded against recomputed logprobs, mean": outcome.probed.difference
                if outcome.probed
                else "not looked at",
            },
        },
    ).write(training.out)
    training.finish(
        {**trained.as_json(), "history": trainer.state.log_history},
        keep_checkpoints=settings.keep_checkpoints,
    )
