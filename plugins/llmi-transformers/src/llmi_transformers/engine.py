"""One checkpoint at work, in a process of its own: what it computes does not keep the event loops here from their work.

The other one ends with this one, and when nobody has the engine any more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import IO, Any
from weakref import WeakValueDictionary, finalize

from llmi_agent.contract import PolicyFailed
from llmi_transformers.folder import Folder
from llmi_transformers.post import Answering, Post
from llmi_transformers.settings import Settings
from llmi_transformers.wire import Line, Open

_PATIENCE = 10.0
"""Seconds for the process to end by itself."""
_TAIL = 2000
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_USUAL = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Where the user says nothing else: threads that wait do not spin, for the graph needs the processor meanwhile."""


class Engine(Answering):
    """To be had from `engine_of`."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        super().__init__()
        self._folder = folder
        self._settings = settings
        self._lock = threading.Lock()
        self._post: _Post | None = None

    def version(self) -> str:
        """Of the checkpoint, by its files. Raises PolicyFailed if they cannot be read."""
        try:
            return self._folder.version()
        except OSError as error:
            raise PolicyFailed(
                f"{self._folder.path} cannot be read: {error.strerror or error}", "input"
            ) from None

    def _open(self) -> _Post:
        """The process, begun when it is needed; another one where it has died."""
        with self._lock:
            if self._post is None or self._post.dead:
                self._post = _Post(self._folder, self._settings)
                finalize(self, _Post.close, self._post)
            return self._post


class _Post(Post):
    """The process that writes, and those who wait for what it says."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        super().__init__()
        self._folder = folder
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "llmi_transformers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**_USUAL, **os.environ, **_OFFLINE},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._line = Line(self._process.stdout, self._process.stdin)
        self._send(Open(folder, settings))
        self._listener = threading.Thread(
            target=self._listen, name="llmi-transformers", daemon=True
        )
        self._listener.start()

    def close(self) -> None:
        """End the process: it does when nobody speaks to it."""
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_PATIENCE)
        self._process.stdout.close()  # type: ignore[union-attr]
        self._said.close()

    def _send(self, value: object) -> None:
        with self._lock, suppress(OSError, ValueError):  # that it is gone is heard by the listener
            self._line.send(value)

    def _listen(self) -> None:
        while (news := self._line.receive()) is not None:
            self._hand_on(news)
        self._process.wait()
        self.dead = True
        self._lose(self._why())

    def _why(self) -> str:
        """What became of the process."""
        code = self._process.poll()
        try:
            self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _TAIL))
            lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        except ValueError:  # closed
            lines = []
        killed = "; it was killed, as systems do when memory is short" if code == -9 else ""
        said = f": {lines[-1]:.300}" if lines else ""
        return f"the process that writes for {self._folder.path} has ended (exit code {code}){killed}{said}"


_engines: WeakValueDictionary[Any, Engine] = WeakValueDictionary()
_making = threading.Lock()


def engine_of(folder: Folder, settings: Settings) -> Engine:
    """The one of this process, as long as anybody has it; another one where the checkpoint was written anew."""
    key = (folder.path.resolve(), folder.stamp, settings)
    with _making:
        found = _engines.get(key)
        if found is None:
            found = _engines[key] = Engine(folder, settings)
        return found
