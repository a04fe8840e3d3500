"""`llmi-train offline`: GRPO from traces."""

from __future__ import annotations

from typing import Any

import click

from llmi_agent.cli.output import Output
from llmi_agent.cli.parameters import Number, json_option, verbose_option
from llmi_agent.cli.traces_options import moment
from llmi_train.cli.recipe_option import recipe_option
from llmi_train.cli.training_options import settings_options

LOSSES = ("dapo", "dr_grpo", "gspo", "cispo", "grpo")


def named_values(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Of several NAME=VALUE, each value as JSON, or else as text. Raises BadParameter."""
    import json

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


@click.command(context_settings={"default_map": {"step_rows": 64}})
@click.option(
    "--traces",
    "places",
    multiple=True,
    type=click.Path(),
    metavar="PLACE",
    help="Where the runs are: a home, a journal, an exported file, or a folder of these; may be repeated.  [default: your own home]",
)
@click.option(
    "--model",
    required=True,
    metavar="DIR",
    help="The checkpoint to begin from: a local folder, also as transformers/DIR.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where the new checkpoint goes.",
)
@click.option(
    "--behaviour",
    metavar="DIR",
    help="The checkpoint that sampled the runs, if --model is a later one.",
)
@click.option(
    "--profile",
    metavar="NAME",
    help="The reward by which runs are compared: its name, or its whole version.  [default: the only one on record]",
)
@click.option(
    "--policy", default="", metavar="TEXT", help="Only runs whose model's name has this in it."
)
@click.option(
    "--since",
    callback=moment,
    metavar="TIME",
    help="Only runs that began then or later: 2026-11-28, or 2d, 12h ago.",
)
@click.option("--until", callback=moment, metavar="TIME", help="Only runs that began before.")
@click.option(
    "--split",
    metavar="NAME",
    help="Only runs of this split.  [default: all but those held out, such as test]",
)
@click.option(
    "--temperature",
    type=Number(0, min_open=True),
    metavar="T",
    help="What all runs must have been sampled at.  [default: the only one on record]",
)
@click.option(
    "--longest",
    type=click.IntRange(2),
    metavar="N",
    help="Tokens of a prompt with its answer, at most.",
)
@click.option(
    "--repairs",
    metavar="COMPONENT",
    help="Train on repairs, too, by this reward of slots or calls.  [default: they are read, and not trained on]",
)
@click.option(
    "--leave-out-bad",
    is_flag=True,
    help="Leave out runs that cannot be trained on, and count them, instead of refusing all.",
)
@click.option(
    "--trust-unstated",
    is_flag=True,
    help="Take what is not on record of how runs were sampled to be neutral.",
)
@click.option(
    "--template-option",
    "template",
    multiple=True,
    callback=named_values,
    metavar="NAME=VALUE",
    help="What the chat template was given beside the messages, such as enable_thinking=false; may be repeated.",
)
@click.option(
    "--loss",
    type=click.Choice(LOSSES),
    default="dapo",
    show_default=True,
    help="What is minimised.",
)
@click.option(
    "--clip-low",
    type=Number(0, 1),
    metavar="E",
    help="How far below 1 a ratio may fall.  [default: the loss's own]",
)
@click.option(
    "--clip-high",
    type=Number(0, min_open=True),
    metavar="E",
    help="How far above 1; of cispo the largest ratio itself.  [default: the loss's own]",
)
@click.option(
    "--mask-outside",
    type=Number(0, min_open=True),
    metavar="D",
    help="Leave rows alone whose geometric mean ratio is not within 1/(1+D) and 1+D.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="How often all rows are gone through.",
)
@click.option(
    "--max-kl",
    type=Number(0),
    default=0.3,
    show_default=True,
    metavar="NATS",
    help="Stop where the policy is further than this from the recorded one, a token; 0: never.",
)
@click.option(
    "--probe-rows",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    metavar="N",
    help="Work out so many rows' logprobs again before anything is trained, to see that these weights sampled them.",
)
@click.option(
    "--tolerance",
    type=Number(0, min_open=True),
    metavar="NATS",
    help="The mean difference that is let pass.  [default: 1e-4 in float32, 0.02 in bfloat16]",
)
@click.option(
    "--eval-prompts",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Evaluate now and then, by fresh rollouts on these held-out prompts: the best checkpoint is kept, and training stops "
    "when it gets worse.",
)
@click.option(
    "--eval-every",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="N",
    help="Steps between two evaluations.",
)
@click.option(
    "--eval-samples",
    type=click.IntRange(1, 1000),
    default=4,
    show_default=True,
    metavar="K",
    help="Episodes of each of its prompts.",
)
@click.option(
    "--eval-profile",
    metavar="NAME|FILE",
    help="By which rules they are scored.  [default: the reward's name]",
)
@click.option(
    "--eval-judge",
    multiple=True,
    metavar="MODEL",
    help="Who judges them, where the reward needs a judge; may be repeated.",
)
@settings_options
@recipe_option
@json_option
@verbose_option
@click.pass_obj
def offline(output: Output, /, **given: Any) -> None:
    """Train a policy by GRPO on runs that were recorded with their tokens, against the policy that sampled them.

    Nothing is sampled in training: each row is what the policy read and wrote, and its advantage is that of its run within
    the group that was collected together (`llmi-train collect --group`). Everything is looked at before anything is trained:
    runs without logprobs, of other weights, another tokenizer or another template are refused.

    The path of the new checkpoint is printed: `llmi-train eval` compares it, `llmi run --model transformers/DIR` serves it.
    """
    output.configure_logs()
    from llmi_train.cli.offline_run import run

    run(given, output)
