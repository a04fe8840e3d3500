"""The process that runs the policy's code: it shuts itself in first, and saves the figures afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import traceback
from dataclasses import asdict
from typing import Any

from llmi_sandbox import confine, explain, figures, lost_changes, style
from llmi_sandbox.job import Job, Places, Report, Standing, dump

_BROKEN = 70
"""The exit status if something of ours failed, not of the code's."""


def work(job: Job, places: Places, apart: confine.Apart, output: int, note: int) -> None:
    """Do the job and exit, without the interpreter's tear-down, which the code could hook into.

    `output` takes what the code prints, `note` what layers there are. Does not return.
    """
    status = _BROKEN
    try:
        _settle(places, output)
        if _shut_in(job, places, apart, note) and job.code is not None:
            report = perform(job.code, job.seed, places)
            places.report.write_text(dump(report), encoding="utf-8")
        status = 0
    except BaseException:  # noqa: BLE001 - it must not go up into the zygote's code
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):  # the code may have put anything in their place
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def perform(code: str, seed: int, places: Places) -> Report:
    """Run the code in the current folder and save its figures in `places.out`."""
    names: dict[str, Any] = {}
    doing = "while it was read"
    try:
        program = compile(code, explain.FILE, "exec", dont_inherit=True)
        doing = "while its figure was drawn"
        names |= style.namespace(seed)
        pyplot = names["plt"]
        known = lost_changes.functions(pyplot)
        try:
            exec(program, names)
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
        if name := lost_changes.overwritten(pyplot, known):
            return Report(
                error=f"the code assigned to {name}, which draws nothing; call it: {name}(...)"
            )
        return figures.save_open(places.out)
    except BaseException as error:  # noqa: BLE001 - whatever the policy's code raises is its own
        return Report(error=explain.failure(error, code, names, doing))


def _settle(places: Places, output: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _separate_handles()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.update(HOME=str(places.work), TMPDIR=str(places.work))
    if sys.platform == "linux":
        from llmi_sandbox import linux

        linux.die_with_parent()
        linux.be_first_to_go()


def _separate_handles() -> None:
    """Open anew the files that the zygote has open: those of its fonts.

    A handle that survives a fork shares its position with the other side, so that two workers would read each
    other's glyphs.
    """
    for name in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():  # noqa: PTH208
        handle = int(name)
        with contextlib.suppress(OSError):
            if handle > 2 and stat.S_ISREG(os.fstat(handle).st_mode):
                own = os.open(f"/proc/self/fd/{name}", os.O_RDONLY | os.O_CLOEXEC)
                os.lseek(own, os.lseek(handle, 0, os.SEEK_CUR), os.SEEK_SET)
                os.dup2(own, handle, inheritable=False)
                os.close(own)


def _shut_in(job: Job, places: Places, apart: confine.Apart, note: int) -> bool:
    """Put on the layers, say which stand, and return whether the code may run."""
    layers = confine.lock_down(job, places, apart)
    missing = [] if job.unconfined else confine.missing(layers)
    os.chdir(places.work)
    with os.fdopen(note, "w", encoding="utf-8") as told:
        told.write(dump(Standing([asdict(layer) for layer in layers], missing)))
    return not missing
