"""structlog events over the standard library's logging: silent until somebody configures it.

Events go to the logger "llmi_agent", so an embedding program decides what becomes of them. The CLI calls
`configure_logs`: readable lines on a terminal, JSON lines elsewhere, secrets redacted in both.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from llmi_agent.base.secrets import Redactor

_NOISY = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "httpcore", "asyncio")

logging.getLogger("llmi_agent").addHandler(logging.NullHandler())


def get_logger(**values: Any) -> FilteringBoundLogger:
    """A logger with `values` on each of its events."""
    logger = structlog.wrap_logger(
        logging.getLogger("llmi_agent"),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        cache_logger_on_first_use=False,
    )
    return cast("FilteringBoundLogger", logger.bind(**values))


def tells() -> bool:
    """Whether anybody is told more than of what goes wrong: if not, there is nothing to put into words."""
    return logging.getLogger("llmi_agent").isEnabledFor(logging.INFO)


def configure_logs(
    secrets: Iterable[str] = (), *, verbose: bool = False, stream: TextIO | None = None
) -> None:
    """Send events to `stream` (stderr): all with `verbose`, else warnings and worse.

    The warnings of other libraries go the same way, so that they are redacted too.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redacting(Redactor(secrets)),
                _renderer(stream),
            ],
        )
    )
    root, logger = logging.getLogger(), logging.getLogger("llmi_agent")
    root.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)


def _redacting(redactor: Redactor) -> Processor:
    def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {key: redactor.data(_plain(value)) for key, value in event.items()}

    return redact


def _plain(value: Any) -> Any:
    """What is written as a string in the end is one before it is redacted."""
    data = str, int, float, Mapping, list, tuple, type(None)
    return value if isinstance(value, data) else str(value)


def _renderer(stream: TextIO) -> Processor:
    if stream.isatty():
        return structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ)
    return structlog.processors.JSONRenderer(default=str)
