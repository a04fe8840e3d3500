"""`llmi doctor`: what is installed, what is wrong, what would be used, and where each value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import json_option, verbose_option

if TYPE_CHECKING:
    from llmi_agent.contract.tool import Health
    from llmi_agent.host.registry import Registered
    from llmi_agent.models.resolve import Model
    from llmi_agent.runner.setup import Setup

CHECK_SECONDS = 30.0


@click.command()
@click.option(
    "--online",
    is_flag=True,
    help="Also ask the vendors whether the keys that are set work, as cheaply as they allow; the model is asked for "
    "one word.",
)
@json_option
@verbose_option
@click.pass_obj
def doctor(output: Output, online: bool) -> None:
    """Check plugins, tools and configuration, and say what to mend.

    What is installed and its problems, whether each bound tool can run, which variable a tool lacks, and where each value comes from. Exits with 1 if a plugin has a problem, a bound tool cannot run or a key does not work. Nothing here costs money or asks the network, but for --online.
    """
    from llmi_agent.runner.setup import prepare

    output.configure_logs()
    findings = examine(prepare({}), online=online)
    if output.json:
        output.give(findings)
    else:
        _show(findings)
    checked = [*findings["tools"], *findings["online"]]
    if findings["problems"] or any(not each["ok"] for each in checked):
        raise click.exceptions.Exit(1)


def examine(setup: Setup, *, online: bool = False) -> dict[str, Any]:
    """Everything there is to say, as plain JSON."""
    import asyncio
    import platform
    from importlib.metadata import version

    from llmi_agent.store.home import home

    host = setup.registry.host
    return {
        "llmi": version("llmi-agent"),
        "python": platform.python_version(),
        "home": str(home()),
        "plugins": [
            {
                "plugin": each.name,
                "distribution": each.distribution,
                "version": each.version,
                "tools": [spec.name for spec in each.specs],
                "policies": [spec.name for spec in each.policies],
            }
            for each in host.plugins
        ],
        "problems": [{**vars(each), "line": str(each)} for each in host.problems],
        "tools": asyncio.run(_checked(setup)),
        "lacking": [
            {"tool": tool.spec.name, "kind": tool.spec.kind, "missing": list(missing)}
            for tool in setup.registry.tools.values()
            if (missing := tool.missing(setup.secrets))
        ],
        "online": asyncio.run(_asked(setup)) if online else [],
        "configuration": _configuration(setup),
    }


async def _checked(setup: Setup) -> list[dict[str, Any]]:
    """The health of each bound tool."""
    return [
        {"kind": kind, **await _finding(setup, tool, "check")}
        for kind, tool in setup.bindings.tools.items()
    ]


async def _asked(setup: Setup) -> list[dict[str, Any]]:
    """What the vendors say of the tools that are bound, of each other key that is set, and the models of theirs."""
    tools = [
        {"kind": tool.spec.kind, **await _finding(setup, tool, "verify")}
        for tool in _askable(setup)
    ]
    return tools + await _models(setup)


def _askable(setup: Setup) -> list[Registered]:
    """The bound tools, and one for each further key of a plugin: a tool that nobody has named is not asked."""
    found = list(setup.bindings.tools.values())
    for tool in setup.registry.tools.values():
        keyed = tool.spec.needs and not tool.missing(setup.secrets) and not tool.spec.opt_in
        alike = (each for each in found if each.plugin == tool.plugin)
        if keyed and not any(each.spec.needs == tool.spec.needs for each in alike):
            found.append(tool)
    return found


async def _models(setup: Setup) -> list[dict[str, Any]]:
    """Each configured model, asked for a word."""
    from llmi_agent.base.errors import LlmiError
    from llmi_agent.models.resolve import resolve_models
    from llmi_agent.store.home import default_store

    config = setup.config
    if config.model is None and not config.fallback:
        return []
    try:
        models = resolve_models(
            config.model,
            config.fallback,
            policies=setup.registry.policies,
            store=default_store(),
            kinds={},
            options=config.options,
            secrets=setup.secrets,
            api_base=config.api_base,
        )
    except LlmiError as error:
        return [{"kind": "model", "tool": config.model, "ok": False, "message": str(error)}]
    return [await _word(setup, model) for model in models if model.language_model]


async def _word(setup: Setup, model: Model) -> dict[str, Any]:
    """What becomes of the request for a word."""
    import asyncio

    from llmi_agent.models.trouble import trouble_of

    finding = {"kind": "model", "tool": model.name, "ok": True, "message": "answers"}
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await model.chat.ainvoke("Reply with the word OK.", max_tokens=16)
    except Exception as error:  # noqa: BLE001 - every client library has errors of its own
        finding |= {"ok": False, "message": _without_secrets(setup, trouble_of(error).words)}
    return finding


async def _finding(setup: Setup, tool: Registered, question: str) -> dict[str, Any]:
    health = await _health(setup, tool, question)
    return {
        "tool": tool.spec.name,
        "ok": health.ok,
        "message": _without_secrets(setup, health.message),
    }


async def _health(setup: Setup, tool: Registered, question: str) -> Health:
    """What the tool's method `question` finds, however the tool behaves."""
    import asyncio
    from contextlib import AsyncExitStack

    from llmi_agent.base.logs import get_logger
    from llmi_agent.contract.tool import Health, ToolContext
    from llmi_agent.store.home import default_store

    try:
        async with AsyncExitStack() as scope, asyncio.timeout(CHECK_SECONDS):
            live = tool.make()
            if close := getattr(live, "aclose", None):
                scope.push_async_callback(close)
            method = getattr(live, question, None)
            if method is None:
                return Health(ok=True)
            context = ToolContext(
                artifacts=default_store(),
                scope=scope,
                log=get_logger(tool=tool.spec.name),
                folders=setup.config.options.folders,
                settings=setup.config.tools.get(tool.spec.name, {}),
                secrets={name: setup.secrets[name] for name in tool.spec.needs},
            )
            answer = await method(context)
            return (
                answer
                if isinstance(answer, Health)
                else Health(False, f"{question} gave no Health")
            )
    except TimeoutError:
        return Health(False, f"its {question} did not end within {CHECK_SECONDS:g} s")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        return Health(False, f"{type(error).__name__}: {error}")


