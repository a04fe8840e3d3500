"""E2B on loopback, for tests: the real SDK, real sockets, and sandboxes that are folders.

with FakeE2B() as e2b:
    settings = {"e2b_code": e2b.settings}
    ...
    assert e2b.killed == list(e2b.sandboxes)

The wire format is that of e2b 2.63 and of the server in E2B's public code-interpreter template. By default the code
that is sent is really run, by this Python in a process of its own and WITHOUT any confinement, so feed it only
code of your own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from llmi_agent.testing import Reply, Seen, Server, json_reply
from llmi_e2b.inside import FIGURE, REPORT

Event = dict[str, Any]
"""A line of the answer to /execute, with its `type`: result, error, stdout, stderr."""

_HOME = "/home/user/"
_MOST_SECONDS = 60.0
_TIMES = {"startedAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-01T01:00:00Z"}
_KERNEL = """
import json, sys, traceback, types

fields = {"text/plain": "text", "image/png": "png", "image/jpeg": "jpeg", "application/json": "json"}

def send(**event):
    with open(sys.argv[1], "a", encoding="utf-8") as out:
        print(json.dumps(event), file=out)

def display(data, raw):
    send(type="result", is_main_result=False, **{fields[name]: data[name] for name in data})

sys.modules["IPython.display"] = types.ModuleType("IPython.display")
sys.modules["IPython.display"].display = display
try:
    exec(sys.stdin.read(), {"__name__": "__main__"})
except BaseException as error:
    send(type="error", name=type(error).__name__, value=str(error), traceback=traceback.format_exc())
"""


@dataclass
class FakeSandbox:
    """A sandbox as it was asked for, and what became of it."""

    id: str
    home: Path
    request: Mapping[str, Any]
    """The body that it was created with: templateID, timeout, envVars, metadata, allow_internet_access."""
    token: str
    alive: bool = True
    uploads: list[str] = field(default_factory=list)
    """Paths in the order they were written."""
    contexts: set[str] = field(default_factory=set)
    """Code contexts that were not removed."""
    programs: list[str] = field(default_factory=list, repr=False)
    """What it was told to execute: the user's code and the program around it."""


Run = Callable[[FakeSandbox, str], Sequence[Event]]


