"""Trainings in processes of their own: to be killed, or several together. What is slow to import is imported once.

Reads a JSON object a line, forks for each of its processes, and answers with their exit codes, or the signals that ended them.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from transformers import TrainerCallback

sys.path.insert(0, str(Path(__file__).parent))

from tiny import Gathered, read, rows, stale  # type: ignore[import-not-found]

from llmi_agent.base.errors import LlmiError
from llmi_train.trainer.losses import Offline
from llmi_train.trainer.run import train

Work = Callable[..., None]


class Kill(TrainerCallback):  # type: ignore[misc]
    """Ends the process as a power cut would, after this step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


def spread_on_cpu() -> None:
    """accelerate takes FSDP for GPUs alone, and trains otherwise without a word; torch shards on a CPU, too."""
    init = AcceleratorState.__init__

    def on_cpu(self: Any, *given: Any, fsdp_plugin: Any = None, **named: Any) -> None:
        init(self, *given, fsdp_plugin=fsdp_plugin, **named)
        if fsdp_plugin is not None:
            self.fsdp_plugin = fsdp_plugin
            self.distributed_type = PartialState().distributed_type = DistributedType.FSDP

    AcceleratorState.__init__ = on_cpu


def work(base: str, out: str, kill: int, resume: bool, settings: dict[str, Any]) -> None:
    """Of 19 rows that another policy sampled."""
    if os.environ.get("ACCELERATE_USE_FSDP"):
        spread_on_cpu()
    made = stale(rows(read(Path(base))))
    callbacks = [Kill(kill)] if kill else []
    train(Gathered(made), base, Path(out), Offline(**settings), resume=resume, callbacks=callbacks)


def forked(work: Work, asked: dict[str, Any], environment: dict[str, str]) -> int:
    """The id of a process that does it."""
    if child := os.fork():
        return child
    os.environ.update(environment)
    os.dup2(2, 1)
    code = 0
    try:
        work(**asked)
    except LlmiError as error:
        print(error, file=sys.stderr)
        code = 2
    except BaseException:  # noqa: BLE001 - what ends a process is said by it
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)


def main(work: Work = work) -> None:
    gc.collect()
    gc.freeze()  # what is imported is not gone through again in each process
    for line in sys.stdin:
        given = json.loads(line)
        children = [forked(work, given["asked"], each) for each in given["environments"]]
        codes = [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    main()
