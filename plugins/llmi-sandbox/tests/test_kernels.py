"""Files outside stay whole on every kernel on which the sandbox agrees to run code: kernels.py goes at them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is Linux's")

HERE = Path(__file__).parent
NOBODY = 65534


@pytest.fixture(scope="module", params=["me", "nobody"])
def rows(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    if request.param == "nobody" and os.getuid():
        pytest.skip("only root can become an ordinary user")
    user = str(NOBODY if request.param == "nobody" else os.getuid())
    folder = tempfile.mkdtemp(prefix="kernels-")  # an ordinary user cannot reach pytest's own
    Path(folder).chmod(0o755)
    command = [sys.executable, str(HERE / "kernels.py"), folder, user]
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, env=environment, text=True, check=False)
    shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_where_the_layers_stand_no_file_outside_is_harmed(rows: list[dict[str, Any]]) -> None:
    *shut_in, plain = rows
    assert [row for row in shut_in if not row["missing"] and row["harmed"]] == []
    assert {"outside/thesis.txt", "library/font.ttf"} <= set(plain["harmed"])  # they do harm


def test_a_layer_that_leaves_something_open_does_not_count(rows: list[dict[str, Any]]) -> None:
    """Every version of Landlock is enough beside seccomp, and none is without it, root of its own or not."""
    *shut_in, _plain = rows
    for row in shut_in:
        assert bool(row["missing"]) == (row["landlock"] == 0 or not row["seccomp"])
        assert ("files" in row["on"]) == (row["landlock"] > 0 and row["seccomp"])
        assert ("network" in row["on"]) == row["seccomp"]
        said = row["on"].get("files", "")
        assert ("a root of its own" in said) == (bool(said) and row["namespaces"])
        assert ("can be learnt" in said) == (bool(said) and not row["namespaces"])
