"""Sixty hostile snippets, each held by the sandbox, as the user who runs the tests and as an ordinary one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is Linux's")

HERE = Path(__file__).parent
NAMES = re.findall(r"^### (.*)$", (HERE / "hostile.txt").read_text("utf-8"), re.MULTILINE)
NOBODY = 65534
# The interpreter may lie in root's home: in a mount namespace of its own, that holds nothing but the interpreter.
_AS_NOBODY = """
if ! setpriv --reuid=$1 --regid=$1 --clear-groups test -x "$2/bin/python3"; then
    mkdir -p "$3" && mount --bind "$2" "$3" && mount -t tmpfs -o mode=755 none "$HOME" &&
    mkdir -p "$2" && mount --bind "$3" "$2"
fi
home="$4"; who=$1; shift 4
exec setpriv --reuid=$who --regid=$who --clear-groups env HOME="$home" TMPDIR="$home" "$@"
"""


def _as_nobody(home: Path) -> list[str]:
    spare = home / "python"
    given = (str(NOBODY), sys.base_prefix, str(spare), str(home))
    return ["unshare", "--mount", "bash", "-c", _AS_NOBODY, "bash", *given]


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """What hostile_runs.py says of each snippet, by user and name; both users' runs go on at once."""
    script = [sys.executable, str(HERE / "hostile_runs.py")]
    commands = {"me": script}
    home = Path(tempfile.mkdtemp(prefix="nobody-"))
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    if os.getuid() == 0 and shutil.which("setpriv") and shutil.which("unshare"):
        os.chown(home, NOBODY, NOBODY)
        commands["nobody"] = [*_as_nobody(home), *script]
    running = {
        user: subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
        )
        for user, command in commands.items()
    }
    said: dict[str, dict[str, Any]] = {}
    ended = {
        user: (*process.communicate(timeout=240), process) for user, process in running.items()
    }
    shutil.rmtree(home)
    for user, (out, err, process) in ended.items():
        assert process.returncode == 0, f"{user}: {err[-2000:]}"
        rows = [json.loads(line) for line in out.splitlines()]
        said[user] = {row["name"]: row for row in rows}
    return said


def test_there_are_sixty() -> None:
    assert len(set(NAMES)) == len(NAMES) == 60


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("user", ["me", "nobody"])
def test_it_is_contained_and_the_run_goes_on(
    told: dict[str, dict[str, Any]], user: str, name: str
) -> None:
    if user not in told:
        pytest.skip("only root can become an ordinary user")
    assert told[user][name] == {"name": name, "contained": True, "why": [], "good": True}
