"""`llmi doctor`: what is installed, what is wrong, what would be used, and where each value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from llmi_agent.cli.parameters import json_option, verbose_option
from llmi_agent.cli.voice import Voice

if TYPE_CHECKING:
    from llmi_agent.cli.setup import Setup
    from llmi_agent.registry import Registered
    from llmi_agent.tool import Health

CHECK_SECONDS = 30.0


@click.command()
@json_option
@verbose_option
@click.pass_obj
def doctor(voice: Voice) -> None:
    """Check plugins, tools and configuration, and say what to mend.

    What is installed and its problems, whether each bound tool can run, and where each value comes from. Exits with 1 if a plugin has a problem or a bound tool cannot run. Nothing here costs money or asks the network.
    """
    from llmi_agent.cli.setup import prepare

    voice.configure_logs()
    findings = examine(prepare({}))
    if voice.json:
        voice.give(findings)
    else:
        _show(findings)
    if findings["problems"] or any(not each["ok"] for each in findings["tools"]):
        raise click.exceptions.Exit(1)


def examine(setup: Setup) -> dict[str, Any]:
    """Everything there is to say, as plain JSON."""
    import asyncio
    import platform
    from importlib.metadata import version

    from llmi_agent.home import home

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
            }
            for each in host.plugins
        ],
        "problems": [{**vars(each), "line": str(each)} for each in host.problems],
        "tools": asyncio.run(_checked(setup)),
        "configuration": _configuration(setup),
    }


async def _checked(setup: Setup) -> list[dict[str, Any]]:
    """The health of each bound tool."""
    findings = []
    for kind, tool in setup.bindings.tools.items():
        health = await _health(setup, tool)
        findings.append(
            {"kind": kind, "tool": tool.spec.name, "ok": health.ok, "message": health.message}
        )
    return findings


async def _health(setup: Setup, tool: Registered) -> Health:
    import asyncio
    from contextlib import AsyncExitStack

    from llmi_agent.home import default_store
    from llmi_agent.logs import get_logger
    from llmi_agent.tool import Health, ToolContext

    try:
        async with AsyncExitStack() as scope, asyncio.timeout(CHECK_SECONDS):
            live = tool.make()
            if close := getattr(live, "aclose", None):
                scope.push_async_callback(close)
            check = getattr(live, "check", None)
            if check is None:
                return Health(ok=True)
            context = ToolContext(
                artifacts=default_store(),
                scope=scope,
                log=get_logger(tool=tool.spec.name),
                folders=setup.config.options.folders,
                settings=setup.config.tools.get(tool.spec.name, {}),
                secrets={name: setup.secrets[name] for name in tool.spec.needs},
            )
            answer = await check(context)
            return answer if isinstance(answer, Health) else Health(False, "check gave no Health")
    except TimeoutError:
        return Health(False, f"its check did not end within {CHECK_SECONDS:g} s")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        return Health(False, f"{type(error).__name__}: {error}")


def _configuration(setup: Setup) -> dict[str, dict[str, Any]]:
    """Each value with its origin, by its dotted name."""
    config = setup.config
    values: dict[str, Any] = {
        "model": config.model,
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
    from llmi_agent.cli.text import one_line

    click.echo(f"llmi {findings['llmi']}, Python {findings['python']}, home {findings['home']}")
    click.echo("\nplugins")
    for each in findings["plugins"]:
        tools = ", ".join(each["tools"]) or "no tools"
        click.echo(f"  {each['plugin']} ({each['distribution']} {each['version']}): {tools}")
    if findings["problems"]:
        click.echo("\nproblems")
    for each in findings["problems"]:
        click.echo(f"  {one_line(each['line'])}")
    click.echo("\nbound tools")
    for each in findings["tools"]:
        state = "ok" if each["ok"] else "CANNOT RUN"
        click.echo(f"  {each['kind']}={each['tool']}: {state} {one_line(each['message'])}".rstrip())
    click.echo("\nconfiguration")
    for name, each in findings["configuration"].items():
        click.echo(f"  {name} = {each['value']!r}  ({each['origin']})")
