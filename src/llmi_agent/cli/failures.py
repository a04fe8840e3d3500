"""From an exception to what the user is told of it: one sentence and an exit code, never a traceback."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from llmi_agent.base.errors import LlmiError
from llmi_agent.runner.failures import culprit, unexpected
from llmi_agent.runner.signals import Stopped

if TYPE_CHECKING:
    from llmi_agent.runner.job import Failure

INTERRUPTED = "stopped by Ctrl-C"
CLOSED_PIPE = 1
"""When nobody reads stdout any more; click ends with the same."""

_REPORT = "Run again with -v for the traceback, and please report it"


@dataclass(frozen=True)
class Ending:
    """How the command ends."""

    message: str
    """Empty: there is nothing to say, or nobody to read it."""
    exit_code: int
    usage: click.ClickException | None = None
    """Shows itself, with the way to the help."""
    unexpected: BaseException | None = None
    """Not an error that LLMI raises on purpose; its traceback goes with `-v`."""


def explain(error: BaseException) -> Ending:
    """What becomes of any exception."""
    error = culprit(error)
    match error:
        case LlmiError() | Stopped():
            return Ending(str(error), error.exit_code)
        case click.Abort():
            return Ending(INTERRUPTED, 130)
        case click.ClickException():
            return Ending(error.format_message(), error.exit_code, usage=error)
        case click.exceptions.Exit():
            return Ending("", error.exit_code)
    if isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
        return Ending(_unexpected(error), 1, unexpected=error)
    return _ending(error)


def _ending(error: BaseException) -> Ending:
    """What ends a process without being an error of the program."""
    match error:
        case KeyboardInterrupt():
            return Ending(INTERRUPTED, 130)
        case BrokenPipeError():
            return Ending("", CLOSED_PIPE)
        case SystemExit(code=int(code)):
            return Ending("", code)
    return Ending(unexpected(error), 1, unexpected=error)


def in_words(failure: Failure) -> str:
    """What is said of a document that failed."""
    return f"{failure.message}. {_REPORT}" if failure.unexpected else failure.message


def _unexpected(error: BaseException) -> str:
    from llmi_agent.base.secrets import Redactor, secret_values

    words = Redactor(secret_values(os.environ)).text(unexpected(error))
    return f"{words}. {_REPORT}"
