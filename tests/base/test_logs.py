"""Events: JSON lines with secrets redacted, and silence until somebody asks."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmi_agent.base.logs import configure_logs, get_logger


@pytest.fixture
def logger_as_it_was() -> Iterator[None]:
    root, logger = logging.getLogger(), logging.getLogger("llmi_agent")
    handlers, level = root.handlers[:], logger.level
    yield
    root.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.usefixtures("logger_as_it_was")
def test_events_are_json_lines_without_secrets() -> None:
    stream = io.StringIO()
    configure_logs(["sk-canary-123"], verbose=True, stream=stream)
    get_logger(episode="e").info("call.started", tool="t", nested={"key": ["is sk-canary-123"]})
    try:
        raise RuntimeError("bad key sk-canary-123")
    except RuntimeError:
        get_logger().exception("call.failed")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["event"], first["episode"], first["level"]) == ("call.started", "e", "info")
    assert first["nested"] == {"key": ["is [secret]"]}
    assert "RuntimeError: bad key [secret]" in second["exception"]
    assert "canary" not in stream.getvalue()


@pytest.mark.usefixtures("logger_as_it_was")
def test_without_verbose_only_warnings_are_shown() -> None:
    stream = io.StringIO()
    configure_logs(["sk-canary-123"], stream=stream)
    get_logger().info("call.started")
    get_logger().warning("session.close_failed")
    logging.getLogger("another.library").warning("speaks of sk-canary-123")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "session.close_failed",
        "speaks of [secret]",
    ]


def test_a_library_user_who_configures_nothing_sees_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    get_logger().info("call.started")
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("logger_as_it_was")
def test_a_secret_in_what_becomes_a_string_is_redacted() -> None:
    stream = io.StringIO()
    configure_logs(["r8_CANARY9z8y7x6w"], stream=stream)
    error = ValueError(r"no such key: r8\_CANARY9z8y7x6w, r8&#95;CANARY9z8y7x6w")
    get_logger().warning("call.failed", error=error, at=Path("r8_CANARY9z8y7x6w"))
    assert "CANARY" not in stream.getvalue()
    assert stream.getvalue().count("[secret]") == 3
