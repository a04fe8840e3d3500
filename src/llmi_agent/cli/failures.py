"""From an exception to what the user is told of it: one sentence and an exit code, never a traceback."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from llmi_agent.base.errors import LlmiError
from llmi_agent.runner.signals import Stopped

INTERRUPTED = "stopped by Ctrl-C"
CLOSED_PIPE = 1
"""When nobody reads stdout any more; click ends with the same."""


@dataclass(frozen=True)
class Failure:
    """How the command ends."""

    message: str
    """Empty: there is nothing to say, or nobody to read it."""
    exit_code: int
    usage: click.ClickException | None = None
    """Shows itself, with the way to the help."""
    unexpected: BaseException | None = None
    """Not an error that LLMI raises on purpose; its traceback goes with `-v`."""


def explain(error: BaseException) -> Failure:
    """What becomes of any exception."""
    error = _deliberate(error)
    match error:
        case LlmiError() | Stopped():
            return Failure(str(error), error.exit_code)
        case click.Abort():
            return Failure(INTERRUPTED, 130)
        case click.ClickException():
            return Failure(error.format_message(), error.exit_code, usage=error)
        case click.exceptions.Exit():
            return Failure("", error.exit_code)
    if isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
        return Failure(_unexpected(error), 1, unexpected=error)
    return _ending(error)


def _ending(error: BaseException) -> Failure:
    """What ends a process without being an error of the program."""
    match error:
        case KeyboardInterrupt():
            return Failure(INTERRUPTED, 130)
        case BrokenPipeError():
            return Failure("", CLOSED_PIPE)
        case SystemExit(code=int(code)):
            return Failure("", code)
    return Failure(f"ended by {type(error).__name__}", 1, unexpected=error)


def _deliberate(error: BaseException) -> BaseException:
    """The error of ours, or the order to stop, inside groups and causes; else the first one that is no group."""
    leaves = _leaves(error)
    chosen = (LlmiError, Stopped, KeyboardInterrupt)
    for leaf in leaves:
        cause: BaseException | None = leaf
        while cause is not None:
            if isinstance(cause, chosen):
                return cause
            cause = cause.__cause__
    return leaves[0]


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def _unexpected(error: BaseException) -> str:
    from llmi_agent.base.secrets import Redactor, secret_values

    words = Redactor(secret_values(os.environ)).text(f"{type(error).__name__}: {error}")
    return (
        f"this should not have happened: {words.rstrip('.: ')}. "
        "Run again with -v for the traceback, and please report it"
    )
