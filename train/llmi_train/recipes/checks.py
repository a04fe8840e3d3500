"""What can be looked at before anything is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import ConfigError, InputError, UnavailableError
from llmi_agent.cli.text import plural
from llmi_train.recipes import machine, memory
from llmi_train.recipes.checkpoint import unlike
from llmi_train.recipes.finding import Finding, tried
from llmi_train.recipes.recipe import SHARDED, Needs, Recipe

Given = Mapping[str, Any]
SAID = ("processes", "options", "server")
"""What follows from what is said alone: what is missing there runs on no machine."""


def files(recipe: Recipe, given: Given) -> Iterator[Finding]:
    """What it reads, and where it would write."""
    yield tried("model", lambda: _model(recipe, given["model"]))
    if given.get("behaviour"):
        yield tried("behaviour", lambda: _checkpoint(given["behaviour"]))
    if not given.get("export"):
        yield tried("out", lambda: _out(given))
    if recipe.command == "online":
        yield tried("prompts", lambda: _to_train_on(given))
    if given.get("eval_prompts"):
        yield tried("eval-prompts", lambda: _prompts(given["eval_prompts"]))
    if recipe.command == "sft" and given["examples"]:
        yield tried("examples", lambda: _examples(given))
    elif recipe.command in ("sft", "offline"):
        places = given["places"] if recipe.command == "offline" else given["traces"]
        yield tried("traces", lambda: _traces(list(places)))


def _checkpoint(name: str) -> str:
    from llmi_train.trainer.place import checkpoint

    return str(checkpoint(name).path)


def _model(recipe: Recipe, name: str | None) -> str:
    """Raises InputError if it is not there, or another one than the recipe is for."""
    from llmi_train.trainer.place import checkpoint

    if name is None:
        raise InputError("no model is named (--model)")
    wanted = recipe.model
    folder = Path(name.removeprefix("transformers/")).expanduser()
    if wanted and not folder.exists():
        way = wanted.get or f"hf download {wanted.name} --local-dir {folder}"
        raise InputError(f"there is no folder {folder}: {way}, or name yours with --model")
    found = checkpoint(str(folder))
    if wanted and (other := unlike(found.config, wanted.config)):
        raise InputError(
            f"{folder} is not {wanted.name}, which the recipe is for: {other[0]}; name that one with --model, or write a recipe "
            "for yours"
        )
    if recipe.command != "sft" and not _has_template(found.whole):
        raise InputError(f"{folder} has no chat template, so it cannot be asked anything")
    return f"{folder}{f', which looks like {wanted.name}' if wanted else ''}"


def _has_template(folder: Path) -> bool:
    if any(folder.glob("chat_template*")):
        return True
    try:
        return '"chat_template"' in (folder / "tokenizer_config.json").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _out(given: Given) -> str:
    from llmi_train.trainer.place import look

    if not given["out"]:
        raise InputError("no folder is named that the new checkpoint goes to (--out)")
    look(Path(given["out"]), resume=given["resume"])
    return str(given["out"])


def _to_train_on(given: Given) -> str:
    """Raises InputError if they are too few, or held out."""
    from llmi_agent.runner.prompt_file import STDIN
    from llmi_train.cli.online_run import prompts_to_train_on
    from llmi_train.rollout.turns import Turns

    if given["prompts"] == STDIN:
        return "from stdin, which is not looked at"
    prompts = prompts_to_train_on(given)
    Turns(prompts, given["prompts_per_step"], given["seed"])
    return f"{plural(len(prompts), 'prompt')} in {given['prompts']}"


def _prompts(name: str) -> str:
    from llmi_train.cli.asked import evaluated_on

    return f"{plural(len(evaluated_on(name)), 'prompt')} in {name}"


def _examples(given: Given) -> str:
    from llmi_train.preferences.reading import examples_in

    found = examples_in(Path(given["examples"]), leave_out_bad=given["leave_out_bad"])
    return f"{plural(len(found.taken), 'example')} in {given['examples']}"


def _traces(places: list[str]) -> str:
    from llmi_agent.cli.traces_options import place_of
    from llmi_agent.traces.places import InJournal, sources

    found = sources(places or place_of(None))
    for each in found:
        if isinstance(each, InJournal) and not each.journal.path.exists():
            raise InputError(
                f"there are no traces yet in {each.journal.path}: llmi-train collect makes them"
            )
    return ", ".join(each.name for each in found[:3]) + (" and others" if len(found) > 3 else "")


def judged(given: Given, command: str) -> Iterator[Finding]:
    """By what episodes are scored, and whether those who judge can be asked."""
    from llmi_train.cli.rollout_given import scorer_for

    if command == "online":
        yield tried("reward", lambda: _scorer(_of_online(given)))
    elif command == "offline" and given["eval_prompts"] and given["eval_profile"]:
        own = {"profile": given["eval_profile"], "judge": given["eval_judge"]}
        rest = {"judge_api_base": None, "picture_judge": None, "judge_votes": 1}
        limits = {"judge_deadline": 180.0, "judge_budget": None}
        yield tried("reward", lambda: _scorer(scorer_for({**own, **rest, **limits})))


def _of_online(given: Given) -> Any:
    from llmi_train.cli.online_run import check_reward
    from llmi_train.cli.rollout_given import scorer_for

    check_reward(given)
    return scorer_for(given)


def _scorer(scorer: Any) -> str:
    from llmi_agent.judges.choosing import name_of

    names = ", ".join(dict.fromkeys(map(name_of, scorer.judges))) or "none, and none is needed"
    return f"profile {scorer.version}; judges: {names}"


def tools(given: Given) -> Iterator[Finding]:
    """Plugins, and the tools that would make the pictures."""
    from llmi_agent.runner.setup import prepare
    from llmi_train.cli.rollout_given import flags_of

    try:
        setup = prepare(flags_of({"api_base": None, **given}, None), given["graph"])
    except (ConfigError, UnavailableError) as error:
        yield Finding("missing", "tools", str(error))
        return
    yield from (Finding("notice", "plugins", each.sentence) for each in setup.problems)

    def bound() -> str:
        setup.check()
        return ", ".join(f"{kind}: {name}" for kind, name in setup.bindings.names.items())

    yield tried("tools", bound)


def devices(needs: Needs, run: memory.Run | None) -> Iterator[Finding]:
    """Whether this machine has the GPUs, and the memory."""
    there = machine.gpus()
    yield tried("GPUs", lambda: _gpus(needs, there))
    if run and needs.gpus and needs.gpu_memory:
        yield _fits(memory.total(run) / memory.GB, needs.gpu_memory)
    if run and there and needs.gpus:
        most, reckoned = min(each.memory for each in there), memory.total(run)
        if reckoned > most:
            yield Finding(
                "notice", "memory",
                f"about {reckoned / memory.GB:,.0f} GB are reckoned for a GPU, and the smallest has {most / memory.GB:,.0f}",
            )  # fmt: skip
    main = machine.memory()
    if main is not None and needs.memory * memory.GB > main:
        says = f"{needs.memory:g} GB of main memory are needed, and this machine has {main / memory.GB:,.0f}"
        yield Finding("missing", "memory", says)


def _fits(reckoned: float, has: float) -> Finding:
    """Of the GPUs that the recipe is for. Both in GB."""
    about = f"about {reckoned:,.1f} of {has:g} GB are reckoned for each GPU"
    if reckoned > has:
        return Finding("missing", "memory", f"it does not fit: {about}")
    if reckoned * memory.MORE > has:
        says = f"tight: {about}, which has no room for the fifth more or so that libraries and fragmentation take"
        return Finding("notice", "memory", says)
    return Finding("ok", "memory", about)


def _gpus(needs: Needs, there: list[machine.Gpu]) -> str:
    """Raises UnavailableError."""
    fit = [each for each in there if each.memory >= 0.95 * needs.gpu_memory * memory.GB]
    if len(fit) < needs.gpus:
        has = ", ".join(f"{each.name} ({each.memory / memory.GB:,.0f} GB)" for each in there)
        raise UnavailableError(
            f"it cannot run on this machine: {plural(needs.gpus, 'GPU')} of {needs.gpu_memory:g} GB "
            f"{'is' if needs.gpus == 1 else 'are'} needed, and there {f'is {has}' if has else 'is no NVIDIA GPU (nvidia-smi)'}"
        )
    return f"{len(there)} here" if needs.gpus else "none is needed"


def together(recipe: Recipe, given: Given) -> Iterator[Finding]:
    """Whether the processes can divide the work among them."""
    launch = recipe.launch
    count = launch.in_all
    name = "prompts_per_step" if recipe.command == "online" else "step_rows"
    if count > 1 and given[name] % count:
        says = f"--{name.replace('_', '-')} is {given[name]}, and must be a multiple of the {count} processes"
        yield Finding("missing", "processes", says)
    if launch.strategy == "one" and count > 1:
        says = 'launch.strategy is "one", and there are to be several processes: ddp, fsdp2 or deepspeed-zero3'
        yield Finding("missing", "processes", says)
    if launch.nodes > 1:
        says = f"--out {given['out']} must be on a file system that all machines see; each has an LLMI_HOME of its own"
        yield Finding("notice", "machines", says)
    if recipe.command == "online" and given["steps"] and given["epochs"]:
        says = "--steps and --epochs both say how long it is trained; leave one out"
        yield Finding("missing", "options", says)
    if recipe.command == "online" and launch.strategy in SHARDED and not given.get("vllm"):
        says = f"with {launch.strategy} each process has a part of the weights, and cannot write by itself: --vllm URL"
        yield Finding("missing", "processes", says)
    yield from _server(recipe, given.get("vllm"))


def _server(recipe: Recipe, url: str | None) -> Iterator[Finding]:
    from llmi_train.trainer.place import server_of

    if not url:
        if recipe.server:
            says = "the table [server] is not used, for options.vllm names no address of one"
            yield Finding("notice", "server", says)
        return
    try:
        server_of(url)
    except ConfigError as error:
        yield Finding("missing", "server", str(error))
    else:
        says = f"whether a server answers at {url} is seen when it is started"
        yield Finding("notice", "server", says)
