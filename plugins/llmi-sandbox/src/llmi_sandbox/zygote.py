"""The warm process: it has the plotting libraries loaded, and forks a keeper for each call.

It is started by exec, so it has nothing of LLMI's: no memory, no environment, no handle but the socket that the calls
come by. It has one thread, runs nothing of the policy's, and ends when that socket closes or nothing comes for a while.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import site
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from llmi_sandbox.job import Places

READY = b"R"
_IDLE = 300.0
"""Seconds without a call after which it ends."""
_LENGTH = 4


def main() -> None:
    """Serve the socket whose number is the last argument. Does not return."""
    control = socket.socket(fileno=int(sys.argv[-1]))
    control.setblocking(True)
    os.environ["HOME"] = _home()  # a user's own fonts lie there
    network = _leave_network()
    from llmi_sandbox import keeper, warm, worker

    if sys.platform == "linux":
        from llmi_sandbox import landlock, seccomp

        assert landlock
        assert seccomp

    assert keeper
    assert worker
    site.setquit()  # `exit()`, which is there for everybody who started Python with its site
    warm.first()
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    control.sendall(READY)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _serve(control, network, warm.steps())
    os._exit(0)


def send(control: socket.socket, root: Path, leash: socket.socket) -> None:
    """Ask for a run of the job in the folder `root`. Raises OSError if the zygote is gone."""
    text = os.fsencode(root)
    socket.send_fds(control, [len(text).to_bytes(_LENGTH, "big")], [leash.fileno()])
    control.sendall(text)


def _receive(control: socket.socket) -> tuple[Path, socket.socket] | None:
    """The next call's folder and leash; None when LLMI is gone."""
    head, handles, _, _ = socket.recv_fds(control, _LENGTH, 1)
    if len(head) < _LENGTH or not handles:
        return None
    root = control.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
    return Path(os.fsdecode(root)), socket.socket(fileno=handles[0])


def _serve(control: socket.socket, network: bool, steps: list[Callable[[], None]]) -> None:
    """Fork for every call; what is left of warming up is done while none comes."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    gc.freeze()  # the children share what is there now
    while True:
        ready = poll.poll(0 if steps else _IDLE * 1000)
        if not ready and steps:
            steps.pop(0)()
            gc.freeze()
            continue
        call = _receive(control) if ready else None
        if call is None:
            return
        root, leash = call
        if _fork() == 0:
            control.close()
            _keep(root, leash, network)
        leash.close()


def _fork() -> int:
    """As os.fork, or -1 if the system is out of processes: the closed leash tells it to LLMI."""
    try:
        return os.fork()
    except OSError:
        return -1


def _keep(root: Path, leash: socket.socket, network: bool) -> None:
    from llmi_sandbox import keeper

    try:
        keeper.keep(Places(root), leash, network)
    finally:
        os._exit(0)  # whatever went wrong: LLMI sees that the leash closed without a word


def _leave_network() -> bool:
    if sys.platform != "linux":
        return False
    from llmi_sandbox import linux

    return linux.leave_network()


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"
