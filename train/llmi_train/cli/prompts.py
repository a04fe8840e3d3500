"""`llmi-train prompts`: what a policy is asked while it is trained."""

from __future__ import annotations

import click

from llmi_train.cli.check import check
from llmi_train.cli.convert import convert
from llmi_train.cli.make import make
from llmi_train.cli.split import split


@click.group(no_args_is_help=True)
def prompts() -> None:
    """Prompts to train on: checked, split, converted, made."""


for _command in (make, check, split, convert):
    prompts.add_command(_command)
