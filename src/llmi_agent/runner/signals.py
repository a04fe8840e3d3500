"""Stopping in order: Ctrl-C and SIGTERM cancel the run, which closes what it has open; a second one does not wait."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(Exception):  # noqa: N818 - an order that was obeyed, not an error
    """The run was told to stop, and has."""

    def __init__(self, number: int) -> None:
        by = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(f"stopped by {by}")
        self.exit_code = 128 + number


def run_until_stopped(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, but a signal to stop cancels the coroutine and raises Stopped when it has ended."""
    return asyncio.run(_guarded(coroutine))


async def _guarded(coroutine: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(coroutine)
    received: list[int] = []
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: object) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        loop.call_soon_threadsafe(task.cancel)

    with _handling(stop):
        try:
            return await task
        except BaseException:
            if received:
                raise Stopped(received[0]) from None
            raise


@contextmanager
def _handling(stop: Callable[[int, object], None]) -> Iterator[None]:
    """Not `loop.add_signal_handler`: it hears of a signal by a byte in a pipe that a busy loop's own callbacks fill,
    and a byte that does not fit is a Ctrl-C that is lost.
    """
    before: dict[int, Any] = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        # A signal that is ignored stays so: that is what nohup is for.
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            before[number] = signal.signal(number, stop)
        except ValueError:
            break  # not the main thread
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
