"""`llmi-train prompts`: what a policy is asked while it is trained."""

from __future__ import annotations

import click


@click.group(no_args_is_help=True)
def prompts() -> None:
    """Prompts to train on: checked, split, converted, made."""
