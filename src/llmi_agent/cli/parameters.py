"""Options that several commands share, and the readers of their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def bindings(
    ctx: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Each "kind=tool" as a pair. Raises BadParameter."""
    return tuple(_binding(ctx, parameter, value) for value in values)


def _binding(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, str]:
    kind, _, tool = (part.strip() for part in value.partition("="))
    if not (kind and tool):
        message = f"{value!r} is not of the form kind=tool, such as search=llmi_gallery"
        raise click.BadParameter(message, ctx, parameter)
    return kind, tool


def _formats(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    from llmi_agent.render import FORMATS

    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        message = f"there is no format {(unknown or [value])[0]!r}; there are {', '.join(FORMATS)}"
        raise click.BadParameter(message, ctx, parameter)
    return tuple(name for name in FORMATS if name in names)


def formats_option(function: F) -> F:
    """`--format`."""
    return click.option(
        "--format",
        "formats",
        callback=_formats,
        default="html",
        show_default=True,
        metavar="html,md,json",
        help="What to write: one self-contained page, Markdown with pictures beside it, JSON.",
    )(function)


def verbose_option(function: F) -> F:
    """`-v`; its value is the voice's."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        help="Show what happens as events on stderr: JSON lines when it is not a terminal.",
    )(function)


def json_option(function: F) -> F:
    """`--json`; its value is the voice's."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        help="Print one JSON object on stdout, and nothing else; errors too.",
    )(function)
