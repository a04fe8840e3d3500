"""The child process: shuts itself in, runs the policy's code, saves its figures.

Two processes of one group: the first waits for the second, notes how it ended, and then kills the whole group,
itself included, so that nothing the code started can stay. A warm sandbox would fork `_work` from a
process that has the libraries loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from llmi_sandbox import confine
from llmi_sandbox.job import Job, Places, Report, State, dump, load_job


def main() -> None:
    """Run the job in the folder named by the last argument. Does not return."""
    places = Places(Path(sys.argv[-1]))
    job = load_job(places.job.read_text("utf-8"))
    apart = _leave_host()
    worker = os.fork()
    if worker == 0:
        _as_worker(job, places, apart)
    _, status = os.waitpid(worker, 0)
    places.ended.write_text(json.dumps(os.waitstatus_to_exitcode(status)))
    os.killpg(0, signal.SIGKILL)


def _leave_host() -> bool:
    if sys.platform != "linux":
        return False
    from llmi_sandbox import linux

    linux.die_with_parent()
    linux.be_first_to_go()
    return linux.enter_namespaces()


def _as_worker(job: Job, places: Places, apart: bool) -> None:
    """Do the job and exit without the interpreter's tear-down, which the code could hook into."""
    code = 70
    try:
        if sys.platform == "linux":
            from llmi_sandbox import linux

            linux.die_with_parent()
        os.chdir(places.work)
        _work(job, places, apart)
        code = 0
    except BaseException:  # noqa: BLE001 - it must not go up into the waiting process's code
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):  # the code may have put anything in their place
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _work(job: Job, places: Places, apart: bool) -> None:
    names = _prepare(job)
    limits = confine.Limits(job.memory, job.cpu)
    with places.state.open("w", encoding="utf-8") as state:
        layers = confine.lock_down(
            confine.library_folders() if names else (),
            [places.work, places.out, Path(os.devnull)],
            limits,
            apart=apart,
        )
        missing = [] if job.unconfined else confine.missing(layers)
        state.write(dump(State([asdict(layer) for layer in layers], missing)))
    if job.code is not None and not missing:
        report = _perform(job.code, names, places.out)
        places.report.write_text(dump(report), encoding="utf-8")


def _prepare(job: Job) -> dict[str, object]:
    """Import before the doors close: a library may want to read the machine's configuration."""
    if job.code is None:
        return {}
    from llmi_sandbox import explain, figures, style

    assert explain
    assert figures
    return style.namespace(job.code, job.seed)


def _perform(code: str, names: dict[str, object], out: Path) -> Report:
    from llmi_sandbox import explain, figures

    doing = "while it was read"
    try:
        program = compile(code, explain.FILE, "exec", dont_inherit=True)
        doing = "while its figure was drawn"
        try:
            exec(program, names)
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
        return Report(figures=figures.save_open(out))
    except BaseException as error:  # noqa: BLE001 - whatever the policy's code raises is its own
        return Report(error=explain.failure(error, code, names, doing))


if __name__ == "__main__":
    main()