def _without_secrets(setup: Setup, words: str) -> str:
    from llmi_agent.base.secrets import Redactor, secret_values

    needed = {name for tool in setup.registry.tools.values() for name in tool.spec.needs}
    values = [setup.secrets.get(name, "") for name in needed]
    return Redactor([*secret_values(setup.secrets), *values]).text(words)


def _configuration(setup: Setup) -> dict[str, dict[str, Any]]:
    """Each value with its origin, by its dotted name."""
    config = setup.config
    values: dict[str, Any] = {
        "model": config.model,
        "fallback": list(config.fallback),
        "api_base": config.api_base,
        "plugins": list(config.plugins) if config.plugins is not None else None,
        "out": str(config.out) if config.out else None,
        "strict": config.strict,
        **{f"use.{kind}": tool for kind, tool in config.use.items()},
        **{f"options.{k}": v for k, v in config.options.model_dump(mode="json").items()},
        **{f"tools.{name}.{k}": v for name, own in config.tools.items() for k, v in own.items()},
    }
    return {
        name: {"value": value, "origin": config.origins.get(name, "default")}
        for name, value in values.items()
    }


def _show(findings: dict[str, Any]) -> None:
    from llmi_agent.base.text import one_line

    click.echo(f"llmi {findings['llmi']}, Python {findings['python']}, home {findings['home']}")
    click.echo("\nplugins")
    for each in findings["plugins"]:
        brings = [*each["tools"], *(f"the models {name}" for name in each["policies"])]
        brought = ", ".join(brings) or "hooks"
        click.echo(f"  {each['plugin']} ({each['distribution']} {each['version']}): {brought}")
    if findings["problems"]:
        click.echo("\nproblems")
    for each in findings["problems"]:
        click.echo(f"  {one_line(each['line'])}")
    _show_health("bound tools", findings["tools"])
    if findings["online"]:
        _show_health("asked online", findings["online"])
    if findings["lacking"]:
        click.echo("\ntools that lack a variable")
    for each in findings["lacking"]:
        click.echo(f"  {each['kind']}={each['tool']}: set {', '.join(each['missing'])}")
    click.echo("\nconfiguration")
    for name, each in findings["configuration"].items():
        click.echo(f"  {name} = {each['value']!r}  ({each['origin']})")


def _show_health(title: str, findings: list[dict[str, Any]]) -> None:
    from llmi_agent.base.text import one_line

    click.echo(f"\n{title}")
    for each in findings:
        state = "ok" if each["ok"] else "CANNOT RUN"
        click.echo(f"  {each['kind']}={each['tool']}: {state} {one_line(each['message'])}".rstrip())
