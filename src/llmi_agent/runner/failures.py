"""From whatever was raised to what it comes down to. Imports no more than a wrong command line needs."""

from __future__ import annotations

from llmi_agent.base.errors import LlmiError
from llmi_agent.runner.signals import Stopped


def culprit(error: BaseException) -> BaseException:
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


def unexpected(error: BaseException) -> str:
    """The words for an error that nobody raised on purpose."""
    if not isinstance(error, Exception):
        return f"ended by {type(error).__name__}"
    words = f"{type(error).__name__}: {error}"
    return f"this should not have happened: {words.rstrip('.: ')}"


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
