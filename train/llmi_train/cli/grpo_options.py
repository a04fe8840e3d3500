"""Options of GRPO, from traces and online."""

from __future__ import annotations

import json
from typing import Any

import click

from llmi_agent.cli.parameters import Number, together

LOSSES = ("dapo", "dr_grpo", "gspo", "cispo", "grpo")


def named_values(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Of several NAME=VALUE, each value as JSON, or else as text. Raises BadParameter."""
    found: dict[str, Any] = {}
    for each in values:
        name, _, value = each.partition("=")
        if not (name.strip() and value.strip()):
            raise click.BadParameter(
                f"{each!r} is not NAME=VALUE, such as enable_thinking=false", ctx, parameter
            )
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found


rows_options = together(
    click.option(
        "--longest",
        type=click.IntRange(2),
        metavar="N",
        help="Tokens of a prompt with its answer, at most.",
    ),
    click.option(
        "--repairs",
        metavar="COMPONENT",
        help="Train on repairs, too, by this reward of slots or calls.  [default: they are read, and not trained on]",
    ),
    click.option(
        "--template-option",
        "template",
        multiple=True,
        callback=named_values,
        metavar="NAME=VALUE",
        help="What the chat template is given beside the messages, such as enable_thinking=false; may be repeated.",
    ),
)
"""What rows are made of."""

loss_options = together(
    click.option(
        "--loss",
        type=click.Choice(LOSSES),
        default="dapo",
        show_default=True,
        help="What is minimised.",
    ),
    click.option(
        "--clip-low",
        type=Number(0, 1),
        metavar="E",
        help="How far below 1 a ratio may fall.  [default: the loss's own]",
    ),
    click.option(
        "--clip-high",
        type=Number(0, min_open=True),
        metavar="E",
        help="How far above 1; of cispo the largest ratio itself.  [default: the loss's own]",
    ),
    click.option(
        "--mask-outside",
        type=Number(0, min_open=True),
        metavar="D",
        help="Leave rows alone whose geometric mean ratio is not within 1/(1+D) and 1+D.",
    ),
    click.option(
        "--max-kl",
        type=Number(0),
        default=0.3,
        show_default=True,
        metavar="NATS",
        help="Stop where the policy is further than this from the recorded one, a token; 0: never.",
    ),
    click.option(
        "--probe-rows",
        type=click.IntRange(0),
        default=64,
        show_default=True,
        metavar="N",
        help="Work out so many rows' logprobs again before anything is trained, to see that these weights sampled them.",
    ),
    click.option(
        "--tolerance",
        type=Number(0, min_open=True),
        metavar="NATS",
        help="The mean difference that is let pass.  [default: 1e-4 in float32, 0.02 in bfloat16]",
    ),
)
"""How the loss is made, and what is looked at before."""

fresh_options = together(
    click.option(
        "--eval-prompts",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Evaluate now and then, by fresh rollouts on these held-out prompts: the best checkpoint is kept, and training stops "
        "when it gets worse.",
    ),
    click.option(
        "--eval-every",
        type=click.IntRange(1),
        default=50,
        show_default=True,
        metavar="N",
        help="Steps between two evaluations.",
    ),
    click.option(
        "--eval-samples",
        type=click.IntRange(1, 1000),
        default=4,
        show_default=True,
        metavar="K",
        help="Episodes of each of its prompts.",
    ),
    click.option(
        "--eval-profile",
        metavar="NAME|FILE",
        help="By which rules they are scored.  [default: the reward's name]",
    ),
    click.option(
        "--eval-judge",
        multiple=True,
        metavar="MODEL",
        help="Who judges them, where the reward needs a judge; may be repeated.",
    ),
)
"""How the policy is evaluated in between."""
