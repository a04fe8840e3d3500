"""One run from the command line: everything is checked, then the runner writes, then it is said what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.cli import summary
from llmi_agent.cli.announcement import announce, tell_problems, tell_unsampled
from llmi_agent.cli.given import Given
from llmi_agent.cli.output import Output, print_files
from llmi_agent.cli.progress import Watcher, ticking, watch
from llmi_agent.runner.episodes import SHORT, Episodes, Recalled
from llmi_agent.runner.folder import reserved
from llmi_agent.runner.inputs import attach
from llmi_agent.runner.job import FORMATS, Job, Written
from llmi_agent.runner.runner import Life, Runner
from llmi_agent.runner.setup import Setup, prepare
from llmi_agent.runner.signals import run_until_stopped
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.home import default_store


def execute(
    given: Given,
    output: Output,
    *,
    prompt: str,
    attachments: Sequence[str],
    out: str | None,
    resume: str | None,
) -> None:
    """Run, write, and say what came of it. Raises whatever stops it; `failures` has the words."""
    began = time.monotonic()
    store = default_store()
    before = Recalled(prompt=prompt) if resume is None else Episodes(store).recall(resume)
    output.about = partial(_about, store, before.episode)
    setup = prepare({**before.flags, **given.flags}, before.order.graph or given.graph)
    tell_problems(setup, output)
    setup.check()
    chosen = out or before.order.out
    name = Redactor(secret_values(setup.secrets)).text(before.prompt)
    with reserved(Path(chosen) if chosen else None, setup.config.out, name) as folder:
        job = Job(
            "" if before.episode else prompt,
            attach(store, attachments),
            folder,
            given.formats or before.order.formats or FORMATS,
            split=given.split,
            resume=before.episode,
        )
        announce(setup, output)
        written = _written(setup, store, job, output)
        if written.replaced:
            output.say(f"replacing the earlier report in {folder}")
        try:
            _report(written, time.monotonic() - began, output)
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                output.say(f"the document is written: its files are in {folder}", "written")
            raise


def _written(setup: Setup, store: ArtifactStore, job: Job, output: Output) -> Written:
    """What tools print meanwhile does not go to stdout."""
    with watch(output.live) as watcher, redirect_stdout(sys.stderr):

        def tell(event: Mapping[str, Any]) -> None:
            if event.get("type") == "restart":
                output.say(str(event["message"]), "restart")
            if event.get("type") == "unsampled":
                tell_unsampled(event, output)
            watcher.tell(event)

        life = Runner.of(setup, store).life(job, tell)
        try:
            return run_until_stopped(_watched(life, watcher))
        except BaseException:
            recorded = life.episode if life.recorded else ""
            output.about = partial(_about, store, recorded or job.resume)
            if recorded and life.asked:
                way = f"go on with it: llmi run --resume {recorded[:SHORT]}"
                output.say(way, "resumable")
            raise


def _about(store: ArtifactStore, episode: str) -> dict[str, Any]:
    """What a program wants to know of a run that has failed: how to go on with it, and what is on record of its cost."""
    if not episode:
        return {}
    try:
        known = Episodes(store).known(episode)
    except Exception:  # noqa: BLE001 - the error that is being told matters more
        return {"episode": episode, "usd": None}
    return {"episode": episode, "usd": known.costs.total if known else None}


async def _watched(life: Life, watcher: Watcher) -> Written:
    async with ticking(watcher):
        return await life.write()


def _report(written: Written, seconds: float, output: Output) -> None:
    document, files = written.document, written.files
    if output.live:
        summary.show(document, seconds)
    else:
        for sentence in summary.warnings(document):
            output.say(sentence, "missing")
    if output.json:
        output.give(summary.data(document, files, seconds))
    else:
        print_files(files)
