"""What the command line says: results on stdout, everything else on stderr, and how errors end it."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from llmi_agent.base.errors import LlmiError

if TYPE_CHECKING:
    from pathlib import Path


class Output:
    """Made from the arguments before they are parsed, so that a wrong argument is reported in kind.

    json: stdout gets one JSON object and nothing else, errors included.
    verbose: events go to stderr.
    command: whose output it is.
    """

    def __init__(self, *, json: bool = False, verbose: bool = False, command: str = "llmi") -> None:
        self.json = json
        self._command = command
        self.verbose = verbose
        self.about: Callable[[], Mapping[str, Any]] = dict
        """What an error's object says besides: of the run that it ends."""

    @classmethod
    def of(cls, arguments: Sequence[str], command: str = "llmi") -> Output:
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        verbose = "-v" in options or "--verbose" in options
        return cls(json="--json" in options, verbose=verbose, command=command)

    @property
    def live(self) -> bool:
        """Whether somebody watches: stderr is a terminal that can redraw, and events do not go there."""
        terminal = sys.stderr is not None and sys.stderr.isatty()
        return terminal and not self.verbose and os.environ.get("TERM") != "dumb"

    def configure_logs(self) -> None:
        """Events to stderr if the user asked for them; otherwise nobody's log lines get there."""
        import logging
        import warnings

        if self.verbose:
            from llmi_agent.base.logs import configure_logs
            from llmi_agent.base.secrets import secret_values

            configure_logs(secret_values(os.environ), verbose=True)
            return
        logging.getLogger().addHandler(logging.NullHandler())
        if not sys.warnoptions:
            warnings.simplefilter("ignore")

    def say(self, sentence: str, event: str = "notice") -> None:
        """One line on stderr; where events go as JSON lines, it is one of them. A full disk there stops nothing."""
        from llmi_agent.base.text import one_line

        if self.verbose and not self._terminal():
            from llmi_agent.base.logs import get_logger

            get_logger().warning(event, message=one_line(sentence))
            return
        try:
            click.echo(f"{self._command}: {one_line(sentence)}", err=True)
        except BrokenPipeError:
            raise
        except OSError:
            _abandon(sys.stderr)

    def give(self, value: Any) -> None:
        """The result of `--json`."""
        import json

        click.echo(json.dumps(value, indent=2, default=str))

    def flush(self) -> None:
        """Write out what is buffered, so that a closed pipe is noticed here and not at the interpreter's exit."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()

    def fail(self, error: BaseException) -> int:
        """Say what went wrong; returns the exit code. A closed pipe ends everything without a word."""
        from llmi_agent.cli.failures import CLOSED_PIPE, explain
        from llmi_agent.runner.failures import culprit

        if full := _of_stdout(culprit(error)):
            _abandon(sys.stdout)
            error = LlmiError(f"cannot write to stdout: {full.strerror or full}")
        try:
            failure = explain(error)
            if failure.usage and not self.json:
                failure.usage.show()
            elif failure.message:
                self._report(failure.message, failure.exit_code)
            if failure.unexpected and self.verbose:
                self._trace(failure.unexpected)
            self.flush()
        except BrokenPipeError:
            _abandon(sys.stdout)
            return CLOSED_PIPE
        except OSError:
            for stream in (sys.stdout, sys.stderr):
                _abandon(stream)
            return failure.exit_code
        if isinstance(error, BrokenPipeError):
            _abandon(sys.stdout)
        return failure.exit_code

    def _report(self, message: str, exit_code: int) -> None:
        self.say(message, "failed")
        if self.json:
            import json

            said = {"message": message, "exit_code": exit_code, **self.about()}
            click.echo(json.dumps({"error": said}))

    def _trace(self, error: BaseException) -> None:
        from llmi_agent.base.secrets import Redactor, secret_values

        text = "".join(traceback.format_exception(error))
        click.echo(Redactor(secret_values(os.environ)).text(text), err=True, nl=False)

    def _terminal(self) -> bool:
        return sys.stderr is not None and sys.stderr.isatty()


def print_files(files: Iterable[Path]) -> None:
    """The paths on stdout, one a line, the page last: it is what most people look for."""
    for path in sorted(files, key=lambda each: each.suffix == ".html"):
        click.echo(os.fsencode(path))


def _of_stdout(error: BaseException) -> OSError | None:
    """The error, if what it says is that stdout cannot be written to; that nobody reads it is another matter."""
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
        return None
    try:
        if sys.stdout is not None:
            sys.stdout.flush()  # what could not be written is still in the buffer
    except OSError:
        return error
    frames = list(traceback.walk_tb(error.__traceback__))
    unbuffered = frames and frames[-1][0].f_globals.get("__name__") == "click.utils"
    return error if unbuffered else None


def _abandon(stream: TextIO | None) -> None:
    """What is left in its buffers must not raise again when the interpreter exits."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]
