"""The options of whoever judges, wherever documents are scored."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.parameters import Number, together


def judging_options(prefix: str = "") -> Any:
    """Who judges, and at what cost. prefix: of the names that a command may have for its policy, too (`judge-`)."""
    return together(
        click.option(
            "--judge",
            multiple=True,
            metavar="MODEL",
            help='The model that judges text and pictures ("openai/gpt-5" and the like), or a judge that a plugin brings; may '
            "be repeated for these. A model should not judge what it wrote.",
        ),
        click.option(
            "--picture-judge",
            metavar="MODEL",
            help="The model that judges the pictures, in place of --judge. It must take pictures.",
        ),
        click.option(
            f"--{prefix}api-base",
            metavar="URL",
            help="An OpenAI-compatible server that serves the judges, such as http://localhost:8000/v1.",
        ),
        click.option(
            f"--{prefix}votes",
            type=click.IntRange(1, 99),
            default=1,
            show_default=True,
            metavar="K",
            help="How often a judge is asked about each document; the median counts.",
        ),
        click.option(
            f"--{prefix}deadline",
            type=Number(0, min_open=True),
            default=180.0,
            show_default=True,
            metavar="S",
            help="Seconds for each judge on one document; what is not said by then is missing.",
        ),
        click.option(
            f"--{prefix}budget",
            type=Number(0),
            metavar="USD",
            help="What judging may cost in all. What then cannot be judged is missing.",
        ),
    )
