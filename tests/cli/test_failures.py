"""How exceptions become sentences and exit codes."""

from __future__ import annotations

import click
import pytest

from llmi_agent.base.errors import ConfigError, InputError, LlmiError, PolicyError, UnavailableError
from llmi_agent.cli.failures import explain
from llmi_agent.runner.signals import Stopped


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LlmiError("x"), 1),
        (PolicyError("x"), 1),
        (InputError("x"), 2),
        (ConfigError("x"), 2),
        (UnavailableError("x"), 3),
        (ExceptionGroup("g", [ValueError("y"), ExceptionGroup("h", [InputError("x")])]), 2),
        (caused(RuntimeError("wrapped"), UnavailableError("x")), 3),
    ],
)
def test_an_error_of_ours_keeps_its_words_and_its_code(error: Exception, code: int) -> None:
    failure = explain(error)
    assert (failure.message, failure.exit_code, failure.unexpected) == ("x", code, None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (Stopped(2), 130),
        (Stopped(15), 143),
        (BaseExceptionGroup("g", [KeyboardInterrupt()]), 130),
        (click.UsageError("x"), 2),
        (BrokenPipeError(), 1),
        (SystemExit(5), 5),
    ],
)
def test_what_ends_a_process_has_its_usual_code(error: BaseException, code: int) -> None:
    assert explain(error).exit_code == code
    assert explain(error).unexpected is None


def test_anything_else_is_named_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush-hush-123")
    error = KeyError("hush-hush-123")
    failure = explain(error)
    assert failure.exit_code == 1
    assert failure.unexpected is error
    assert "KeyError" in failure.message
    assert "report it" in failure.message
    assert "hush" not in failure.message
