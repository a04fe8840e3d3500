"""Signals to stop are heard, whatever the event loop is at."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path


def test_a_stop_is_heard_while_the_loop_is_busy(tmp_path: Path) -> None:
    """A loop whose pipe of wake-ups is full must not lose the signal."""
    script = (
        "import asyncio, threading, time\n"
        "from llmi_agent.runner.signals import Stopped, run_until_stopped\n"
        "async def busy():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    for _ in range(200_000): loop._write_to_self()\n"
        "    print('full', flush=True)\n"
        "    time.sleep(1.0)\n"
        "    await asyncio.sleep(20)\n"
        "try: run_until_stopped(busy())\n"
        "except Stopped as stopped: raise SystemExit(stopped.exit_code)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "full\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
    assert (process.returncode, said) == (130, "")
