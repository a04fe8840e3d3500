"""A batch: every document that is wanted and not there yet is written, several at once."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from llmi_agent.cli.announcement import announce, tell_problems
from llmi_agent.cli.batch_progress import Tally, show
from llmi_agent.cli.output import Output
from llmi_agent.cli.press import Batch, Press, Wanted
from llmi_agent.records.journal import journal_beside
from llmi_agent.runner import manifest
from llmi_agent.runner.episode import arguments, check_tools
from llmi_agent.runner.folder import reserved
from llmi_agent.runner.graphs import find_graph
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.runner.setup import prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.home import default_store


def write_batch(batch: Batch, output: Output) -> bool:
    """Write what is not there yet; whether every document is there then. Raises what stops all of them."""
    prompts = read_prompts(batch.prompts)
    members = [None] if batch.group is None else [*range(batch.group)]
    wanted = [Wanted(prompt, member) for prompt in prompts for member in members]
    setup = prepare(batch.order.flags)
    tell_problems(setup, output)
    check_tools(setup)
    store = default_store()
    graph = find_graph(batch.order.graph)(**arguments(setup, store))
    with (
        reserved(Path(batch.out), None, "") as folder,
        manifest.opened(folder) as known,
    ):
        announce(setup, output)
        tally = Tally(len(wanted))
        with show(tally, live=output.live) as screen:
            press = Press(
                batch,
                folder,
                known,
                store,
                journal_beside(store),
                graph,
                setup.config.options.seed,
                tally,
                screen,
                output,
                sys.stdout,
            )
            try:
                with redirect_stdout(sys.stderr):
                    run_until_stopped(press.write_all(wanted))
            except BaseException:
                with screen.aside():
                    press.tell_failures()
                    output.say(f"{tally}; the same command again goes on", "resumable")
                raise
        press.tell_failures()
        output.say(str(tally), "batch.ended")
    return tally.done == tally.total