class FakeE2B(Server):
    """The API and its sandboxes in one server.

    key: the only one that is accepted. run: what executing code in a sandbox answers.
    """

    def __init__(self, key: str = "e2b_test", run: Run | None = None) -> None:
        super().__init__()
        self.key = key
        self.run: Run = run or run_here
        self.sandboxes: dict[str, FakeSandbox] = {}
        """All that were ever created, by id."""
        self.killed: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="llmi-fake-e2b-")

    @property
    def settings(self) -> dict[str, str]:
        """What `[tools.e2b_code]` must say for the tool to come here."""
        return {"api_base": self.url, "sandbox_url": self.url}

    @property
    def alive(self) -> list[FakeSandbox]:
        """The sandboxes that still run up a bill."""
        return [each for each in self.sandboxes.values() if each.alive]

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._folder.cleanup()

    def answer(self, request: Seen) -> Reply:
        if request.path.startswith(("/v2/sandboxes", "/sandboxes")):
            return self._api(request)
        sandbox = self.sandboxes.get(request.headers.get("e2b-sandbox-id", ""))
        if sandbox is None or not sandbox.alive:
            return _error(502, "The sandbox was not found")
        return self._inside(request, sandbox)

    def _api(self, request: Seen) -> Reply:
        if request.headers.get("x-api-key") != self.key:
            return _error(401, "Invalid API key format or unknown key")
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["v2", "sandboxes"]:
                return self._created(request)
            case "GET", ["v2", "sandboxes"]:
                return json_reply(self._listed(request))
            case "DELETE", ["sandboxes", name] if self._is_alive(name):
                self.sandboxes[name].alive = False
                self.killed.append(name)
                return Reply(204)
            case "POST", ["sandboxes", name, "timeout"] if self._is_alive(name):
                return Reply(204)
        return _error(404, f"nothing is at {request.path}")

    def _is_alive(self, name: str) -> bool:
        return name in self.sandboxes and self.sandboxes[name].alive

    def _created(self, request: Seen) -> Reply:
        name = f"i{uuid.uuid4().hex[:19]}"
        home = Path(self._folder.name, name)
        home.mkdir()
        sandbox = FakeSandbox(name, home, request.json, token=uuid.uuid4().hex)
        self.sandboxes[name] = sandbox
        told = {"sandboxID": name, "templateID": request.json["templateID"], "clientID": "fake"}
        access = {"envdVersion": "0.6.7", "envdAccessToken": sandbox.token, "domain": None}
        return json_reply({**told, **access}, 201)

    def _listed(self, request: Seen) -> list[dict[str, Any]]:
        asked = parse_qs(unquote(request.args.get("metadata", "")))
        wanted = {name: values[-1] for name, values in asked.items()}
        found = [each for each in self.alive if wanted.items() <= each.request["metadata"].items()]
        size = {"cpuCount": 2, "memoryMB": 2048, "diskSizeMB": 10_240}
        return [
            {
                "sandboxID": each.id,
                "templateID": each.request["templateID"],
                "clientID": "fake",
                "state": "running",
                "envdVersion": "0.6.7",
                "metadata": each.request["metadata"],
                **size,
                **_TIMES,
            }
            for each in found[: int(request.args.get("limit", 100))]
        ]

    def _inside(self, request: Seen, sandbox: FakeSandbox) -> Reply:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["health"]:
                return Reply(204)
            case "POST", ["files"]:
                return _written(request, sandbox)
            case "POST", ["contexts"]:
                name = uuid.uuid4().hex
                sandbox.contexts.add(name)
                return json_reply({"id": name, "language": "python", "cwd": _HOME.rstrip("/")})
            case "DELETE", ["contexts", name] if name in sandbox.contexts:
                sandbox.contexts.discard(name)
                return json_reply(None)
            case "POST", ["execute"] if request.json["context_id"] in sandbox.contexts:
                return self._executed(request.json["code"], sandbox)
        return Reply(404, f"{request.path} not found".encode(), "text/plain")

    def _executed(self, code: str, sandbox: FakeSandbox) -> Reply:
        sandbox.programs.append(code)
        count = {"type": "number_of_executions", "execution_count": 1}
        events = [count, *self.run(sandbox, code), {"type": "end_of_execution"}]
        return Reply(body=tuple(f"{json.dumps(event)}\n".encode() for event in events))


def run_here(sandbox: FakeSandbox, code: str) -> list[Event]:
    """Really run the code, in a process of this Python whose working folder is the sandbox's home."""
    notes = sandbox.home.parent / f"{uuid.uuid4().hex}.jsonl"
    variables = {"PATH": os.defpath, "HOME": str(Path.home()), "TMPDIR": str(sandbox.home)}
    done = subprocess.run(
        [sys.executable, "-c", _KERNEL, str(notes)],
        input=code.encode(),
        capture_output=True,
        cwd=sandbox.home,
        env=variables,
        timeout=_MOST_SECONDS,
        check=False,
    )
    events = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    if done.returncode != 0:
        events.append(error("ContextRestarting", "Context was restarted"))
    return events


def figures(*pictures: str) -> Run:
    """Answers any code as if it had drawn these PNGs, given in base64."""
    drawn = [{"type": "result", "png": picture, "text": FIGURE} for picture in pictures]
    report = {"error": "", "printed": "", "matplotlib": "3.10.9"}
    return lambda sandbox, code: [*drawn, {"type": "result", "json": report, "text": REPORT}]


def error(name: str, value: str) -> Event:
    """What the server sends when the kernel reports an error, or dies."""
    return {"type": "error", "name": name, "value": value, "traceback": ""}


def _written(request: Seen, sandbox: FakeSandbox) -> Reply:
    path = request.args["path"]
    if request.headers.get("x-access-token") != sandbox.token:
        return _error(401, "unauthenticated")
    if request.headers.get("content-type") != "application/octet-stream":
        return _error(400, "this fake takes octet streams only")
    if not path.startswith(_HOME):
        return _error(400, f"this fake keeps files under {_HOME} only")
    place = sandbox.home / path.removeprefix(_HOME)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(request.body)
    sandbox.uploads.append(path)
    return json_reply([{"name": place.name, "type": "file", "path": path}])


def _error(status: int, message: str) -> Reply:
    return json_reply({"code": status, "message": message}, status)
