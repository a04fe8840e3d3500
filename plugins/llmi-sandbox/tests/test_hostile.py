"""Sixty hostile snippets, each held by the sandbox, as the user who runs the tests and as an ordinary one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that an ordinary user can reach, unlike pytest's folders."""
    place = Path(tempfile.mkdtemp(prefix="hostile-home-"))
    yield place
    shutil.rmtree(place)


def test_there_are_sixty() -> None:
    assert len(set(NAMES)) == len(NAMES) == 60


@pytest.mark.parametrize("user", ["me", "nobody"])
def test_each_is_contained_and_the_run_goes_on(home: Path, user: str) -> None:
    """One row for each snippet, from hostile_runs.py; one run for all, so that each is followed by another."""
    command = [sys.executable, str(HERE / "hostile_runs.py")]
    if user == "nobody":
        if os.getuid() or not (shutil.which("setpriv") and shutil.which("unshare")):
            pytest.skip("only root can become an ordinary user, with setpriv and unshare")
        os.chown(home, NOBODY, NOBODY)
        command = [*_as_nobody(home), *command]
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, env=environment, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == NAMES
    assert [row for row in rows if not row["contained"] or not row["good"]] == []
