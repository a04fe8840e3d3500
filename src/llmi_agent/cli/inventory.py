"""The tools as data, as a list for people, and as tab-separated lines for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from llmi_agent.base.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from llmi_agent.host.registry import Bindings, Registered
    from llmi_agent.runner.setup import Setup

COLUMNS = ("kind", "tool", "standing", "bound", "distribution", "version", "missing", "description")


def kinds(setup: Setup, bindings: Bindings) -> list[dict[str, Any]]:
    """Every kind with its tools, in the registry's order, as plain JSON."""
    return [
        {
            "kind": kind,
            "bound": bindings.names.get(kind),
            "tools": [
                _tool(tool, setup, bindings) for tool in setup.registry.of_kind(kind, setup.secrets)
            ],
        }
        for kind in setup.registry.kinds
    ]


def show(inventory: list[dict[str, Any]]) -> None:
    """On stdout: a list on a terminal, else a line of tab-separated columns for each tool."""
    if sys.stdout is not None and sys.stdout.isatty():
        _show_list(inventory)
        return
    click.echo("\t".join(COLUMNS))
    for kind in inventory:
        for tool in kind["tools"]:
            click.echo("\t".join(_cell({"kind": kind["kind"], **tool}[name]) for name in COLUMNS))


def _tool(tool: Registered, setup: Setup, bindings: Bindings) -> dict[str, Any]:
    spec = tool.spec
    return {
        "tool": spec.name,
        "standing": tool.standing(setup.secrets),
        "bound": bindings.names.get(spec.kind) == spec.name,
        "plugin": tool.plugin,
        "distribution": tool.distribution,
        "version": tool.version,
        "needs": list(spec.needs),
        "missing": list(tool.missing(setup.secrets)),
        "usd": spec.usd,
        "seconds": spec.seconds,
        "timeout": spec.timeout,
        "executes_code": spec.executes_code,
        "description": one_line(spec.description),
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, list) else one_line(str(value))


def _show_list(inventory: list[dict[str, Any]]) -> None:
    from rich.console import Console

    console = Console(highlight=False, emoji=False, markup=False)
    if not inventory:
        console.print("No tools are installed: pip install 'llmi-agent[tools]'")
    for kind in inventory:
        console.print(kind["kind"], style="bold")
        for tool in kind["tools"]:
            _show_tool(console, tool)


def _show_tool(console: Console, tool: dict[str, Any]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    mark = ("* " if console.options.ascii_only else "● ") if tool["bound"] else "  "
    head = Text(mark, style="green").append(tool["tool"], style="bold" if tool["bound"] else "none")
    head.append(f"  {tool['standing']}", style="green" if tool["bound"] else "yellow")
    head.append(f"  {tool['distribution']} {tool['version']}", style="dim")
    if tool["missing"]:
        head.append(f"  set {', '.join(tool['missing'])}", style="yellow")
    console.print(Padding(head, (0, 0, 0, 2)))
    console.print(Padding(Text(tool["description"]), (0, 0, 0, 6)))
