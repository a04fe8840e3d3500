"""The process that writes: it reads what is asked on stdin, and says what it writes on stdout, until stdin ends."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING

from llmi_transformers.wire import Line, Open

if TYPE_CHECKING:
    from llmi_transformers.desk import Order


def main() -> None:
    """Never returns: the process ends with its stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has asked
    line = Line(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what libraries print is no answer
    opening = line.receive()
    if not isinstance(opening, Open):
        sys.exit(2)
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(line, orders), daemon=True).start()
    from llmi_transformers.desk import Desk

    Desk(opening, orders, line.send).work()


def _read(line: Line, orders: queue.SimpleQueue[Order]) -> None:
    while (order := line.receive()) is not None:
        orders.put(order)
    os._exit(0)


if __name__ == "__main__":
    main()
