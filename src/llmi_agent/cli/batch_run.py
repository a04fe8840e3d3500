"""A batch from the command line: every document that is wanted and not there yet is written, several at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from llmi_agent.cli.announcement import announce, tell_problems
from llmi_agent.cli.batch_lines import Lines
from llmi_agent.cli.batch_progress import Display, Tally, show
from llmi_agent.cli.given import Given
from llmi_agent.cli.output import Output
from llmi_agent.cli.progress import ticking
from llmi_agent.runner import manifest
from llmi_agent.runner.batch import Batch, Wanted, all_wanted
from llmi_agent.runner.folder import reserved
from llmi_agent.runner.garbage import rare_collections
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.runner.runner import Runner
from llmi_agent.runner.setup import prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.home import default_store


def write_batch(
    given: Given, output: Output, *, prompts: str, out: str, concurrency: int, group: int | None
) -> bool:
    """Write what is not there yet; whether every document is there then. Raises what stops all of them.

    prompts: the file, or "-". concurrency: documents at once. group: how often each prompt is written; None: once,
    without a folder for each time.
    """
    wanted = all_wanted(read_prompts(prompts, given.split), group)
    setup = prepare(given.flags, given.graph)
    tell_problems(setup, output)
    setup.check()
    runner = Runner.of(setup, default_store())
    seed = setup.config.options.seed
    with (
        reserved(Path(out), None, "") as folder,
        manifest.opened(folder) as known,
    ):
        announce(setup, output)
        tally = Tally(len(wanted))
        with show(tally, live=output.live) as screen:
            lines = Lines(folder, tally, screen, output, sys.stdout)
            batch = Batch(runner, folder, known, lines, given.formats, concurrency, seed)
            try:
                with redirect_stdout(sys.stderr), rare_collections():
                    run_until_stopped(_watched(batch, wanted, screen))
            except BaseException:
                lines.tell_stop()
                raise
        lines.tell_failures()
        output.say(str(tally), "batch.ended")
    return tally.done == tally.total


async def _watched(batch: Batch, wanted: Sequence[Wanted], screen: Display) -> None:
    async with ticking(screen):
        await batch.write(wanted)
