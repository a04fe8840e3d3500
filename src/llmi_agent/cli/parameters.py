"""Options that several commands share, and the readers of their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Finite(click.types.FloatParamType):
    """A number that is none of `nan` and `inf`: of these, comparisons say nothing, or always the same."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Raises BadParameter."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no number that can be worked with", param, ctx)
        return found


class Number(Finite, click.FloatRange):
    """One within a range."""


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
    from llmi_agent.document.render import FORMATS

    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        message = f"there is no format {(unknown or [value])[0]!r}; there are {', '.join(FORMATS)}"
        raise click.BadParameter(message, ctx, parameter)
    return tuple(name for name in FORMATS if name in names)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, listed in the help in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


model_options = together(
    click.option(
        "--model",
        metavar="MODEL",
        help='The model, as a policy knows it: "openai/gpt-5" and the like, or "offline", which needs no key.  '
        "[default: the configured one, else offline]",
    ),
    click.option(
        "--fallback",
        multiple=True,
        metavar="MODEL",
        help="A model that writes instead when the one before it fails; may be repeated.",
    ),
    click.option(
        "--api-base",
        metavar="URL",
        help="An OpenAI-compatible server that serves the model, such as http://localhost:8000/v1.",
    ),
    click.option(
        "--temperature",
        type=Number(0, 5),
        metavar="T",
        help="How freely the model chooses; 0 is not at all.  [default: the model's own]",
    ),
    click.option(
        "--top-p",
        type=Number(0, 1, min_open=True),
        metavar="P",
        help="The share of the likeliest tokens that the model chooses from.  [default: the model's own]",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(1),
        metavar="N",
        help="The most tokens of one answer of the model.  [default: the model's own]",
    ),
    click.option(
        "--stop",
        multiple=True,
        metavar="TEXT",
        help="Where the model writes this, its answer ends; may be repeated.",
    ),
    click.option(
        "--budget",
        type=Number(min=0),
        metavar="USD",
        help="What a document may cost. A call that might exceed it, or whose price is unknown, is not made.",
    ),
    click.option(
        "--cache",
        is_flag=True,
        help="Use results of earlier runs for paid and chance tools, too, where the request is the same.",
    ),
)
"""Who writes, and at what cost."""


def _split(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Raises BadParameter for a name that no split can have."""
    from llmi_agent.runner.prompt_line import no_split

    if value and (why := no_split(value)):
        raise click.BadParameter(why, ctx, parameter)
    return value


record_options = together(
    click.option(
        "--record",
        type=click.Choice(("full", "events", "none")),
        help="How much is kept of a run: all that happens, with the tokens that the model sampled (where its server gives "
        "them) or without, or nothing: then it cannot be gone on with.  [default: events]",
    ),
    click.option(
        "--weights",
        metavar="VERSION",
        help="The version of the model's weights, to be put on record where its server does not say it.",
    ),
    click.option(
        "--split",
        callback=_split,
        default="",
        metavar="NAME",
        help="The part of a data set that the prompt is from, such as train or test, to be put on record: `llmi traces` "
        "finds runs by it, and `llmi cache clear` keeps them.",
    ),
)
"""What is kept of it."""

images_option = click.option(
    "--images",
    "folders",
    type=click.Path(exists=True, file_okay=False),
    multiple=True,
    metavar="DIR",
    help="A folder of pictures to search in; may be repeated.",
)

graph_options = together(
    click.option(
        "--use",
        callback=bindings,
        multiple=True,
        metavar="KIND=TOOL",
        help="The tool for a kind of picture, by a name that `llmi tools` lists; may be repeated.",
    ),
    click.option(
        "--graph",
        default="interleave",
        show_default=True,
        metavar="NAME",
        help="The state machine to run, by its entry point.",
    ),
)
"""What runs, with which tools."""


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
    """`-v`; its value is the output's."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        help="Show what happens as events on stderr: JSON lines when it is not a terminal.",
    )(function)


def json_option(function: F) -> F:
    """`--json`; its value is the output's."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        help="Print one JSON object on stdout, and nothing else; errors too.",
    )(function)


def json_lines_option(function: F) -> F:
    """`--json` of a command with a line of output for each of many; its value is the output's."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        help="Print one JSON object a line on stdout, and nothing else.",
    )(function)
